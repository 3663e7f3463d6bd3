import { describe, expect, it } from 'vitest'
import {
  HPACK_MALFORMED,
  HPACK_TOO_LONG,
  HpackDecoder,
} from '../../../../src/http/h2/hpack/hpack-decoder.ts'
import { decodeBlock, decodeParts, type PlainField } from './field-list.ts'

const STRING_BYTES_MAX = 1000

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex')
}

function decoderOf(sizeLimit = 4096): HpackDecoder {
  return new HpackDecoder(sizeLimit, STRING_BYTES_MAX)
}

const FIRST_REQUEST: PlainField[] = [
  [':method', 'GET'],
  [':scheme', 'http'],
  [':path', '/'],
  [':authority', 'www.example.com'],
]
const SECOND_REQUEST: PlainField[] = [...FIRST_REQUEST, ['cache-control', 'no-cache']]
const THIRD_REQUEST: PlainField[] = [
  [':method', 'GET'],
  [':scheme', 'https'],
  [':path', '/index.html'],
  [':authority', 'www.example.com'],
  ['custom-key', 'custom-value'],
]
const REQUESTS = [FIRST_REQUEST, SECOND_REQUEST, THIRD_REQUEST]

const FIRST_RESPONSE: PlainField[] = [
  [':status', '302'],
  ['cache-control', 'private'],
  ['date', 'Mon, 21 Oct 2013 20:13:21 GMT'],
  ['location', 'https://www.example.com'],
]
const RESPONSES: PlainField[][] = [
  FIRST_RESPONSE,
  [[':status', '307'], ...FIRST_RESPONSE.slice(1)],
  [
    [':status', '200'],
    ['cache-control', 'private'],
    ['date', 'Mon, 21 Oct 2013 20:13:22 GMT'],
    ['location', 'https://www.example.com'],
    ['content-encoding', 'gzip'],
    ['set-cookie', 'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1'],
  ],
]

