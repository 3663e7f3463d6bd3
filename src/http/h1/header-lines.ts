import {
  COLON,
  CR,
  HTAB,
  LF,
  SP,
  skipBlanks,
  skipToken,
  skipValue,
  trimBlanks,
} from '../characters.ts'
import {
  FACT_EDITED,
  FACT_UNUSUAL,
  HEADER_CONTENT_LENGTH,
  HEADER_OTHER,
  HEADER_REMOVED,
  HEADER_TRANSFER_ENCODING,
  type HeaderTable,
} from '../header-table.ts'
import { REJECT } from '../rejects.ts'
import { headerId, noteHeader } from './header-facts.ts'
import { passLineEnd } from './line-end.ts'

/**
 * Reads header lines up to and with the blank line that ends a head (RFC 9112 section 5) and takes
 * down what they say. What is wrong is told when its byte is seen, whatever follows or is still
 * to come, so that the result is the same however the head arrives.
 *
 * @param at where the first header line begins in `view`
 * @param limit end of what may be read
 * @param origin the place in `view` of the head's first byte, which offsets count from
 * @returns where the body begins; 0 while the head is incomplete; or a reject code
 */
export function parseHeaderLines(
  view: Buffer,
  at: number,
  limit: number,
  origin: number,
  table: HeaderTable,
): number {
  let lineStart = at
  for (;;) {
    const nameEnd = skipToken(view, lineStart, limit)
    if (nameEnd === limit) return 0
    if (view[nameEnd] !== COLON || nameEnd === lineStart) {
      return endOfHeaders(view, lineStart, nameEnd, limit, table)
    }
    const valueStart = skipBlanks(view, nameEnd + 1, limit)
    const lineEnd = skipValue(view, valueStart, limit)
    const nextLine = passLineEnd(view, lineEnd, limit, REJECT.value)
    if (nextLine <= 0) return nextLine
    if (table.count === table.ids.length) return REJECT.tooManyHeaders
    const valueEnd = trimBlanks(view, valueStart, lineEnd)
    const id = idFor(table, view, lineStart, nameEnd)
    table.append(id, lineStart - origin, nameEnd - origin, valueStart - origin, valueEnd - origin)
    if (id !== HEADER_OTHER) {
      const code = noteHeader(id, view, valueStart, valueEnd, table)
      if (code < 0) return code
      const usual = valueStart === nameEnd + 2 && view[nameEnd + 1] === SP && valueEnd === lineEnd
      if (!usual && id <= HEADER_TRANSFER_ENCODING) {
        table.facts |= FACT_UNUSUAL | FACT_EDITED
        if (hasTab(view, valueEnd, lineEnd)) return REJECT.framingTab
      }
    }
    lineStart = nextLine
  }
}

/** Which header `view[start, end)` names in this head. */
function idFor(table: HeaderTable, view: Buffer, start: number, end: number): number {
  const id = headerId(view, start, end)
  const isFraming = id === HEADER_CONTENT_LENGTH || id === HEADER_TRANSFER_ENCODING
  return isFraming && table.framingIgnored ? HEADER_REMOVED : id
}

/**
 * Whether a tab stands behind a value. RFC 9110 section 5.5 has it stripped, but not every reader
 * does: such a Transfer-Encoding is chunked to one and unknown to the next. Nobody needs it.
 */
function hasTab(view: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    if (view[at] === HTAB) return true
  }
  return false
}

/** A line that is not a name and its colon: the blank one, or one that is refused. */
function endOfHeaders(
  view: Buffer,
  lineStart: number,
  at: number,
  limit: number,
  table: HeaderTable,
): number {
  const byte = view[at]
  if (at === lineStart && byte === CR) return passLineEnd(view, at, limit, REJECT.name)
  if (byte === LF) return REJECT.bareLf
  if (byte === COLON) return REJECT.nameEmpty
  if (byte !== SP && byte !== HTAB) return REJECT.name
  // RFC 9112 section 5.1 has white space before the colon answered with 400; section 5.2 leaves
  // refusing a folded line or unfolding it; section 2.2 has one after the first line refused.
  return at === lineStart && table.count > 0 ? REJECT.obsFold : REJECT.nameSpace
}
