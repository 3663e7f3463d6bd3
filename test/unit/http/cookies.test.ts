import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  cookieValue,
  datedCookieText,
  findCookie,
  findSetCookie,
  readDatedCookie,
  setCookieText,
  withCookieValue,
  withoutCookie,
} from '../../../src/http/cookies.ts'

const foundIn = (text: string, name: string): string | null => {
  const place = findCookie(text, name)
  return place === null ? null : cookieValue(text, place)
}

describe('a cookie in a Cookie header', () => {
  it.each([
    ['SRV=s1', 's1'],
    ['a=1; SRV=s1', 's1'],
    ['a=1;SRV=s1;b=2', 's1'],
    ['a; b; SRV = s1 ; c', 's1'],
    ['SRV=', ''],
    ['SRV=a=b', 'a=b'],
    ['SRV=one; SRV=two', 'one'],
    ['XSRV=s1; SRVX=s1; srv=s1', null],
    ['x=SRV=s1', null],
    ['SRV', null],
    ['a SRV=s1', null],
    ['', null],
    [';;;', null],
  ])('is found in "%s": %s', (text, value) => {
    expect(foundIn(text, 'SRV')).toBe(value)
  })

  it.each([
    ['SRV=s1', ''],
    ['SRV=s1; a=1', 'a=1'],
    ['a=1; SRV=s1', 'a=1'],
    ['a=1; SRV=s1; b=2', 'a=1; b=2'],
    ['SRV=s1; a=1; SRV=s2; b=2; SRV=s3', 'a=1; b=2'],
    ['a=1; b=2;', 'a=1; b=2;'],
    ['a="SRV"; xSRV=1', 'a="SRV"; xSRV=1'],
  ])('is taken out of "%s"', (text, rest) => {
    expect(withoutCookie(text, 'SRV')).toBe(rest)
  })

  const names = fc.constantFrom('SRV', 'a', 'b', 'SRVX')
  const pairs = fc.array(fc.tuple(names, fc.stringMatching(/^[a-z0-9~|]{0,6}$/)), { maxLength: 6 })

  it('leaves all the others, however many there are', () => {
    fc.assert(
      fc.property(pairs, (cookies) => {
        const text = cookies.map(([name, value]) => `${name}=${value}`).join('; ')
        const others = cookies.filter(([name]) => name !== 'SRV')
        expect(withoutCookie(text, 'SRV')).toBe(
          others.map(([name, value]) => `${name}=${value}`).join('; '),
        )
        expect(foundIn(text, 'SRV')).toBe(cookies.find(([name]) => name === 'SRV')?.[1] ?? null)
      }),
    )
  })

  it('is given another value in its place', () => {
    const text = 'a=1; SRV=s1~x ; b=2'
    const place = findCookie(text, 'SRV')
    expect(place && withCookieValue(text, place, 'x')).toBe('a=1; SRV=x ; b=2')
  })
})

describe('a cookie in a Set-Cookie header', () => {
  it.each([
    ['SRV=s1; path=/; SRV=no', 's1'],
    ['SRV=', ''],
    ['a=1; SRV=s1', null],
    ['SRV; a=1', null],
  ])('is the first pair of "%s"', (text, value) => {
    const place = findSetCookie(text, 'SRV')
    expect(place && cookieValue(text, place)).toBe(value)
  })

  it('is written with its attributes', () => {
    const attributes = { domains: [], httponly: false, secure: false, others: [] }
    expect(setCookieText('SRV', 's1', attributes)).toBe('SRV=s1; path=/')
    expect(
      setCookieText('SRV', 's1', {
        domains: ['.a.example', 'b.example'],
        httponly: true,
        secure: true,
        others: ['SameSite=Lax', 'Partitioned'],
      }),
    ).toBe(
      'SRV=s1; path=/; domain=.a.example; domain=b.example; HttpOnly; Secure; SameSite=Lax; Partitioned',
    )
    expect(setCookieText('SRV', '', attributes)).toBe(
      'SRV=; Expires=Thu, 01-Jan-1970 00:00:01 GMT; path=/',
    )
  })
})

describe('the dates of a cookie', () => {
  it('are read back, rounded up to four seconds', () => {
    const sec = fc.integer({ min: 1, max: 2 ** 32 - 8 })
    fc.assert(
      fc.property(sec, fc.option(sec, { nil: 0 }), (lastSec, firstSec) => {
        const read = readDatedCookie(datedCookieText({ server: 's1', lastSec, firstSec }))
        const rounded = (value: number) => Math.ceil(value / 4) * 4
        expect(read).toEqual({
          server: 's1',
          lastSec: rounded(lastSec),
          firstSec: rounded(firstSec),
        })
      }),
    )
  })

  it('are five digits of base 64, the highest first, as HAProxy writes them', () => {
    expect(datedCookieText({ server: 'a', lastSec: 4, firstSec: 0 })).toBe('a|AAAAB')
    expect(datedCookieText({ server: 'a', lastSec: 4 * 63, firstSec: 4 * 64 })).toBe(
      'a|AAAA/|AAABA',
    )
  })

  it.each([
    ['s1', 0, 0],
    ['s1|', 0, 0],
    ['s1|AAA', 0, 0],
    ['s1|AAA-B', 0, 0],
    ['s1|AAAAB|', 4, 0],
    ['s1||AAAAB', 0, 4],
    ['s1|AAAAB|AAAAC|AAAAD', 4, 8],
  ])('of %s that cannot be read are none', (text, lastSec, firstSec) => {
    expect(readDatedCookie(text)).toEqual({ server: 's1', lastSec, firstSec })
  })
})
