import { CODE_BITS, CODES } from './huffman-code.ts'

/** Bytes that `text`, of characters up to 255, takes as a Huffman-coded string. */
export function huffmanLength(text: string): number {
  let bits = 0
  for (let n = 0; n < text.length; n++) bits += CODE_BITS[text.charCodeAt(n)] as number
  return Math.ceil(bits / 8)
}

/**
 * Writes `text`, of characters up to 255, as a Huffman-coded string.
 *
 * @param into where it goes; the caller has made room for its {@link huffmanLength}
 * @returns where it ends in `into`
 */
export function encodeHuffman(text: string, into: Buffer, at: number): number {
  let place = at
  /** Bits that are to be written; fewer than eight between two characters. */
  let held = 0
  let heldBits = 0
  for (let n = 0; n < text.length; n++) {
    const symbol = text.charCodeAt(n)
    let bits = CODE_BITS[symbol] as number
    const code = CODES[symbol] as number
    // A code of 30 bits does not fit beside those that are held: it goes in two parts.
    if (bits > 16) {
      bits -= 16
      held = (held << bits) | (code >>> 16)
      heldBits += bits
      while (heldBits >= 8) {
        heldBits -= 8
        into[place++] = held >>> heldBits
      }
      bits = 16
    }
    held = (held << bits) | (code & ((1 << bits) - 1))
    heldBits += bits
    while (heldBits >= 8) {
      heldBits -= 8
      into[place++] = held >>> heldBits
    }
  }
  // Padding: the first bits of the end of string, all set.
  if (heldBits > 0) into[place++] = (held << (8 - heldBits)) | (0xff >>> heldBits)
  return place
}
