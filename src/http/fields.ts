/**
 * Fields of a message apart from a table: `Name: value` CRLF each, in one string of latin1, in the
 * order in which they are sent (RFC 9110 section 5.3). One object, however many they are; HTTP/1
 * writes it as it is, and a version that codes fields walks it.
 */
export type FieldLines = string

/**
 * Walks fields. @param visit is told the name as it is written, and the value without outer blanks
 */
export function forEachField(
  lines: FieldLines,
  visit: (name: string, value: string) => void,
): void {
  for (let at = 0; at < lines.length; ) {
    const colon = lines.indexOf(':', at)
    const end = lines.indexOf('\r\n', colon)
    visit(lines.substring(at, colon), lines.substring(colon + 1, end).trim())
    at = end + 2
  }
}

/**
 * Headers that say how this one connection and this one message are framed (RFC 9110 sections 6.4
 * and 7.6.1, RFC 9112 section 6). The proxy alone writes them: who could set one in a rule, or have
 * it follow in a trailer, could make two readers see different messages. In lower case.
 */
export const FRAMING_HEADERS: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])
