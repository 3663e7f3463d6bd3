import { BODY_CHUNKED, BODY_LENGTH, BODY_NONE } from '../../http/body.ts'
import { ChunkedScanner } from '../../http/h1/chunked-scanner.ts'
import { parseInvalidResponseHead } from '../../http/h1/invalid-response.ts'
import { parseResponseHead } from '../../http/h1/response-parser.ts'
import { DEFAULT_CHUNK_LIMITS, DEFAULT_HEAD_LIMITS } from '../../http/limits.ts'
import { rejectOf } from '../../http/rejects.ts'
import { ResponseHead } from '../../http/response-head.ts'
import { type HttpProbeConfig, PROBE_BYTES_MAX } from '../../model/probe-protocol.ts'
import { type Dialogue, found, type Turn, WAIT } from './dialogue.ts'
import { describeExpectation, type Expectations, isOfStatus } from './expectation-match.ts'

/** What has arrived of a body. */
interface Body {
  /** In latin1, without the framing of chunks. */
  readonly text: string
  /** No more of it will come, or be kept. */
  readonly isAll: boolean
}

/**
 * `option httpchk`: one request, and a response that is read as far as the expectations need it:
 * to the end of its head, or with expectations of text until they are decided or the body, or the
 * room for it, is at its end (HAProxy configuration manual, http-check expect).
 *
 * The head is read as that of a response to a client, so that a server is never up whose responses
 * are refused, or down whose responses are not.
 */
export class HttpDialogue implements Dialogue {
  readonly #check: HttpProbeConfig
  readonly #expectations: Expectations
  readonly #head: ResponseHead
  readonly #bytesMax: number
  #received = ''
  /** Where the body begins in what was received; -1 before the head is there. */
  #bodyAt = -1

  constructor(check: HttpProbeConfig, expectations: Expectations) {
    const { headBytesMax, headersMax } = check.response
    this.#check = check
    this.#expectations = expectations
    this.#head = new ResponseHead({ ...DEFAULT_HEAD_LIMITS, headBytesMax, headersMax })
    this.#bytesMax = Math.max(PROBE_BYTES_MAX, headBytesMax)
  }

  begin(): Turn {
    return { send: requestText(this.#check), finding: null }
  }

  receive(text: string, ended: boolean): Turn {
    this.#received += text.slice(0, this.#bytesMax - this.#received.length)
    const turn = this.#bodyAt < 0 ? this.#readHead(ended) : null
    return turn ?? this.#judge(ended)
  }

  pending(): string {
    return ''
  }

  /** Null once the head of the final response is there. */
  #readHead(ended: boolean): Turn | null {
    const { method, response } = this.#check
    const head = this.#head
    const parse = response.acceptInvalid ? parseInvalidResponseHead : parseResponseHead
    const view = Buffer.from(this.#received, 'latin1')
    let at = 0
    for (;;) {
      const used = parse(view, at, view.length, method, head)
      if (used < 0) return found('L7RSP', `Invalid response: ${rejectOf(used).message}`)
      if (used === 0) break
      at += used
      if (head.status >= 200) {
        this.#bodyAt = at
        return null
      }
      // RFC 9110 section 15.2.2: the check has asked for no other protocol.
      if (head.tunnel) return found('L7RSP', 'Unexpected change of protocol', head.status)
    }
    if (!ended && view.length < this.#bytesMax) return WAIT
    return found('L7RSP', this.#received === '' ? 'Empty response' : 'Incomplete response')
  }

  #judge(ended: boolean): Turn {
    const { status: code, reason } = this.#head
    const { expect } = this.#check
    const expectations = this.#expectations
    if (!expect.filter(isOfStatus).every((one) => expectations.matchesStatus(one, code))) {
      return found('L7STS', reason, code)
    }
    const ofText = expect.filter((one) => !isOfStatus(one))
    if (ofText.length === 0) return found('L7OK', reason, code)
    const body = this.#body(ended)
    let isDecided = true
    for (const expectation of ofText) {
      const isFound = expectations.findsText(expectation, body.text)
      if (isFound && expectation.negated) {
        return found('L7RSP', `Unwanted match of ${describeExpectation(expectation)}`, code)
      }
      if (isFound) continue
      if (!body.isAll) isDecided = false
      else if (!expectation.negated) {
        return found('L7RSP', `No match of ${describeExpectation(expectation)}`, code)
      }
    }
    return isDecided ? found('L7OK', reason, code) : WAIT
  }

  #body(ended: boolean): Body {
    const head = this.#head
    const isFull = ended || this.#received.length === this.#bytesMax
    if (head.body === BODY_NONE) return { text: '', isAll: true }
    const rest = this.#received.slice(this.#bodyAt)
    if (head.body === BODY_CHUNKED) return dechunk(Buffer.from(rest, 'latin1'), isFull)
    const bytesMax = head.body === BODY_LENGTH ? head.contentLength : this.#bytesMax
    const text = rest.slice(0, bytesMax)
    return { text, isAll: isFull || text.length === bytesMax }
  }
}

function dechunk(view: Buffer, isFull: boolean): Body {
  const scanner = new ChunkedScanner(DEFAULT_CHUNK_LIMITS, 'response')
  scanner.reset(true)
  let text = ''
  for (let at = 0; at < view.length && !scanner.done; ) {
    const used = scanner.feed(view, at, view.length)
    for (let span = 0; span < scanner.spanCount; span++) {
      text += view.toString('latin1', scanner.spanStart(span), scanner.spanEnd(span))
    }
    if (used < 0) return { text, isAll: true }
    at += used
  }
  return { text, isAll: isFull || scanner.done }
}

/** `Connection: close` lets the server end a body that has no length (RFC 9112 section 6.3). */
function requestText({ method, uri, version, headers, body }: HttpProbeConfig): string {
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`)
  if (version === 'HTTP/1.1') lines.push('Connection: close\r\n')
  if (body !== '') lines.push(`Content-Length: ${body.length}\r\n`)
  return `${method} ${uri} ${version}\r\n${lines.join('')}\r\n${body}`
}
