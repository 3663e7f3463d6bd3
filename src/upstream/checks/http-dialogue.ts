import { BODY_CHUNKED, BODY_LENGTH, BODY_NONE } from '../../http/body.ts'
import { ChunkedScanner } from '../../http/chunked-scanner.ts'
import { DEFAULT_CHUNK_LIMITS, DEFAULT_HEAD_LIMITS } from '../../http/limits.ts'
import { parseResponseHead, ResponseHead } from '../../http/response-head.ts'
import { CHECK_BYTES_MAX, type HttpCheckConfig } from '../../model/check-protocol.ts'
import { type Dialogue, found, type Turn, WAIT } from './dialogue.ts'
import { describeExpectation, type Expectations, isOfStatus } from './expectation-match.ts'

/** Bytes of a response that are read at most while the end of its status line is waited for. */
export const STATUS_LINE_BYTES_MAX = 1024

/** RFC 9112 section 4; servers that leave out the reason and its space are let pass. */
const STATUS_LINE = /^HTTP\/1\.[01] ([1-5]\d\d)(?: ([\t\x20-\x7e\x80-\xff]*))?\r?$/

/** What has arrived of a body. */
interface Body {
  /** In latin1, without the framing of chunks. */
  readonly text: string
  /** No more of it will come, or be kept. */
  readonly isAll: boolean
}

/**
 * `option httpchk`: one request, and a response that is read as far as the expectations need it:
 * to the end of the status line, or with expectations of text until they are decided or the body,
 * or the room for it, is at its end (HAProxy configuration manual, http-check expect).
 */
export class HttpDialogue implements Dialogue {
  readonly #check: HttpCheckConfig
  readonly #expectations: Expectations
  #received = ''

  constructor(check: HttpCheckConfig, expectations: Expectations) {
    this.#check = check
    this.#expectations = expectations
  }

  begin(): Turn {
    return { send: requestText(this.#check), finding: null }
  }

  receive(text: string, ended: boolean): Turn {
    this.#received += text.slice(0, CHECK_BYTES_MAX - this.#received.length)
    const end = this.#received.indexOf('\n')
    if (end < 0 || end >= STATUS_LINE_BYTES_MAX) return this.#withoutLine(ended)
    const match = STATUS_LINE.exec(this.#received.slice(0, end))
    if (match === null) return found('L7RSP', 'Not an HTTP/1 status line')
    return this.#judge(Number(match[1]), match[2] ?? '', ended)
  }

  pending(): string {
    return ''
  }

  #withoutLine(ended: boolean): Turn {
    if (this.#received.length >= STATUS_LINE_BYTES_MAX) {
      return found('L7RSP', 'Status line too long')
    }
    if (!ended) return WAIT
    return found('L7RSP', this.#received === '' ? 'Empty response' : 'Incomplete status line')
  }

  #judge(code: number, reason: string, ended: boolean): Turn {
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
      const isFound = body !== null && expectations.findsText(expectation, body.text)
      if (isFound && expectation.negated) {
        return found('L7RSP', `Unwanted match of ${describeExpectation(expectation)}`, code)
      }
      if (isFound) continue
      if (body === null || !body.isAll) isDecided = false
      else if (!expectation.negated) {
        return found('L7RSP', `No match of ${describeExpectation(expectation)}`, code)
      }
    }
    return isDecided ? found('L7OK', reason, code) : WAIT
  }

  /** Null before the head is there; then what has come of the body. */
  #body(ended: boolean): Body | null {
    const isFull = ended || this.#received.length === CHECK_BYTES_MAX
    const view = Buffer.from(this.#received, 'latin1')
    const head = new ResponseHead(DEFAULT_HEAD_LIMITS)
    const used = parseResponseHead(view, 0, view.length, this.#check.method, head)
    if (used === 0) return isFull ? { text: '', isAll: true } : null
    // A head that breaks the grammar does not say how long the body is: until the end, then.
    if (used < 0) return { text: this.#received, isAll: isFull }
    if (head.body === BODY_NONE) return { text: '', isAll: true }
    if (head.body === BODY_CHUNKED) return dechunk(view.subarray(used), isFull)
    const bytesMax = head.body === BODY_LENGTH ? head.contentLength : CHECK_BYTES_MAX
    const text = this.#received.slice(used, used + bytesMax)
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
function requestText({ method, uri, version, headers, body }: HttpCheckConfig): string {
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`)
  if (version === 'HTTP/1.1') lines.push('Connection: close\r\n')
  if (body !== '') lines.push(`Content-Length: ${body.length}\r\n`)
  return `${method} ${uri} ${version}\r\n${lines.join('')}\r\n${body}`
}
