import { latin1 } from '../../base/latin1.ts'
import { isAuthority } from '../authority.ts'
import { namesBindingScheme } from '../binding-schemes.ts'
import {
  bytesAre,
  COMMA,
  DIGIT_BYTES,
  DIGIT_ZERO,
  decimal,
  LOWER_BYTES,
  skipBlanks,
  skipBytes,
  skipToken,
  trimBlanks,
} from '../characters.ts'
import {
  FACT_BINDS_CONNECTION,
  FACT_CHUNKED,
  FACT_CLOSE,
  FACT_EDITED,
  FACT_EXPECT_CONTINUE,
  FACT_HOST,
  FACT_KEEP_ALIVE,
  FACT_LENGTH,
  FACT_NAMES,
  FACT_TE_TRAILERS,
  FACT_UNUSUAL,
  FACT_UPGRADE,
  FACT_UPGRADE_OPTION,
  HEADER_AUTHENTICATION,
  HEADER_CONNECTION,
  HEADER_CONTENT_LENGTH,
  HEADER_EXPECT,
  HEADER_HOST,
  HEADER_KEEP_ALIVE,
  HEADER_NAMED,
  HEADER_OTHER,
  HEADER_PERSISTENT_AUTH,
  HEADER_PROXY_CONNECTION,
  HEADER_REMOVED,
  HEADER_TE,
  HEADER_TRANSFER_ENCODING,
  HEADER_UPGRADE,
  type HeaderTable,
} from '../header-table.ts'
import { REJECT } from '../rejects.ts'

/** Most decimal digits of a number below 2^53. */
const LENGTH_DIGITS_MAX = 16
/**
 * Elements that one message may have in Connection, empty ones included: RFC 9110 section 5.6.1.2
 * has a reasonable number of those passed over. Browsers send at most three options.
 */
const CONNECTION_OPTIONS_MAX = 32
/** Codings that one message may list. One is understood; the others are told apart for the answer. */
const CODINGS_MAX = 8

/** The headers with meaning here. */
const KNOWN: readonly KnownHeader[] = [
  { name: 'authorization', id: HEADER_AUTHENTICATION },
  { name: 'connection', id: HEADER_CONNECTION },
  { name: 'content-length', id: HEADER_CONTENT_LENGTH },
  { name: 'expect', id: HEADER_EXPECT },
  { name: 'host', id: HEADER_HOST },
  { name: 'keep-alive', id: HEADER_KEEP_ALIVE },
  { name: 'persistent-auth', id: HEADER_PERSISTENT_AUTH },
  { name: 'proxy-authenticate', id: HEADER_AUTHENTICATION },
  { name: 'proxy-authorization', id: HEADER_AUTHENTICATION },
  { name: 'proxy-connection', id: HEADER_PROXY_CONNECTION },
  { name: 'te', id: HEADER_TE },
  { name: 'transfer-encoding', id: HEADER_TRANSFER_ENCODING },
  { name: 'upgrade', id: HEADER_UPGRADE },
  { name: 'www-authenticate', id: HEADER_AUTHENTICATION },
]

/** Ids of the headers with meaning here, by their names in lower case. */
export const HEADER_IDS: ReadonlyMap<string, number> = new Map(
  KNOWN.map(({ name, id }) => [name, id]),
)

/** The same by the length of the name. */
const KNOWN_BY_LENGTH: readonly (readonly KnownHeader[])[] = knownByLength(KNOWN)

interface KnownHeader {
  readonly name: string
  readonly id: number
}

function knownByLength(known: readonly KnownHeader[]): KnownHeader[][] {
  const longest = Math.max(...known.map(({ name }) => name.length))
  return Array.from({ length: longest + 1 }, (_, length) =>
    known.filter(({ name }) => name.length === length),
  )
}

