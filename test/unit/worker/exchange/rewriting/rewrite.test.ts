import { describe, expect, it } from 'vitest'
import { parseRequestHead } from '../../../../../src/http/h1/request-parser.ts'
import { DEFAULT_HEAD_LIMITS } from '../../../../../src/http/limits.ts'
import { RequestHead } from '../../../../../src/http/request-head.ts'
import type { HeaderName } from '../../../../../src/rules/facts.ts'
import { NO_SCOPE } from '../../../../../src/rules/rule-scope.ts'
import { RequestRewrite } from '../../../../../src/worker/exchange/rewriting/rewrite.ts'
import { FakeConn } from '../../fake-network.ts'

const A: HeaderName = { written: 'A', lower: 'a' }
const B: HeaderName = { written: 'B', lower: 'b' }
/** Bytes of `A: `, a value of ten and CRLF. */
const LINE_BYTES = 15
const TEN = '0123456789'

function rewriteOf(addedBytesMax: number): RequestRewrite {
  const head = new RequestHead(DEFAULT_HEAD_LIMITS)
  const view = Buffer.from('GET / HTTP/1.1\r\nHost: a\r\nA: received\r\n\r\n')
  expect(parseRequestHead(view, 0, view.length, head)).toBe(view.length)
  const rewrite = new RequestRewrite(head, addedBytesMax)
  rewrite.begin(new FakeConn(), 'web', NO_SCOPE)
  return rewrite
}

describe('the lines that rules add to a head', () => {
  it('have room up to their bound, and are left out and counted behind it', () => {
    const rewrite = rewriteOf(2 * LINE_BYTES)
    rewrite.addHeader(A, TEN)
    rewrite.addHeader(B, TEN)
    expect([rewrite.isFull, rewrite.failures]).toEqual([false, 0])
    rewrite.addHeader(A, '')
    expect([rewrite.isFull, rewrite.failures]).toEqual([true, 1])
    expect(rewrite.addedLines).toBe(`A: ${TEN}\r\nB: ${TEN}\r\n`)
  })

  it('give their room back when a rule takes them out or writes another in their place', () => {
    const rewrite = rewriteOf(2 * LINE_BYTES)
    rewrite.addHeader(A, TEN)
    for (let n = 0; n < 5; n++) rewrite.setHeader(B, TEN)
    rewrite.removeHeader(A)
    rewrite.addHeader(A, TEN)
    expect([rewrite.isFull, rewrite.failures]).toEqual([false, 0])
    expect(rewrite.addedLines).toBe(`B: ${TEN}\r\nA: ${TEN}\r\n`)
  })

  it('have their room for each message', () => {
    const rewrite = rewriteOf(LINE_BYTES)
    for (let message = 0; message < 3; message++) {
      rewrite.begin(new FakeConn(), 'web', NO_SCOPE)
      expect(rewrite.isFull).toBe(false)
      rewrite.addHeader(A, TEN)
      expect(rewrite.isFull).toBe(false)
      rewrite.addHeader(B, TEN)
      expect([rewrite.isFull, rewrite.failures]).toEqual([true, 1])
    }
  })
})