describe('a decoder of header blocks', () => {
  it.each([
    [
      'C.2.1',
      '400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572',
      [['custom-key', 'custom-header']],
    ],
    ['C.2.2', '040c 2f73 616d 706c 652f 7061 7468', [[':path', '/sample/path']]],
    ['C.2.3', '1008 7061 7373 776f 7264 0673 6563 7265 74', [['password', 'secret', true]]],
    ['C.2.4', '82', [[':method', 'GET']]],
  ])('reads the field of RFC 7541 appendix %s', (_, block, fields) => {
    expect(decodeBlock(decoderOf(), hex(block))).toEqual(fields)
  })

  it.each([
    [
      'C.3',
      '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
      '8286 84be 5808 6e6f 2d63 6163 6865',
      '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
    ],
    [
      'C.4',
      '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff',
      '8286 84be 5886 a8eb 1064 9cbf',
      '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
    ],
  ])('reads the requests of RFC 7541 appendix %s', (_, ...blocks) => {
    const decoder = decoderOf()
    expect(blocks.map((block) => decodeBlock(decoder, hex(block)))).toEqual(REQUESTS)
  })

  it.each([
    [
      'C.5',
      '4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
      '4803 3330 37c1 c0bf',
      '88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31',
    ],
    [
      'C.6',
      '4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3',
      '4883 640e ffc1 c0bf',
      '88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07',
    ],
  ])('reads the responses of RFC 7541 appendix %s, in a small table', (_, ...blocks) => {
    const decoder = decoderOf(256)
    expect(blocks.map((block) => decodeBlock(decoder, hex(block)))).toEqual(RESPONSES)
  })

  it('reads a block that is cut anywhere', () => {
    const block = hex(
      '3fe11f 8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff 1008 7061 7373 776f 7264 0673 6563 7265 74',
    )
    const fields = decodeBlock(decoderOf(), block)
    expect(fields).toHaveLength(5)
    for (let first = 0; first <= block.length; first++) {
      for (let second = first; second <= block.length; second++) {
        const parts = [
          block.subarray(0, first),
          block.subarray(first, second),
          block.subarray(second),
        ]
        expect(decodeParts(decoderOf(), parts)).toEqual(fields)
      }
    }
  })

  it('gives one object for a field that comes by its index', () => {
    const decoder = decoderOf()
    const seen: object[] = []
    const block = hex('4001 6101 62 be be 82 82')
    decoder.decode(block, 0, block.length, { onField: (field) => seen.push(field) })
    expect(seen[1]).toBe(seen[0])
    expect(seen[2]).toBe(seen[0])
    expect(seen[4]).toBe(seen[3])
  })

  it.each([
    ['index 0 (section 6.1)', '80'],
    ['an index behind the tables (section 2.3.3)', 'be'],
    ['a name behind the tables', '7e 0161'],
    ['an integer without end (section 5.1)', 'ff 8080 8080 8001'],
    ['an integer above all that can be', 'ff ffff ffff ff01'],
    ['a size above the limit (section 6.3)', '3fe2 1f'],
    ['a size after a field (section 4.2)', '82 20'],
    ['three sizes (section 4.2)', '20 20 20'],
    ['a Huffman-coded name with wrong padding (section 5.2)', '0081 1801 61'],
    ['a Huffman-coded value with the end of string (section 5.2)', '0001 6184 ffff fffc'],
    ['a value that is cut off', '0001 6105 61'],
    ['a name that is cut off', '0005 61'],
    ['a representation without its value', '0001 61'],
    ['an integer that is cut off', 'ff 80'],
  ])('refuses %s', (_, block) => {
    expect(decodeBlock(decoderOf(), hex(block))).toBe(HPACK_MALFORMED)
  })

  it('refuses a string longer than its bound before it has come', () => {
    const name = Buffer.concat([hex('00 7f e907'), Buffer.alloc(3, 0x61)])
    expect(decodeBlock(decoderOf(), name)).toBe(HPACK_TOO_LONG)
    const value = Buffer.concat([hex('00 0161 7f e907'), Buffer.alloc(3, 0x61)])
    expect(decodeBlock(decoderOf(), value)).toBe(HPACK_TOO_LONG)
    const fits = Buffer.concat([hex('00 0161 7f e906'), Buffer.alloc(STRING_BYTES_MAX, 0x61)])
    expect(decodeBlock(decoderOf(), fits)).toEqual([['a', 'a'.repeat(STRING_BYTES_MAX)]])
  })

  it('allows octets of zero at the end of an integer (section 5.1)', () => {
    expect(decodeBlock(decoderOf(), hex('0f 8080 8000 0161'))).toEqual([['accept-charset', 'a']])
  })

  it('demands a size at the beginning of the next block when the table had to shrink (section 4.2)', () => {
    const decoder = decoderOf()
    decoder.setSizeLimit(100)
    expect(decodeBlock(decoder, hex('82'))).toBe(HPACK_MALFORMED)
    const other = decoderOf()
    other.setSizeLimit(100)
    expect(decodeBlock(other, hex('3f45 82'))).toEqual([[':method', 'GET']])
    expect(decodeBlock(other, hex('82'))).toEqual([[':method', 'GET']])
    const empty = decoderOf()
    empty.setSizeLimit(100)
    expect(decodeBlock(empty, Buffer.alloc(0))).toBe(HPACK_MALFORMED)
  })

  it('lets the table grow where its limit did', () => {
    const decoder = decoderOf(0)
    decoder.setSizeLimit(4096)
    expect(decodeBlock(decoder, hex('4001 6101 62'))).toEqual([['a', 'b']])
    expect(decodeBlock(decoder, hex('be'))).toBe(HPACK_MALFORMED)
    const grown = decoderOf(0)
    grown.setSizeLimit(4096)
    expect(decodeBlock(grown, hex('3fe11f 4001 6101 62 be'))).toEqual([
      ['a', 'b'],
      ['a', 'b'],
    ])
  })

  it('empties the table with a field that is larger (section 4.4)', () => {
    const decoder = decoderOf(80)
    const large = Buffer.concat([hex('4001 62 32'), Buffer.alloc(50, 0x62)])
    expect(decodeBlock(decoder, hex('4001 6101 62'))).toHaveLength(1)
    expect(decodeBlock(decoder, large)).toEqual([['b', 'b'.repeat(50)]])
    expect(decodeBlock(decoder, hex('be'))).toBe(HPACK_MALFORMED)
  })

  it('keeps the name of a field that its own insertion drops (section 4.4)', () => {
    const decoder = decoderOf(40)
    expect(decodeBlock(decoder, hex('4003 6162 6301 31'))).toEqual([['abc', '1']])
    expect(decodeBlock(decoder, hex('7e 01 32'))).toEqual([['abc', '2']])
    expect(decodeBlock(decoder, hex('be'))).toEqual([['abc', '2']])
  })
})
