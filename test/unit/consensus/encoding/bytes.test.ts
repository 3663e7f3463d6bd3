import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ByteReader } from '../../../../src/consensus/encoding/byte-reader.ts'
import { ByteWriter } from '../../../../src/consensus/encoding/byte-writer.ts'
import { count } from './arbitraries.ts'

type Value =
  | readonly ['byte' | 'count', number]
  | readonly ['flag', boolean]
  | readonly ['text', string]
  | readonly ['bytes' | 'raw', Uint8Array]

const value: fc.Arbitrary<Value> = fc.oneof(
  fc.tuple(fc.constant('byte' as const), fc.nat(255)),
  fc.tuple(fc.constant('count' as const), count),
  fc.tuple(fc.constant('flag' as const), fc.boolean()),
  fc.tuple(fc.constant('text' as const), fc.string({ unit: 'grapheme', maxLength: 100 })),
  fc.tuple(fc.constant('bytes' as const), fc.uint8Array({ maxLength: 300 })),
  fc.tuple(fc.constant('raw' as const), fc.uint8Array({ maxLength: 300 })),
)

function written(values: readonly Value[], capacityBytes = 0): Uint8Array {
  const writer = new ByteWriter(capacityBytes)
  for (const [kind, content] of values) writer[kind](content as never)
  return writer.finish()
}

function readBack(bytes: Uint8Array, values: readonly Value[]): Value[] {
  const reader = new ByteReader(bytes)
  const read = values.map(([kind, content]): Value => {
    if (kind === 'raw') return [kind, reader.raw(content.length)]
    return [kind, kind === 'text' ? reader.text(100_000) : reader[kind]()] as Value
  })
  reader.end()
  return read
}

function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'))
}

describe('bytes', () => {
  it('are read as they were written, whatever room the writer began with', () => {
    fc.assert(
      fc.property(fc.array(value, { maxLength: 20 }), fc.nat(200), (values, capacityBytes) => {
        expect(readBack(written(values, capacityBytes), values)).toEqual(values)
      }),
    )
  })

  it.each([
    [0, '00'],
    [1, '01'],
    [127, '7f'],
    [128, '80 01'],
    [300, 'ac 02'],
    [2 ** 31 - 1, 'ff ff ff ff 07'],
    [2 ** 31, '80 80 80 80 08'],
    [2 ** 32, '80 80 80 80 10'],
    [Number.MAX_SAFE_INTEGER, 'ff ff ff ff ff ff ff 0f'],
  ])('have the count %i as %s', (number, bytes) => {
    expect(written([['count', number]])).toEqual(hex(bytes))
    expect(new ByteReader(hex(bytes)).count()).toBe(number)
  })

  it.each([-1, 0.5, Number.MAX_SAFE_INTEGER + 1, Number.NaN])('take no count %d', (number) => {
    expect(() => written([['count', number]])).toThrow(/can be encoded/)
  })

  it.each([
    ['a count that is cut', '80', (reader: ByteReader) => reader.count()],
    ['a count with a zero too many', '80 00', (reader: ByteReader) => reader.count()],
    ['2^53', '80 80 80 80 80 80 80 10', (reader: ByteReader) => reader.count()],
    ['a count without end', 'ff ff ff ff ff ff ff ff 01', (reader: ByteReader) => reader.count()],
    ['a byte where none is', '', (reader: ByteReader) => reader.byte()],
    ['a flag of 2', '02', (reader: ByteReader) => reader.flag()],
    ['more bytes than there are', '03 61 62', (reader: ByteReader) => reader.bytes()],
    ['2^53 - 1 bytes', 'ff ff ff ff ff ff ff 0f', (reader: ByteReader) => reader.bytes()],
    ['a longer text than is allowed', '03 61 62 63', (reader: ByteReader) => reader.text(2)],
    ['a text that is not UTF-8', '02 c3 28', (reader: ByteReader) => reader.text(9)],
    ['a surrogate in UTF-8', '03 ed a0 80', (reader: ByteReader) => reader.text(9)],
    ['a list that cannot be there', '04 01 01 01', (reader: ByteReader) => reader.listLength(1)],
    ['a list of long items', '02 01 01 01', (reader: ByteReader) => reader.listLength(2)],
    ['an early end', '00', (reader: ByteReader) => reader.end()],
  ])('are refused: %s', (_what, bytes, read) => {
    expect(() => read(new ByteReader(hex(bytes)))).toThrow(
      expect.objectContaining({ code: 'encoding-invalid' }),
    )
  })
})
