import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FrameBuffer } from '../../../../src/http/h2/frames/frame-buffer.ts'
import { HpackDecoder } from '../../../../src/http/h2/hpack/hpack-decoder.ts'
import { HpackEncoder, type Indexing } from '../../../../src/http/h2/hpack/hpack-encoder.ts'
import { decodeBlock } from './field-list.ts'

type WrittenField = readonly [name: string, value: string, indexing: Indexing]

function encoded(encoder: HpackEncoder, fields: readonly WrittenField[]): Buffer {
  const writer = new FrameBuffer()
  encoder.beginBlock(writer)
  for (const field of fields) encoder.field(writer, ...field)
  return Buffer.from(writer.written)
}

function hexOf(encoder: HpackEncoder, ...fields: readonly WrittenField[]): string {
  return encoded(encoder, fields).toString('hex')
}

/** Few names and values, so that they come again, and some of any kind. */
const names = fc.oneof(
  fc.constantFrom(':status', ':path', 'server', 'x-a', 'x-b', 'etag'),
  fc.string({ minLength: 1, maxLength: 20, unit: 'binary-ascii' }),
)
const values = fc.oneof(
  fc.constantFrom('200', '/', 'nginx', 'a', 'b', ''),
  fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
  fc.integer({ min: 100, max: 400 }).map((length) => 'v'.repeat(length)),
)
const indexings = fc.constantFrom<Indexing>('indexed', 'indexed', 'plain', 'never')
const blocks = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.array(fc.tuple(names, values, indexings), { maxLength: 12 }) },
    { weight: 1, arbitrary: fc.constantFrom(0, 33, 64, 150, 4096, 10_000) },
  ),
  { maxLength: 20 },
)

describe('an encoder of header blocks', () => {
  it('writes requests as RFC 7541 appendix C.4 does', () => {
    const encoder = new HpackEncoder(4096)
    const first: WrittenField[] = [
      [':method', 'GET', 'indexed'],
      [':scheme', 'http', 'indexed'],
      [':path', '/', 'indexed'],
      [':authority', 'www.example.com', 'indexed'],
    ]
    expect(hexOf(encoder, ...first)).toBe('828684418cf1e3c2e5f23a6ba0ab90f4ff')
    expect(hexOf(encoder, ...first, ['cache-control', 'no-cache', 'indexed'])).toBe(
      '828684be5886a8eb10649cbf',
    )
  })

  it('writes a secret so that nobody puts it into a table, not even twice', () => {
    const encoder = new HpackEncoder(4096)
    const secret = ['password', 'secret', 'never'] as const
    const block = hexOf(encoder, secret)
    expect(block.startsWith('10')).toBe(true)
    expect(hexOf(encoder, secret)).toBe(block)
    expect(decodeBlock(new HpackDecoder(4096, 100), Buffer.from(block, 'hex'))).toEqual([
      ['password', 'secret', true],
    ])
  })

  it('takes what is in the table by its index, and what comes once not into it', () => {
    const encoder = new HpackEncoder(4096)
    hexOf(encoder, ['x', '1', 'plain'], ['y', '1', 'indexed'])
    expect(hexOf(encoder, ['y', '1', 'indexed'])).toBe('be')
  })

  it('tells a table smaller than the one that is taken for granted', () => {
    expect(hexOf(new HpackEncoder(0), [':method', 'GET', 'plain'])).toBe('2082')
    expect(hexOf(new HpackEncoder(4096), [':method', 'GET', 'plain'])).toBe('82')
  })

  it('tells the smallest size in between, and the last one (section 4.2)', () => {
    const encoder = new HpackEncoder(4096)
    encoder.setSizeLimit(0)
    encoder.setSizeLimit(64)
    expect(hexOf(encoder)).toBe('203f21')
    expect(hexOf(encoder)).toBe('')
  })

  it('is understood, whatever the sizes of the table', () => {
    fc.assert(
      fc.property(blocks, fc.constantFrom(0, 100, 4096, 65_536), (steps, wanted) => {
        const encoder = new HpackEncoder(wanted)
        const decoder = new HpackDecoder(4096, 1000)
        for (const step of steps) {
          if (typeof step === 'number') {
            encoder.setSizeLimit(step)
            decoder.setSizeLimit(step)
            continue
          }
          const told = step.map(([name, value, indexing]) =>
            indexing === 'never' ? [name, value, true] : [name, value],
          )
          expect(decodeBlock(decoder, encoded(encoder, step))).toEqual(told)
        }
      }),
    )
  })
})
