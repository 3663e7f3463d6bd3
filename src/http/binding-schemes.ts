import { bytesAre, COMMA, HTAB, SP } from './characters.ts'

/**
 * How the schemes begin that authenticate a connection: what comes on it later, without
 * credentials, is answered as if its user had sent it. Negotiate (RFC 4559 section 6) and `Nego2`,
 * NTLM, Kerberos. HAProxy goes by four letters, too.
 */
const SCHEME_BEGINNINGS = ['nego', 'ntlm', 'kerb']
const BEGINNING_BYTES = 4

/**
 * Whether challenges or credentials `view[start, end)` name a scheme that authenticates the
 * connection, in whichever element of a list. A word of a quoted string is taken for one, too:
 * better a connection that is shared by nobody than one that is shared by mistake.
 */
export function namesBindingScheme(view: Buffer, start: number, end: number): boolean {
  let isWordStart = true
  for (let at = start; at + BEGINNING_BYTES <= end; at++) {
    if (isWordStart && beginsScheme(view, at)) return true
    const byte = view[at]
    isWordStart = byte === COMMA || byte === SP || byte === HTAB
  }
  return false
}

function beginsScheme(view: Buffer, at: number): boolean {
  return SCHEME_BEGINNINGS.some((letters) => bytesAre(view, at, at + BEGINNING_BYTES, letters))
}
