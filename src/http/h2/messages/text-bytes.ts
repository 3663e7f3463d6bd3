import { writeLatin1 } from '../../../base/latin1.ts'

const FIRST_BYTES = 1024

let scratch = Buffer.allocUnsafeSlow(FIRST_BYTES)

/**
 * A text of one character a byte as bytes, for checks that read those.
 *
 * @returns valid until the next call on this thread; undefined behind the text's length
 */
export function asBytes(text: string): Buffer {
  if (scratch.length < text.length) scratch = Buffer.allocUnsafeSlow(2 * text.length)
  writeLatin1(scratch, text, 0)
  return scratch
}
