import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  decodeHello,
  encodeHello,
} from '../../../../../src/consensus/peers/handshake/hello-codec.ts'
import {
  MESSAGE_BYTES_MAX,
  type RecordKind,
  RecordPacker,
  RecordReader,
} from '../../../../../src/consensus/peers/records/packing.ts'

const RECORD_BYTES_MAX = 200_000
const KINDS = ['consensus', 'request', 'reply', 'hello', 'objection', 'data', 'end'] as const

type Record = readonly [RecordKind, Uint8Array]

const record: fc.Arbitrary<Record> = fc.tuple(
  fc.constantFrom(...KINDS),
  fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.tuple(fc.nat(255), fc.nat(RECORD_BYTES_MAX)).map(([byte, length]) => {
      return new Uint8Array(length).fill(byte)
    }),
  ),
)

function packed(records: readonly Record[]): Uint8Array[] {
  const packer = new RecordPacker()
  for (const [kind, data] of records) packer.add(kind, data)
  return packer.take()
}

/** Text compares quicker than a long array. */
function shown([kind, data]: Record): string {
  return `${kind} ${Buffer.from(data).toString('latin1')}`
}

function readFrom(messages: readonly Uint8Array[], recordBytesMax = RECORD_BYTES_MAX) {
  const records: string[] = []
  const reader = new RecordReader(recordBytesMax, (kind, data) => {
    records.push(shown([kind, data]))
  })
  const isSound = messages.every((message) => reader.feed(message))
  return { records, isSound }
}

describe('records', () => {
  it('come out as they went in, in messages of a bounded size, however these are cut', () => {
    fc.assert(
      fc.property(
        fc.array(record, { maxLength: 8 }),
        fc.infiniteStream(fc.nat(2000)),
        (given, cuts) => {
          const messages = packed(given)
          expect(messages.every(({ length }) => length > 0 && length <= MESSAGE_BYTES_MAX)).toBe(
            true,
          )
          expect(messages.slice(0, -1).every(({ length }) => length === MESSAGE_BYTES_MAX)).toBe(
            true,
          )
          expect(readFrom(messages)).toEqual({ records: given.map(shown), isSound: true })
          const whole = Buffer.concat(messages)
          const pieces: Uint8Array[] = []
          for (let at = 0; at < whole.length; ) {
            const end = at + (cuts.next().value ?? 0) + 1
            pieces.push(whole.subarray(at, end))
            at = end
          }
          expect(readFrom(pieces)).toEqual({ records: given.map(shown), isSound: true })
        },
      ),
      { numRuns: 60 },
    )
  })

  it('share a message where they fit', () => {
    const small = Array.from({ length: 500 }, (): Record => ['consensus', new Uint8Array(100)])
    expect(packed(small)).toHaveLength(1)
    const packer = new RecordPacker()
    expect(packer.take()).toEqual([])
    packer.add('end', new Uint8Array())
    expect(packer.pendingBytes).toBe(2)
    expect(packer.take()).toEqual([Buffer.of(7, 0)])
    expect(packer.pendingBytes).toBe(0)
    expect(packer.take()).toEqual([])
  })

  it.each([
    ['a kind that is not known', '08', false],
    ['kind 0', '00', false],
    ['a length with a zero too many', '018000', false],
    ['a length without end', '018080808080', false],
    ['a length that is too much', '01e1d403', false],
    ['the longest length', '0180897a'.slice(0, 4), true],
    ['an empty record', '0100', true],
    ['half a head', '0180', true],
  ])('are garbage, or not, with %s', (_what, hex, isSound) => {
    expect(readFrom([Buffer.from(hex, 'hex')], 60_000).isSound).toBe(isSound)
  })

  it('survive any bytes', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 60 })), (messages) => {
        const { records } = readFrom(messages, 100)
        expect(records.every(({ length }) => length <= 'consensus '.length + 100)).toBe(true)
      }),
    )
  })
})

describe('a hello', () => {
  const hello = { name: 'a', id: 'a/1', clusterId: 'k', memberIds: ['a/1', 'b/2'] }

  it('comes back as it was', () => {
    expect(decodeHello(encodeHello(hello))).toEqual(hello)
    expect(decodeHello(encodeHello({ ...hello, clusterId: null }))).toEqual({
      ...hello,
      clusterId: null,
    })
  })

  it('keeps its format', () => {
    const hex = Buffer.from(encodeHello(hello)).toString('hex')
    expect(hex).toBe(`01${'0161'}${'03612f31'}${'01016b'}${'02'}${'03612f31'}${'03622f32'}`)
  })

  it.each([
    ['nothing', ''],
    ['another format', `02${'0161'}${'03612f31'}${'00'}${'00'}`],
    ['the id of another', `01${'0161'}${'03622f31'}${'00'}${'00'}`],
    ['a byte too many', `01${'0161'}${'03612f31'}${'00'}${'00'}00`],
    ['members that are not there', `01${'0161'}${'03612f31'}${'00'}${'05'}`],
    ['more members than there can be', `01${'0161'}${'03612f31'}${'00'}8103${'00'.repeat(385)}`],
  ])('is refused: %s', (_what, hex) => {
    expect(() => decodeHello(Buffer.from(hex, 'hex'))).toThrow(
      expect.objectContaining({ code: 'encoding-invalid' }),
    )
  })
})
