/** A message as a reader sees it that forgives nothing. All texts are latin1. */
export interface StrictMessage {
  /** The bytes from the first to the last. */
  readonly text: string
  readonly startLine: string
  /** Names in lower case. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** Without the framing of chunks. */
  readonly body: string
}

/** What bytes amount to. */
export interface StrictReading {
  readonly messages: readonly StrictMessage[]
  /** The bytes after the last whole message: the beginning of one more, or what is `wrong`. */
  readonly rest: string
  /** Why the rest can be no message, or null. */
  readonly wrong: string | null
}

/** What a reader of responses knows of the requests. */
export interface ResponseContext {
  /** Of each request, in their order; GET where there are more responses. */
  readonly methods?: readonly string[]
  /** The connection has ended, and with it a response that has no other end. */
  readonly ended?: boolean
}

const HEADER_LINE =
  /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*((?:[\t -~\x80-\xff]*[!-~\x80-\xff])?)[ \t]*$/
const REQUEST_LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+) (\/[!-"$-~]*|\*) HTTP\/1\.([01])$/
const STATUS_LINE = /^HTTP\/1\.1 ([1-9][0-9]{2}) [\t -~\x80-\xff]*$/
/** What ends a head, a trailer section or the request in another reader's eyes. */
const FRAMING = new Set(['content-length', 'transfer-encoding', 'host', 'connection'])

class Wrong extends Error {}

interface Part {
  readonly text: string
  readonly next: number
}

/**
 * Reads requests that a server received: one Host, at most one framing, CRLF and nothing else. Only
 * where there is no Host they are of HTTP/1.0, which has neither that nor chunks.
 */
export function readRequests(text: string): StrictReading {
  return read(text, (at) => {
    const head = readHead(text, at)
    if (head === null) return null
    const [, method = '', , minor] = matched(REQUEST_LINE, head.startLine, 'request line')
    if (valuesOf(head, 'host').length !== Number(minor)) throw new Wrong('not one Host')
    if (/h2c/i.test(valuesOf(head, 'upgrade').join())) throw new Wrong('an upgrade to h2c')
    const framing = framingOf(head)
    if (minor === '0' && framing === 'chunked') throw new Wrong('chunks in HTTP/1.0')
    if (method === 'CONNECT') throw new Wrong('CONNECT')
    return { head, body: readBody(text, head.next, framing ?? 0) }
  })
}

/** Reads responses that a client received. Interim ones are messages of their own. */
export function readResponses(text: string, context: ResponseContext = {}): StrictReading {
  const { methods = [], ended = false } = context
  let finals = 0
  return read(text, (at) => {
    const head = readHead(text, at)
    if (head === null) return null
    const [, digits] = matched(STATUS_LINE, head.startLine, 'status line')
    const status = Number(digits)
    const framing = framingOf(head)
    if ((status < 200 || status === 204) && framing !== null) throw new Wrong('framing of nothing')
    const method = methods[finals]
    if (status >= 200) finals++
    if (status < 200 || status === 204 || status === 304 || method === 'HEAD') {
      return { head, body: { text: '', next: head.next } }
    }
    if (framing !== null) return { head, body: readBody(text, head.next, framing) }
    return { head, body: ended ? { text: text.slice(head.next), next: text.length } : null }
  })
}

/** The status of a response. */
export function statusOf({ startLine }: StrictMessage): number {
  return Number(startLine.split(' ')[1])
}

/** The target of a request. */
export function targetOf({ startLine }: StrictMessage): string {
  return startLine.split(' ')[1] ?? ''
}

interface Head {
  readonly startLine: string
  readonly headers: StrictMessage['headers']
  readonly next: number
}

function read(
  text: string,
  readOne: (at: number) => { head: Head; body: Part | null } | null,
): StrictReading {
  const messages: StrictMessage[] = []
  let at = 0
  try {
    while (at < text.length) {
      const one = readOne(at)
      if (one === null || one.body === null) break
      const { startLine, headers } = one.head
      messages.push({
        text: text.slice(at, one.body.next),
        startLine,
        headers,
        body: one.body.text,
      })
      at = one.body.next
    }
  } catch (error) {
    if (!(error instanceof Wrong)) throw error
    return { messages, rest: text.slice(at), wrong: error.message }
  }
  return { messages, rest: text.slice(at), wrong: null }
}

function readHead(text: string, at: number): Head | null {
  const end = text.indexOf('\r\n\r\n', at)
  const seen = text.slice(at, end < 0 ? text.length : end)
  if (/[^\r]\n|^\n|\r[^\n]|\0/.test(seen)) throw new Wrong('CR, LF or NUL within a head')
  if (end < 0) return null
  const [startLine = '', ...lines] = seen.split('\r\n')
  return { startLine, headers: lines.map(readHeaderLine), next: end + 4 }
}

function readHeaderLine(line: string): readonly [string, string] {
  const [, name = '', value = ''] = matched(HEADER_LINE, line, 'header')
  return [name.toLowerCase(), value]
}

function matched(pattern: RegExp, text: string, what: string): RegExpExecArray {
  const found = pattern.exec(text)
  if (found === null) throw new Wrong(`${what} ${JSON.stringify(text)}`)
  return found
}

function valuesOf({ headers }: Head, name: string): string[] {
  return headers.filter((header) => header[0] === name).map(([, value]) => value)
}

/** The length of the body, `chunked`, or null where no header says anything. */
function framingOf(head: Head): number | 'chunked' | null {
  const lengths = valuesOf(head, 'content-length')
  const codings = valuesOf(head, 'transfer-encoding')
  if (lengths.length + codings.length > 1) throw new Wrong('more than one framing')
  const [length] = lengths
  if (length !== undefined) return Number(matched(/^(0|[1-9][0-9]{0,15})$/, length, 'length')[0])
  const [coding] = codings
  if (coding !== undefined && coding !== 'chunked') throw new Wrong(`coding ${coding}`)
  return coding === undefined ? null : 'chunked'
}

function readBody(text: string, at: number, framing: number | 'chunked'): Part | null {
  if (framing === 'chunked') return readChunks(text, at)
  const next = at + framing
  return next > text.length ? null : { text: text.slice(at, next), next }
}

function readChunks(text: string, start: number): Part | null {
  let body = ''
  let at = start
  for (;;) {
    const lineEnd = text.indexOf('\r\n', at)
    if (lineEnd < 0) return null
    const [digits] = matched(/^[0-9a-fA-F]{1,16}$/, text.slice(at, lineEnd), 'chunk size')
    const size = Number.parseInt(digits, 16)
    if (size === 0) return readTrailers(text, lineEnd + 2, body)
    const dataEnd = lineEnd + 2 + size
    if (text.length < dataEnd + 2) return null
    body += text.slice(lineEnd + 2, dataEnd)
    if (text.slice(dataEnd, dataEnd + 2) !== '\r\n') throw new Wrong('end of a chunk')
    at = dataEnd + 2
  }
}

function readTrailers(text: string, start: number, body: string): Part | null {
  let at = start
  for (;;) {
    const lineEnd = text.indexOf('\r\n', at)
    if (lineEnd < 0) return null
    if (lineEnd === at) return { text: body, next: at + 2 }
    const [name] = readHeaderLine(text.slice(at, lineEnd))
    if (FRAMING.has(name)) throw new Wrong(`trailer ${name}`)
    at = lineEnd + 2
  }
}
