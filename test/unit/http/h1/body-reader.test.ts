import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BODY_CHUNKED, BODY_LENGTH, type BodyKind } from '../../../../src/http/body.ts'
import { BodyReader } from '../../../../src/http/h1/body-reader.ts'
import { DEFAULT_CHUNK_LIMITS } from '../../../../src/http/limits.ts'
import { JoinedWrite } from '../../../../src/net/joined-write.ts'
import { FakeConn } from '../../worker/fake-network.ts'

/** A body up to this goes as text with its head. */
const TEXT_BYTES_MAX = 100

interface Carried {
  readonly text: string
  readonly writes: number
  readonly bytes: number
}

/** Where a body goes that is written behind a head. */
function sinkTo(to: FakeConn, takesChunks: boolean, head: string) {
  const out = new JoinedWrite(TEXT_BYTES_MAX)
  out.begin(to)
  out.addText(head)
  const sink = {
    takesChunks,
    bytes: 0,
    ends: 0,
    sendBody: (view: Buffer, start: number, end: number): void => {
      sink.bytes += end - start
      out.add(view, start, end)
    },
    endBody: (trailers: string): void => {
      sink.bytes += trailers.length
      sink.ends++
      out.addText(trailers)
    },
  }
  return { sink, out }
}

/** Carries a body that comes in one read, behind a head. */
function carry(kind: BodyKind, text: string, dechunk = false, head = 'HEAD'): Carried {
  const to = new FakeConn()
  const body = new BodyReader(DEFAULT_CHUNK_LIMITS, 'request', () => false)
  const view = Buffer.from(text, 'latin1')
  const { sink, out } = sinkTo(to, !dechunk, head)
  body.begin(kind, view.length)
  expect(body.take(view, 0, view.length, sink)).toBe(view.length)
  expect([body.done, body.failed, sink.ends]).toEqual([true, false, 1])
  expect(out.end()).toBe(true)
  return { text: to.written, writes: to.writes, bytes: sink.bytes }
}

describe('a body that came in one read', () => {
  const data = Array.from({ length: 3_000 }, (_, n) => String.fromCharCode(97 + (n % 26)))
  const chunks = (extension: string): string =>
    `${data.map((byte) => `1${extension}\r\n${byte}\r\n`).join('')}0\r\n\r\n`

  it.each([
    ['of a length', BODY_LENGTH, data.join(''), false, data.join('')],
    ['in tiny chunks', BODY_CHUNKED, chunks(''), false, chunks('')],
    ['in tiny chunks with extensions', BODY_CHUNKED, chunks(';a'), false, chunks('')],
    ['in tiny chunks, for a client without chunks', BODY_CHUNKED, chunks(''), true, data.join('')],
    [
      'in chunks with extensions, for such a client',
      BODY_CHUNKED,
      chunks(';a'),
      true,
      data.join(''),
    ],
    ['longer than the room to join', BODY_LENGTH, 'x'.repeat(200_000), false, 'x'.repeat(200_000)],
  ] as const)(
    '%s leaves in one write, with what stands before it',
    (_, kind, text, dechunk, out) => {
      const isLong = text.length > 131_072
      expect(carry(kind, text, dechunk)).toEqual({
        text: `HEAD${out}`,
        writes: isLong ? 2 : 1,
        bytes: out.length,
      })
      expect(carry(kind, text, dechunk, '')).toEqual({ text: out, writes: 1, bytes: out.length })
    },
  )

  it('takes no more writes than it fills the room to join, whatever its pieces', () => {
    const piece = fc.tuple(
      fc.nat({ max: 40_000 }),
      fc.constantFrom('', ';a', ';b="c"'),
      fc.integer({ min: 1, max: 4 }),
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), fc.boolean(), (pieces, dechunk) => {
        let text = ''
        let out = ''
        for (const [size, extension, repeats] of pieces) {
          const bytes = 'y'.repeat(size + 1)
          const digits = bytes.length.toString(16)
          text += `${digits}${extension}\r\n${bytes}\r\n`.repeat(repeats)
          out += (dechunk ? bytes : `${digits}\r\n${bytes}\r\n`).repeat(repeats)
        }
        if (!dechunk) out += '0\r\n\r\n'
        const carried = carry(BODY_CHUNKED, `${text}0\r\n\r\n`, dechunk)
        expect(carried.text).toBe(`HEAD${out}`)
        expect(carried.bytes).toBe(out.length)
        expect(carried.writes).toBeLessThanOrEqual(2 + Math.ceil(text.length / 65_536))
      }),
      { numRuns: 50 },
    )
  })

  it('says that the other side is full where any of its writes does', () => {
    const to = new FakeConn()
    const body = new BodyReader(DEFAULT_CHUNK_LIMITS, 'request', () => false)
    const { sink, out } = sinkTo(to, true, '')
    const view = Buffer.from('1;a\r\nx\r\n1\r\ny\r\n')
    body.begin(BODY_CHUNKED, 0)
    to.takesMore = false
    body.take(view, 0, view.length, sink)
    expect([out.end(), to.written, to.writes, body.done]).toEqual([
      false,
      '1\r\nx\r\n1\r\ny\r\n',
      1,
      false,
    ])
    to.takesMore = true
    expect(out.end()).toBe(true)
  })
})
