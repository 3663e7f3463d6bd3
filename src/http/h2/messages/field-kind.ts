import { TOKEN_BYTES, VALUE_BYTES } from '../../characters.ts'
import { HEADER_IDS } from '../../h1/header-facts.ts'
import {
  HEADER_CONNECTION,
  HEADER_KEEP_ALIVE,
  HEADER_OTHER,
  HEADER_PROXY_CONNECTION,
  HEADER_TRANSFER_ENCODING,
  HEADER_UPGRADE,
} from '../../header-table.ts'
import { REJECT } from '../../rejects.ts'
import { type HeaderField, KIND_UNKNOWN } from '../hpack/header-field.ts'

/** A pseudo-header field: RFC 9113 section 8.3. Which one, and whether it may be, is its reader's. */
export const KIND_PSEUDO = 64

/** What HTTP/1 says of a connection, and no message in HTTP/2 may have: RFC 9113 section 8.2.2. */
const CONNECTION_SPECIFIC: ReadonlySet<number> = new Set([
  HEADER_CONNECTION,
  HEADER_KEEP_ALIVE,
  HEADER_PROXY_CONNECTION,
  HEADER_TRANSFER_ENCODING,
  HEADER_UPGRADE,
])

const COLON = 0x3a
const SP = 0x20
const HTAB = 0x09
const UPPER_A = 0x41
const UPPER_Z = 0x5a

/**
 * What a field is, whichever message it comes in: found out once for a field of a table, however
 * often that comes.
 *
 * @returns one of the `HEADER_` ids, {@link KIND_PSEUDO}, or the reject code of a field that no
 *   message may have
 */
export function kindOf(field: HeaderField): number {
  if (field.kind === KIND_UNKNOWN) field.kind = judge(field.name, field.value)
  return field.kind
}

function judge(name: string, value: string): number {
  const isPseudo = name.charCodeAt(0) === COLON
  const wrong = nameReject(name, isPseudo ? 1 : 0) || valueReject(value)
  if (wrong < 0) return wrong
  if (isPseudo) return KIND_PSEUDO
  const id = HEADER_IDS.get(name) ?? HEADER_OTHER
  return CONNECTION_SPECIFIC.has(id) ? REJECT.connectionField : id
}

/**
 * RFC 9113 section 8.2.1: lower case, and characters that would not be read as something else. Beyond
 * it a name is a token, since it goes on as HTTP/1 (RFC 9110 section 5.1).
 */
function nameReject(name: string, from: number): number {
  if (name.length === from) return REJECT.nameEmpty
  for (let at = from; at < name.length; at++) {
    const code = name.charCodeAt(at)
    if (code >= UPPER_A && code <= UPPER_Z) return REJECT.nameUpperCase
    if (TOKEN_BYTES[code] !== 1) return REJECT.name
  }
  return 0
}

/** RFC 9113 section 8.2.1: no control characters, and no blanks around it. */
function valueReject(value: string): number {
  const { length } = value
  for (let at = 0; at < length; at++) {
    if (VALUE_BYTES[value.charCodeAt(at)] !== 1) return REJECT.value
  }
  if (length === 0) return 0
  return isBlank(value, 0) || isBlank(value, length - 1) ? REJECT.valueBlanks : 0
}

function isBlank(value: string, at: number): boolean {
  const code = value.charCodeAt(at)
  return code === SP || code === HTAB
}
