import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeHuffman } from '../../../../src/http/h2/hpack/huffman-decoder.ts'
import { encodeHuffman, huffmanLength } from '../../../../src/http/h2/hpack/huffman-encoder.ts'

/** What `coded` says, or null where it is no Huffman-coded string. */
function decoded(coded: Buffer): Buffer | null {
  const into = Buffer.alloc(Math.ceil((coded.length * 8) / 5))
  const end = decodeHuffman(coded, 0, coded.length, into, 0)
  return end < 0 ? null : into.subarray(0, end)
}

function coded(text: string): Buffer {
  const into = Buffer.alloc(huffmanLength(text))
  expect(encodeHuffman(text, into, 0)).toBe(into.length)
  return into
}

describe('the Huffman code', () => {
  it.each([
    ['www.example.com', 'f1e3c2e5f23a6ba0ab90f4ff'],
    ['no-cache', 'a8eb10649cbf'],
    ['custom-key', '25a849e95ba97d7f'],
    ['custom-value', '25a849e95bb8e8b4bf'],
    ['Mon, 21 Oct 2013 20:13:21 GMT', 'd07abe941054d444a8200595040b8166e082a62d1bff'],
    ['', ''],
  ])('is that of RFC 7541 appendix C: %s', (text, hex) => {
    expect(coded(text).toString('hex')).toBe(hex)
    expect(decoded(Buffer.from(hex, 'hex'))?.toString('latin1')).toBe(text)
  })

  it('gives every text back', () => {
    const texts = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes))
    fc.assert(
      fc.property(texts, (text) => {
        expect(decoded(coded(text.toString('latin1')))).toEqual(text)
      }),
    )
  })

  it('gives every byte back', () => {
    const every = Buffer.from(Uint8Array.from({ length: 256 }, (_, byte) => byte))
    expect(decoded(coded(every.toString('latin1')))).toEqual(every)
  })

  it.each([
    ['padding of eight bits', 'f1e3c2e5f23a6ba0ab90f4ffff'],
    ['padding of zeroes', '18'],
    ['the end of the string within it', 'fffffffc'],
    ['the end of the string before more', 'fffffffc07'],
  ])('has no text for %s', (_, hex) => {
    expect(decoded(Buffer.from(hex, 'hex'))).toBeNull()
  })

  it('has one way to write a text: what is read is written the same', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 12 }), (bytes) => {
        const text = decoded(Buffer.from(bytes))
        if (text !== null) expect(coded(text.toString('latin1'))).toEqual(Buffer.from(bytes))
      }),
    )
  })
})
