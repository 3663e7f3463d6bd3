import { describe, expect, it } from 'vitest'
import { HeaderField } from '../../../../../src/http/h2/hpack/header-field.ts'
import { FieldBlock } from '../../../../../src/http/h2/messages/field-block.ts'
import { readTrailers } from '../../../../../src/http/h2/messages/trailer-reader.ts'
import { DEFAULT_CHUNK_LIMITS, DEFAULT_HEAD_LIMITS } from '../../../../../src/http/limits.ts'
import { rejectOf } from '../../../../../src/http/rejects.ts'

function read(fields: readonly (readonly [string, string])[], trailerBytesMax?: number): string {
  const block = new FieldBlock(DEFAULT_HEAD_LIMITS)
  for (const [name, value] of fields) block.onField(new HeaderField(name, value))
  const limits = { ...DEFAULT_CHUNK_LIMITS, ...(trailerBytesMax && { trailerBytesMax }) }
  const read = readTrailers(block, limits, (name) => name === 'x-dropped')
  return typeof read === 'number' ? rejectOf(read).name : read
}

describe('trailers in HTTP/2', () => {
  it.each<[string, [string, string][], string]>([
    ['none', [], ''],
    [
      'those that go on',
      [
        ['grpc-status', '0'],
        ['x-sum', ''],
      ],
      'grpc-status: 0\r\nx-sum: \r\n\r\n',
    ],
    [
      'those that are dropped',
      [
        ['x-dropped', '1'],
        ['set-cookie', 'a=b'],
        ['a', 'b'],
      ],
      'a: b\r\n\r\n',
    ],
    [
      'only those that are dropped',
      [
        ['x-dropped', '1'],
        ['authorization', 'x'],
      ],
      '',
    ],
    ['8.1 a pseudo-header field', [[':status', '200']], 'pseudo-field'],
    [
      '8.1 one behind others',
      [
        ['a', 'b'],
        [':path', '/'],
      ],
      'pseudo-field',
    ],
    ['8.2.1 a capital letter', [['A', 'b']], 'name-upper-case'],
    ['8.2.1 a line in a value', [['a', 'b\r\nc: d']], 'value'],
    ['8.2.1 a line in a name', [['a\r\nb', 'c']], 'name'],
    ['8.2.2 transfer-encoding', [['transfer-encoding', 'chunked']], 'connection-field'],
    ['what frames the message', [['content-length', '1']], 'trailer-forbidden'],
    ['what names its host', [['host', 'a']], 'trailer-forbidden'],
    ['te', [['te', 'trailers']], 'trailer-forbidden'],
    ['too many', Array<[string, string]>(200).fill(['a', 'b']), 'trailers-too-large'],
  ])('%s', (_, fields, found) => {
    expect(read(fields)).toBe(found)
  })

  it('are bounded in bytes, also those that are dropped', () => {
    expect(read([['a', 'bc']], 7)).toBe('a: bc\r\n\r\n')
    expect(read([['a', 'bcd']], 7)).toBe('trailers-too-large')
    expect(read([['cookie', 'bcd']], 7)).toBe('trailers-too-large')
  })
})
