import { latin1 } from '../../base/latin1.ts'
import { CR, LF } from '../characters.ts'
import { REJECT } from '../rejects.ts'
import type { ResponseHead } from '../response-head.ts'
import { parseResponseHead } from './response-parser.ts'

/** What a head can be refused for that {@link setRight} may mend. */
const MENDABLE: readonly number[] = [REJECT.bareLf, REJECT.length, REJECT.lengthRepeated]

const CONTENT_LENGTH = /^content-length:[ \t]*([0-9, \t]*?)[ \t]*$/i

/**
 * Reads the head of a response as {@link parseResponseHead} does, also where lines end with LF
 * alone (RFC 9112 section 2.2) and where Content-Length is repeated with the same number, in lines
 * of its own or in a list (RFC 9110 section 8.6): `option accept-invalid-http-response`.
 *
 * Such a head is set right first, and must then pass the strict parser: what is forwarded of it is
 * what that has read.
 */
export function parseInvalidResponseHead(
  view: Buffer,
  start: number,
  end: number,
  requestMethod: string,
  into: ResponseHead,
): number {
  const strict = parseResponseHead(view, start, end, requestMethod, into)
  if (!MENDABLE.includes(strict)) return strict
  const { headBytesMax } = into.limits
  const limit = Math.min(end, start + headBytesMax)
  const headEnd = endOfHead(view, start, limit)
  if (headEnd === 0) return limit - start === headBytesMax ? REJECT.headTooLarge : 0
  const head = Buffer.from(setRight(latin1(view, start, headEnd)), 'latin1')
  const used = parseResponseHead(head, 0, head.length, requestMethod, into)
  if (used < 0) return used
  // With its blank line it is whole, and that is the first one.
  return used === head.length ? headEnd - start : REJECT.bareLf
}

/** Where the first empty line ends, whichever way the lines end; 0 where there is none yet. */
function endOfHead(view: Buffer, start: number, limit: number): number {
  for (let at = view.indexOf(LF, start); at >= 0 && at < limit; at = view.indexOf(LF, at + 1)) {
    const next = view[at + 1] === CR ? at + 2 : at + 1
    if (next < limit && view[next] === LF) return next + 1
  }
  return 0
}

/** The head with CRLF behind every line, and one Content-Length where all say the same. */
function setRight(head: string): string {
  const lines = head.split(/\r?\n/)
  const lengths = lines.flatMap((line) => CONTENT_LENGTH.exec(line)?.[1]?.split(',') ?? [])
  const [length = '', ...others] = lengths.map((text) => text.replace(/^[ \t]+|[ \t]+$/g, ''))
  const isRepeated = length !== '' && others.length > 0 && others.every((one) => one === length)
  if (!isRepeated) return lines.join('\r\n')
  const first = lines.findIndex((line) => CONTENT_LENGTH.test(line))
  return lines
    .map((line, at) => (at === first ? `Content-Length: ${length}` : line))
    .filter((line, at) => at === first || !CONTENT_LENGTH.test(line))
    .join('\r\n')
}
