import { type Parsed, refused } from '../diagnostics/diagnostics.ts'

const ESCAPES: Readonly<Record<string, string>> = { r: '\r', n: '\n', t: '\t' }

/** Characters of a text that is sent to a server or looked for in what it says. */
const BYTES_MAX = 4_096

/**
 * Reads text that stands for bytes, as HAProxy's checks have it: `\r`, `\n`, `\t` and `\xHH` are
 * bytes, a backslash before anything else is taken away, quotes around the whole as well. Given
 * back in latin1, one character a byte; other letters are their UTF-8.
 */
export function parseByteText(text: string): Parsed<string> {
  const bare = /^(["'])(.*)\1$/s.exec(text)?.[2] ?? text
  const bytes = Buffer.from(bare, 'utf8')
    .toString('latin1')
    .replace(/\\(?:x([0-9A-Fa-f]{2})|(.))/gs, (_, code: string | undefined, letter: string) =>
      code === undefined ? (ESCAPES[letter] ?? letter) : String.fromCharCode(Number(`0x${code}`)),
    )
  if (bytes === '') return refused('there is no text')
  return ofBoundedLength(bytes)
}

/** Reads bytes as hexadecimal digits, such as `2b504f4e47`. Given back in latin1. */
export function parseHexadecimal(text: string): Parsed<string> {
  if (!/^([0-9A-Fa-f]{2})+$/.test(text)) {
    return refused('this is not a number of bytes in hexadecimal', 'Write for example 50494e47.')
  }
  return ofBoundedLength(Buffer.from(text, 'hex').toString('latin1'))
}

/**
 * Reads a regular expression, which is left as it is written. Whether it is one is up to
 * `validatePattern`.
 */
export function parsePattern(text: string): Parsed<string> {
  if (text.length > BYTES_MAX) return refused(`this has more than ${BYTES_MAX} characters`)
  return text === '' ? refused('there is no text') : { value: text }
}

function ofBoundedLength(bytes: string): Parsed<string> {
  if (bytes.length <= BYTES_MAX) return { value: bytes }
  return refused(`these are more than ${BYTES_MAX} bytes`, '', 'out-of-range')
}
