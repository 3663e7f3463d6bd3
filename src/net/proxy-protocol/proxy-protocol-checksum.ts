/** The Castagnoli polynomial, bits reversed (RFC 9260 appendix A). */
const POLYNOMIAL = 0x82f63b78

/** Of each byte, what it does to the lowest eight bits of the register. */
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let register = byte
  for (let bit = 0; bit < 8; bit++) {
    register = register & 1 ? (register >>> 1) ^ POLYNOMIAL : register >>> 1
  }
  return register
})

/**
 * The CRC32C of `view[start, end)`.
 *
 * @param zeroAt the first of four bytes that are taken for zero: where the checksum itself goes
 * @returns an unsigned 32-bit number
 */
export function crc32c(view: Uint8Array, start: number, end: number, zeroAt = end): number {
  let register = 0xffffffff
  for (let at = start; at < end; at++) {
    const byte = at >= zeroAt && at < zeroAt + 4 ? 0 : (view[at] as number)
    register = (register >>> 8) ^ (TABLE[(register ^ byte) & 0xff] as number)
  }
  return (register ^ 0xffffffff) >>> 0
}
