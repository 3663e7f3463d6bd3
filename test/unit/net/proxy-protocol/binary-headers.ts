/** A header of version 2 of the PROXY protocol as a test wants it, right or wrong. */
export interface BinaryHeaderParts {
  /** Version and command in one byte. */
  readonly command?: number
  /** Address family and transport in one byte. */
  readonly family?: number
  readonly addresses?: Uint8Array
  readonly values?: Uint8Array
  /** What the length field says; default: what is there. */
  readonly length?: number
}

/** The twelve bytes that a header of version 2 begins with. */
export const BINARY_SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex')

/** `192.0.2.1:56324` to `192.0.2.2:443`. */
export const INET_ADDRESSES = Buffer.from('c0000201c0000202dc0401bb', 'hex')

/** Puts a header together; without any parts, PROXY for TCP over IPv4. */
export function binaryHeader(parts: BinaryHeaderParts = {}): Buffer {
  const { command = 0x21, family = 0x11, addresses = INET_ADDRESSES, values = [] } = parts
  const { length = addresses.length + values.length } = parts
  const fixed = Buffer.from([command, family, length >> 8, length & 0xff])
  return Buffer.concat([BINARY_SIGNATURE, fixed, addresses, Uint8Array.from(values)])
}

/** One value with its type and length. */
export function typedValue(type: number, value: Uint8Array | string): Buffer {
  const bytes = Buffer.from(value as Uint8Array)
  return Buffer.concat([Buffer.from([type, bytes.length >> 8, bytes.length & 0xff]), bytes])
}

/** The same header with a checksum as its last value. Its sum is made bit by bit. */
export function withChecksum(parts: BinaryHeaderParts = {}): Buffer {
  const checksum = typedValue(0x03, Buffer.alloc(4))
  const header = binaryHeader({
    ...parts,
    values: Buffer.concat([parts.values ?? Buffer.of(), checksum]),
  })
  header.writeUInt32BE(bitwiseCrc32c(header), header.length - 4)
  return header
}

/** CRC32C straight from its definition (RFC 9260 appendix A): slow, and hard to get wrong. */
export function bitwiseCrc32c(bytes: Uint8Array): number {
  let register = 0xffffffff
  for (const byte of bytes) {
    for (let bit = 0; bit < 8; bit++) {
      const carry = (register ^ (byte >>> bit)) & 1
      register >>>= 1
      if (carry === 1) register ^= 0x82f63b78
    }
  }
  return ~register >>> 0
}
