import { METHODS } from 'node:http'
import { createRequire } from 'node:module'
import type { ReadMessage } from '../../unit/http/message-reader.ts'

type Callback = (...values: never[]) => number | undefined

interface Parser {
  [callback: number]: Callback
  initialize(type: number, resource: object): void
  execute(bytes: Buffer): number | Error
  finish(): undefined | Error
}

interface ParserClass {
  new (): Parser
  readonly REQUEST: number
  readonly RESPONSE: number
  readonly kOnHeaders: number
  readonly kOnHeadersComplete: number
  readonly kOnBody: number
  readonly kOnMessageComplete: number
}

/** The parser of node:http, in the strict mode that servers and clients use by default. */
const { HTTPParser } = createRequire(import.meta.url)('_http_common') as { HTTPParser: ParserClass }

const SKIP_BODY = 1
const IS_TUNNEL = 2

/** What llhttp made of a connection's bytes. */
export interface LlhttpTranscript {
  readonly messages: ReadMessage[]
  /** Code of its error, or ''. */
  error: string
}

/** The methods that llhttp knows, by its number for them. */
const methodNames = new Map<number, string>()
for (const method of METHODS) {
  const parser = new HTTPParser()
  parser.initialize(HTTPParser.REQUEST, {})
  parser[HTTPParser.kOnHeadersComplete] = (_major: never, _minor: never, _headers: never, n) => {
    methodNames.set(n, method)
    return 0
  }
  parser.execute(
    Buffer.from(`${method} ${method === 'CONNECT' ? 'a:1' : '/'} HTTP/1.1\r\nHost: a\r\n\r\n`),
  )
}

function pairs(flat: readonly string[]): [string, string][] {
  return Array.from({ length: flat.length / 2 }, (_, n) => [
    flat[2 * n] as string,
    flat[2 * n + 1] as string,
  ])
}

/**
 * Reads `bytes` with llhttp.
 *
 * @param answering the method that responses answer; undefined reads requests
 */
export function readWithLlhttp(bytes: Buffer, answering?: string): LlhttpTranscript {
  const transcript: LlhttpTranscript = { messages: [], error: '' }
  const requests = answering === undefined
  const parser = new HTTPParser()
  parser.initialize(requests ? HTTPParser.REQUEST : HTTPParser.RESPONSE, {})
  let early: string[] = []
  let earlyUrl = ''
  parser[HTTPParser.kOnHeaders] = (headers: string[], url: string): undefined => {
    early = early.concat(headers)
    earlyUrl += url
  }
  parser[HTTPParser.kOnHeadersComplete] = (
    _major: number,
    minor: number,
    headers: string[] | undefined,
    method: number,
    url: string | undefined,
    status: number,
    reason: string,
  ): number => {
    const name = methodNames.get(method) ?? `method ${method}`
    transcript.messages.push({
      startLine: requests
        ? `${name} ${earlyUrl + (url ?? '')} 1.${minor}`
        : `1.${minor} ${status} ${reason}`,
      headers: pairs(early.concat(headers ?? [])),
      body: '',
      whole: false,
    })
    early = []
    earlyUrl = ''
    if (answering === 'CONNECT' && status >= 200 && status < 300) return IS_TUNNEL
    return answering === 'HEAD' ? SKIP_BODY : 0
  }
  parser[HTTPParser.kOnBody] = (body: Buffer): undefined => {
    const last = transcript.messages.at(-1) as ReadMessage
    last.body += body.toString('latin1')
  }
  parser[HTTPParser.kOnMessageComplete] = (): undefined => {
    const last = transcript.messages.at(-1) as ReadMessage
    last.whole = true
    // What came since are trailers, with the target once more.
    early = []
    earlyUrl = ''
  }
  const result = parser.execute(bytes)
  if (result instanceof Error) transcript.error = (result as NodeJS.ErrnoException).code ?? 'error'
  return transcript
}