/** Which header `view[start, end)` names, {@link HEADER_OTHER} for most. */
export function headerId(view: Buffer, start: number, end: number): number {
  const length = end - start
  if (length >= KNOWN_BY_LENGTH.length) return HEADER_OTHER
  const candidates = KNOWN_BY_LENGTH[length] as readonly KnownHeader[]
  for (let n = 0; n < candidates.length; n++) {
    const { name, id } = candidates[n] as KnownHeader
    if (bytesAre(view, start, end, name)) return id
  }
  return HEADER_OTHER
}

/**
 * Takes down what a header with meaning says.
 *
 * @param start where its value begins in `view`, without outer blanks
 * @returns 0, or the reject code
 */
export function noteHeader(
  id: number,
  view: Buffer,
  start: number,
  end: number,
  table: HeaderTable,
): number {
  switch (id) {
    case HEADER_HOST:
      return noteHost(view, start, end, table)
    case HEADER_CONTENT_LENGTH:
      return noteContentLength(view, start, end, table)
    case HEADER_TRANSFER_ENCODING:
      return noteTransferEncoding(view, start, end, table)
    case HEADER_CONNECTION:
      return noteConnection(view, start, end, table)
    case HEADER_EXPECT:
      if (listHas(view, start, end, '100-continue')) table.facts |= FACT_EXPECT_CONTINUE
      return 0
    case HEADER_TE:
      table.facts |= listHas(view, start, end, 'trailers')
        ? FACT_TE_TRAILERS | FACT_EDITED
        : FACT_EDITED
      return 0
    case HEADER_UPGRADE:
      return noteUpgrade(view, start, end, table)
    case HEADER_AUTHENTICATION:
    case HEADER_PERSISTENT_AUTH:
      if (id === HEADER_PERSISTENT_AUTH || namesBindingScheme(view, start, end)) {
        table.facts |= FACT_BINDS_CONNECTION
      }
      // Otherwise it is a header like any other.
      table.mark(table.count - 1, HEADER_OTHER)
      return 0
    default:
      table.facts |= FACT_EDITED
      return 0
  }
}

/**
 * RFC 9110 section 7.8 leaves a recipient free to ignore Upgrade. One that offers `h2c` is: what
 * went through such a tunnel would be requests that nobody here reads. RFC 9113 section 3.1 has
 * taken the token back.
 */
function noteUpgrade(view: Buffer, start: number, end: number, table: HeaderTable): number {
  table.facts |= FACT_EDITED
  if (listHas(view, start, end, 'h2c')) table.mark(table.count - 1, HEADER_REMOVED)
  else table.facts |= FACT_UPGRADE
  return 0
}

/** RFC 9112 section 3.2: more than one Host, or one with an invalid value, is answered with 400. */
function noteHost(view: Buffer, start: number, end: number, table: HeaderTable): number {
  if ((table.facts & FACT_HOST) !== 0) return REJECT.hostRepeated
  if (!isAuthority(view, start, end)) return REJECT.host
  table.facts |= FACT_HOST
  return 0
}

/**
 * RFC 9110 section 8.6: digits and nothing else. Repeats, of which it allows to reject or to merge
 * identical ones, are rejected, as a list in one line is: no well-kept sender needs either.
 */
function noteContentLength(view: Buffer, start: number, end: number, table: HeaderTable): number {
  if ((table.facts & FACT_LENGTH) !== 0) return REJECT.lengthRepeated
  if (end === start || end - start > LENGTH_DIGITS_MAX) return REJECT.length
  if (skipBytes(DIGIT_BYTES, view, start, end) !== end) return REJECT.length
  const length = decimal(view, start, end)
  if (length > Number.MAX_SAFE_INTEGER) return REJECT.length
  // RFC 9112 section 6.3 rule 3: both may be an attempt at smuggling and ought to be an error.
  if ((table.facts & FACT_CHUNKED) !== 0) return REJECT.framing
  // Some readers take a leading zero for octal: the number is forwarded without it.
  if (view[start] === DIGIT_ZERO && end - start > 1) table.facts |= FACT_UNUSUAL | FACT_EDITED
  table.facts |= FACT_LENGTH
  table.contentLength = length
  return 0
}

