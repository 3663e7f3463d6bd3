import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { responseHeadText } from '../../../../src/http/h1/head-text.ts'
import { parseInvalidResponseHead } from '../../../../src/http/h1/invalid-response.ts'
import { parseResponseHead } from '../../../../src/http/h1/response-parser.ts'
import { DEFAULT_HEAD_LIMITS } from '../../../../src/http/limits.ts'
import { rejectOf } from '../../../../src/http/rejects.ts'
import { ResponseHead } from '../../../../src/http/response-head.ts'

const EDITS = { added: '', connection: '', dechunked: false } as const
const AROUND = 'xx'

/** What is forwarded of a head, how many bytes it took, and the length of its body. */
interface Reading {
  readonly text: string
  readonly used: number
  readonly length: number
}

/** The name of the reject, or `incomplete`, where nothing is forwarded. */
function read(bytes: string, parse = parseInvalidResponseHead, limits = DEFAULT_HEAD_LIMITS) {
  const head = new ResponseHead(limits)
  const view = Buffer.from(`${AROUND}${bytes}`, 'latin1')
  const used = parse(view, AROUND.length, view.length, 'GET', head)
  if (used < 0) return rejectOf(used).name
  if (used === 0) return 'incomplete'
  const reading: Reading = {
    text: responseHeadText(head, EDITS),
    used,
    length: head.contentLength,
  }
  return reading
}

const OK = 'HTTP/1.1 200 OK'

describe('an invalid response head', () => {
  it.each([
    [`${OK}\nA: b\n\n`, `${OK}\r\nA: b\r\n\r\n`, 0],
    [`${OK}\r\nA: b\nC: d\r\n\n`, `${OK}\r\nA: b\r\nC: d\r\n\r\n`, 0],
    [`${OK}\nA: b\n\r\n`, `${OK}\r\nA: b\r\n\r\n`, 0],
    ['HTTP/1.0 200\n\n', 'HTTP/1.1 200 \r\n\r\n', 0],
    [
      `${OK}\r\nContent-Length: 5\r\nA: b\r\ncontent-length:5 \r\n\r\n`,
      `${OK}\r\nContent-Length: 5\r\nA: b\r\n\r\n`,
      5,
    ],
    [`${OK}\nContent-Length: 5, 5 ,5\n\n`, `${OK}\r\nContent-Length: 5\r\n\r\n`, 5],
  ])('%j is forwarded as %j', (bytes, text, length) => {
    expect(read(`${bytes}body`)).toEqual({ text, used: bytes.length, length })
    for (let cut = 0; cut < bytes.length; cut++)
      expect(read(bytes.slice(0, cut))).toBe('incomplete')
    expect(typeof read(bytes, parseResponseHead)).toBe('string')
  })

  it.each([
    [`${OK}\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n`, 'content-length-repeated'],
    [`${OK}\r\nContent-Length: 5, 05\r\n\r\n`, 'content-length'],
    [`${OK}\r\nContent-Length: 5,\r\n\r\n`, 'content-length'],
    [`${OK}\r\nContent-Length:\r\n\r\n`, 'content-length'],
    [`${OK}\r\nContent-Length: -5\r\n\r\n`, 'content-length'],
    [`${OK}\nContent-Length: 5\nTransfer-Encoding: chunked\n\n`, 'framing-conflict'],
    [`${OK}\nA: b\n c\n\n`, 'obs-fold'],
    [`${OK}\nA : b\n\n`, 'name-space'],
    [`${OK}\nA\n\n`, 'name'],
    [`${OK}\nA: b\rc\n\n`, 'bare-cr'],
    [`${OK}\nA: b\r\r\n\n`, 'bare-cr'],
    [`${OK}\r\nA: b\0\r\n\r\n`, 'value'],
    ['\nHTTP/1.1 200 OK\n\n', 'status-line'],
  ])('%j is refused as %s', (bytes, name) => {
    expect(read(bytes)).toBe(name)
  })

  it('may not be longer than one that is valid', () => {
    const limits = { ...DEFAULT_HEAD_LIMITS, headBytesMax: 40 }
    expect(read(`${OK}\n${'A: b\n'.repeat(8)}`, parseInvalidResponseHead, limits)).toBe(
      'head-too-large',
    )
  })

  it('is read as the valid head with the same lines, and only a valid head is forwarded', () => {
    const line = fc.constantFrom(
      'A: b',
      'Content-Length: 5',
      'content-length:\t5',
      'Content-Length: 5,5',
      'Content-Length: 6',
      'Transfer-Encoding: chunked',
      'Connection: close',
      'X',
      ' y',
      'A: \r',
    )
    const end = fc.constantFrom('\r\n', '\n', '\r\n', '\r\r\n')
    const lines = fc.array(fc.tuple(line, end), { maxLength: 5 })
    fc.assert(
      fc.property(lines, end, end, (rows, first, last) => {
        const bytes = `${OK}${first}${rows.flat().join('')}${last}`
        const usual = bytes.replaceAll(/\r?\n/g, '\r\n')
        const [tolerant, strict] = [read(bytes), read(usual, parseResponseHead)]
        if (typeof strict !== 'string') {
          expect(tolerant).toEqual({ ...strict, used: bytes.length })
        }
        if (typeof tolerant === 'string') return
        expect(read(tolerant.text, parseResponseHead)).toMatchObject({ text: tolerant.text })
      }),
      { numRuns: 2000 },
    )
  })
})
