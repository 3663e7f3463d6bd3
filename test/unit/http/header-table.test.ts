import { describe, expect, it, vi } from 'vitest'
import { parseRequestHead } from '../../../src/http/h1/request-parser.ts'
import { HEADER_NAMED, HeaderTable } from '../../../src/http/header-table.ts'
import { DEFAULT_HEAD_LIMITS } from '../../../src/http/limits.ts'
import { RequestHead } from '../../../src/http/request-head.ts'

function table(...lines: string[]): HeaderTable {
  const head = new RequestHead(DEFAULT_HEAD_LIMITS)
  const view = Buffer.from(`GET / HTTP/1.1\r\nHost: h\r\n${lines.join('\r\n')}\r\n\r\n`, 'latin1')
  expect(parseRequestHead(view, 0, view.length, head)).toBe(view.length)
  return head.headers
}

describe('looking a header up', () => {
  const headers = table(
    'Accept: a',
    'X^Y: caret',
    'X~Y: tilde',
    'ACCEPT: b',
    'Accept-Encoding: c',
    'Empty:',
  )

  it('goes by its whole name, whatever its case', () => {
    expect(headers.get('accept')).toBe('a, b')
    expect(headers.get('accept-encoding')).toBe('c')
    expect(headers.get('accep')).toBeUndefined()
    // 0x5e and 0x7e differ in the bit that tells upper from lower case in letters.
    expect([headers.get('x^y'), headers.get('x~y')]).toEqual(['caret', 'tilde'])
  })

  it('tells an empty header from none', () => {
    expect([headers.get('empty'), headers.has('empty')]).toEqual(['', true])
    expect([headers.get('none'), headers.has('none')]).toEqual([undefined, false])
  })

  it('finds one after the other', () => {
    const first = headers.find('accept')
    const second = headers.find('accept', first + 1)
    expect([first, second, headers.find('accept', second + 1)]).toEqual([1, 4, -1])
    expect([headers.name(second), headers.value(second)]).toEqual(['ACCEPT', 'b'])
  })

  it('goes through all of them', () => {
    const all = Array.from({ length: headers.count }, (_, n) => headers.name(n))
    expect(all).toEqual(['Host', 'Accept', 'X^Y', 'X~Y', 'ACCEPT', 'Accept-Encoding', 'Empty'])
  })
})

describe('removing a header', () => {
  it('takes all of its name out of what is found', () => {
    const headers = table('A: 1', 'B: 2', 'a: 3')
    expect(headers.remove('a')).toBe(2)
    expect([headers.get('a'), headers.has('a'), headers.get('b')]).toEqual([undefined, false, '2'])
  })
})

describe('the headers that Connection names', () => {
  it('are found by one look at each header', () => {
    const options = Array.from({ length: 16 }, (_, n) => `x-${10 + n}`).join(',')
    const others = Array.from({ length: 90 }, (_, n) => `x-${10 + n}: ${n}`)
    const looks = ['name', 'value', 'isNamed'] as const
    const spies = looks.map((look) => vi.spyOn(HeaderTable.prototype, look))
    const headers = table(`Connection: ${options}`, ...others, `Connection: ${options}`)
    const looked = spies.reduce((sum, spy) => sum + spy.mock.calls.length, 0)
    for (const spy of spies) spy.mockRestore()
    expect(looked).toBeLessThanOrEqual(headers.count)
    const left = [...headers.ids.subarray(0, headers.count)].filter((id) => id === HEADER_NAMED)
    expect(left).toHaveLength(16)
  })
})