/**
 * RFC 9112 section 6.1: `chunked`, once, is the one coding understood. Empty list elements, which
 * RFC 9110 section 5.6.1.2 would have ignored, are refused: not every reader finds chunked there.
 */
function noteTransferEncoding(
  view: Buffer,
  start: number,
  end: number,
  table: HeaderTable,
): number {
  if ((table.facts & FACT_CHUNKED) !== 0) return REJECT.coding
  if (!bytesAre(view, start, end, 'chunked')) {
    const codings = latin1(view, start, end)
      .toLowerCase()
      .split(',', CODINGS_MAX + 1)
    const areOthers = codings.length <= CODINGS_MAX && codings.every(isOtherCoding)
    return areOthers ? REJECT.codingUnknown : REJECT.coding
  }
  if ((table.facts & FACT_LENGTH) !== 0) return REJECT.framing
  if (hasUpperCase(view, start, end)) table.facts |= FACT_UNUSUAL | FACT_EDITED
  table.facts |= FACT_CHUNKED
  return 0
}

function hasUpperCase(view: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    if (LOWER_BYTES[view[at] as number] !== view[at]) return true
  }
  return false
}

/** Whether a list element is a coding that somebody may know, or chunked where it may stand: last. */
function isOtherCoding(element: string, index: number, codings: readonly string[]): boolean {
  const coding = /^[ \t]*([!#$%&'*+\-.^_`|~0-9a-z]+)[ \t]*(;.*)?$/.exec(element)
  if (coding === null) return false
  if (coding[1] !== 'chunked') return true
  // RFC 9112 section 7.1: chunked has no parameters, and is applied once and last (section 6.1).
  return coding[2] === undefined && index === codings.length - 1
}

/**
 * RFC 9110 section 7.6.1: a list of tokens, compared without regard to case; empty elements are
 * passed over (section 5.6.1.2), anything else is refused.
 */
function noteConnection(view: Buffer, start: number, end: number, table: HeaderTable): number {
  table.facts |= FACT_EDITED
  for (let at = start; at < end; ) {
    if (++table.connectionOptions > CONNECTION_OPTIONS_MAX) return REJECT.connection
    const optionStart = at
    at = skipToken(view, at, end)
    if (at > optionStart) noteOption(view, optionStart, at, table)
    at = skipBlanks(view, at, end)
    if (at < end && view[at] !== COMMA) return REJECT.connection
    at = skipBlanks(view, at + 1, end)
  }
  return 0
}

function noteOption(view: Buffer, start: number, end: number, table: HeaderTable): void {
  if (bytesAre(view, start, end, 'keep-alive')) table.facts |= FACT_KEEP_ALIVE
  else if (bytesAre(view, start, end, 'close')) table.facts |= FACT_CLOSE
  else if (bytesAre(view, start, end, 'upgrade')) table.facts |= FACT_UPGRADE_OPTION
  else if (headerId(view, start, end) === HEADER_OTHER) table.facts |= FACT_NAMES
}

/** Whether `word`, in lower case, is an element of the list `view[start, end)`. */
function listHas(view: Buffer, start: number, end: number, word: string): boolean {
  for (let at = start; at < end; at++) {
    const elementStart = skipBlanks(view, at, end)
    at = elementStart
    while (at < end && view[at] !== COMMA) at++
    if (at - elementStart < word.length) continue
    if (bytesAre(view, elementStart, trimBlanks(view, elementStart, at), word)) return true
  }
  return false
}

/**
 * Marks the headers that Connection names, so that they are not forwarded (RFC 9110 section 7.6.1).
 * Only those without meaning here can be: an option that names Host or the framing would have the
 * next reader take the message for another one, so it is passed over. Servers do name
 * Transfer-Encoding, which RFC 2616 section 13.5.1 asked for.
 */
export function markNamedHeaders(table: HeaderTable): void {
  const names = table.connectionNames()
  for (let index = 0; index < table.count; index++) {
    const isNamed = table.ids[index] === HEADER_OTHER && names.has(table.name(index).toLowerCase())
    if (isNamed) table.mark(index, HEADER_NAMED)
  }
}
