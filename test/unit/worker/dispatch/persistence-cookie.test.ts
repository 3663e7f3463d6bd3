import { describe, expect, it } from 'vitest'
import { readDatedCookie } from '../../../../src/http/cookies.ts'
import { SERVER_STATE } from '../../../../src/memory/server-table.ts'
import { FIRST_ROW, persistenceLab } from './persistence-lab.ts'

const S1 = FIRST_ROW
const S2 = FIRST_ROW + 1

describe('the cookie of a request', () => {
  const { follow, states } = persistenceLab({ cookie: { mode: 'insert' } })

  it.each([
    { cookie: ['a=1; SRV=s2'], row: S2, letters: 'VN' },
    { cookie: ['a=1', 'SRV=s1'], row: S1, letters: 'VN' },
    { cookie: ['SRV=none; SRV=s2'], row: S2, letters: 'VN' },
    { cookie: ['SRV=none'], row: -1, letters: 'IN' },
    { cookie: ['SRV='], row: -1, letters: 'IN' },
    { cookie: ['SRV=s1x'], row: -1, letters: 'IN' },
    { cookie: ['srv=s1'], row: -1, letters: 'NN' },
    { cookie: [], row: -1, letters: 'NN' },
  ])('$cookie leads to row $row', ({ cookie, row, letters }) => {
    const followed = follow(cookie.map((value) => `Cookie: ${value}`))
    expect([followed.row, followed.letters()]).toEqual([row, letters])
    expect(followed.cookies).toEqual(cookie)
  })

  it.each([
    [SERVER_STATE.up, S1, 'VN'],
    [SERVER_STATE.drain, S1, 'VN'],
    [SERVER_STATE.down, -1, 'DN'],
    [SERVER_STATE.maint, -1, 'DN'],
  ])('for a server in state %i leads to row %i', (state, row, letters) => {
    states.set(S1, state)
    const followed = follow(['Cookie: SRV=s1'])
    expect([followed.row, followed.letters()]).toEqual([row, letters])
    states.delete(S1)
  })

  it('leads to the first server that is up of those that share a value', () => {
    const lab = persistenceLab({ cookie: { mode: 'insert' }, values: ['x', 'x', 'y'] })
    expect(lab.follow(['Cookie: SRV=x']).row).toBe(FIRST_ROW)
    lab.states.set(FIRST_ROW, SERVER_STATE.down)
    expect(lab.follow(['Cookie: SRV=x']).row).toBe(FIRST_ROW + 1)
  })

  it('is made from the address and the secret where it is dynamic, the same on every node', () => {
    const cookie = { mode: 'insert', dynamicKey: 'secret' } as const
    const setCookieOf = (setting: Parameters<typeof persistenceLab>[0]): string =>
      persistenceLab(setting).follow([]).answer(S1).setCookies[0] ?? ''
    const made = setCookieOf({ cookie, values: [null, null] })
    expect(made).toMatch(/^SRV=[0-9a-f]{16}; path=\/$/)
    expect(setCookieOf({ cookie, values: [null, 'own'] })).toBe(made)
    expect(setCookieOf({ cookie: { ...cookie, dynamicKey: 'other' }, values: [null] })).not.toBe(
      made,
    )
    expect(setCookieOf({ cookie, values: ['own'] })).toBe('SRV=own; path=/')
  })
})

describe('mode insert', () => {
  const { follow } = persistenceLab({ cookie: { mode: 'insert' } })

  it('gives a cookie to a client without a valid one, and only to it', () => {
    const set = ['SRV=s2; path=/']
    expect(follow([]).answer(S2)).toMatchObject({ setCookies: set, letters: 'NI' })
    expect(follow(['Cookie: SRV=x']).answer(S2)).toMatchObject({ setCookies: set, letters: 'II' })
    expect(follow(['Cookie: SRV=s2']).answer(S2)).toMatchObject({ setCookies: [], letters: 'VN' })
  })

  it('gives another cookie to a client that was sent elsewhere', () => {
    const moved = follow(['Cookie: SRV=s1']).answer(S2)
    expect(moved).toMatchObject({ setCookies: ['SRV=s2; path=/'], letters: 'DI' })
  })

  it('takes away what the server says under this name, unless told to preserve it', () => {
    const lines = ['Set-Cookie: SRV=mine; path=/x', 'Set-Cookie: other=1']
    expect(follow([]).answer(S1, lines).setCookies).toEqual(['other=1', 'SRV=s1; path=/'])
    expect(follow(['Cookie: SRV=s1']).answer(S1, lines)).toMatchObject({
      setCookies: ['other=1'],
      letters: 'VD',
    })
    const preserving = persistenceLab({ cookie: { mode: 'insert', preserve: true } })
    expect(preserving.follow([]).answer(S1, lines)).toMatchObject({
      setCookies: ['SRV=mine; path=/x', 'other=1'],
      letters: 'NP',
    })
    expect(preserving.follow([]).answer(S1).letters).toBe('NI')
  })

  it('makes the client forget its cookie where the server has none', () => {
    const lab = persistenceLab({ cookie: { mode: 'insert' }, values: ['s1', null] })
    const [removal] = lab.follow(['Cookie: SRV=s1']).answer(S2).setCookies
    expect(removal).toBe('SRV=; Expires=Thu, 01-Jan-1970 00:00:01 GMT; path=/')
  })

  it('with indirect hides the cookie from the server, however much else there is', () => {
    const lab = persistenceLab({ cookie: { mode: 'insert', indirect: true } })
    expect(lab.follow(['Cookie: SRV=s1']).cookies).toEqual([])
    expect(lab.follow(['Cookie: a=1; SRV=s1; b=2', 'Cookie: c=3']).cookies).toEqual([
      'a=1; b=2',
      'c=3',
    ])
    const long = `a=${'x'.repeat(4_000)}`
    expect(lab.follow([`Cookie: SRV=s1; ${long}`]).cookies).toEqual([long])
  })

  it('with postonly gives it only in the answer to a POST', () => {
    const lab = persistenceLab({ cookie: { mode: 'insert', postonly: true } })
    expect(lab.follow([]).answer(S1).setCookies).toEqual([])
    expect(lab.follow([], 'POST').answer(S1).setCookies).toEqual(['SRV=s1; path=/'])
  })

  it('writes the attributes', () => {
    const lab = persistenceLab({
      cookie: {
        mode: 'insert',
        httponly: true,
        secure: true,
        domains: ['.a.example'],
        attributes: ['SameSite=Lax'],
      },
    })
    expect(lab.follow([]).answer(S1).setCookies).toEqual([
      'SRV=s1; path=/; domain=.a.example; HttpOnly; Secure; SameSite=Lax',
    ])
  })
})

describe('nocache', () => {
  const { follow } = persistenceLab({ cookie: { mode: 'insert', nocache: true } })

  it.each([
    { lines: [], status: 200, added: ['private'] },
    { lines: [], status: 302, added: ['private'] },
    { lines: ['Cache-Control: public, max-age=60'], status: 200, added: ['private'] },
    { lines: ['Cache-Control: no-store'], status: 200, added: [] },
    { lines: ['Cache-Control: max-age=60, private'], status: 200, added: [] },
    { lines: ['Cache-Control: public', 'Cache-Control: no-cache'], status: 200, added: [] },
    { lines: ['Cache-Control: max-age=0'], status: 200, added: [] },
    { lines: ['Cache-Control: max-age=01'], status: 200, added: ['private'] },
  ])('adds $added to $status with $lines', ({ lines, status, added }) => {
    const { cacheControls } = follow([]).answer(S1, lines, status)
    expect(cacheControls.slice(lines.length)).toEqual(added)
  })

  it('adds nothing where no cookie is set', () => {
    expect(follow(['Cookie: SRV=s1']).answer(S1).cacheControls).toEqual([])
  })
})

describe('modes rewrite and prefix', () => {
  const rewriting = persistenceLab({ cookie: { mode: 'rewrite' } })
  const prefixing = persistenceLab({ cookie: { mode: 'prefix' } })

  it('rewrite puts the value in the place of what the server has set, and sets nothing itself', () => {
    const { follow } = rewriting
    const lines = ['Set-Cookie: a=1', 'Set-Cookie: SRV=x; path=/; Secure']
    expect(follow([]).answer(S2, lines)).toMatchObject({
      setCookies: ['a=1', 'SRV=s2; path=/; Secure'],
      letters: 'NR',
    })
    expect(follow([]).answer(S2, ['Set-Cookie: a=1'])).toMatchObject({
      setCookies: ['a=1'],
      letters: 'NN',
    })
  })

  it('prefix puts the value before what the server has set, and takes it off again', () => {
    const { follow } = prefixing
    const lines = ['Set-Cookie: SRV=abc; HttpOnly']
    expect(follow([]).answer(S1, lines)).toMatchObject({
      setCookies: ['SRV=s1~abc; HttpOnly'],
      letters: 'NR',
    })
    const back = follow(['Cookie: a=1; SRV=s1~abc; b=2'])
    expect([back.row, back.cookies]).toEqual([S1, ['a=1; SRV=abc; b=2']])
    const twice = follow(['Cookie: SRV=s2~a~b; SRV=s1~c'])
    expect([twice.row, twice.cookies]).toEqual([S2, ['SRV=a~b; SRV=c']])
  })

  it('prefix takes it off any number of cookies', () => {
    const cookies = (prefix: string): string =>
      Array.from({ length: 1_000 }, (_, n) => `SRV=${prefix}${n};`).join('')
    const back = prefixing.follow([`Cookie: ${cookies('s1~')}`, 'Cookie: a', 'Cookie: SRV=s1~'])
    expect([back.row, back.cookies]).toEqual([S1, [cookies(''), 'a', 'SRV=']])
  })

  it('prefix leaves a cookie alone that is the application its own', () => {
    const own = prefixing.follow(['Cookie: SRV=abc'])
    expect([own.row, own.cookies, own.letters()]).toEqual([-1, ['SRV=abc'], 'IN'])
  })

  it('leave what a server without a value says', () => {
    for (const mode of ['rewrite', 'prefix', 'passive'] as const) {
      const { follow } = persistenceLab({ cookie: { mode }, values: [null] })
      expect(follow([]).answer(S1, ['Set-Cookie: SRV=x'])).toMatchObject({
        setCookies: ['SRV=x'],
        letters: mode === 'passive' ? '--' : 'NP',
      })
    }
  })

  it('count only what a line grows by against the room for added lines', () => {
    const long = `Set-Cookie: SRV=${'x'.repeat(3_000)}`
    expect(prefixing.follow([]).answer(S1, [long, long]).isFull).toBe(false)
    const value = 'y'.repeat(64)
    const { follow } = persistenceLab({ cookie: { mode: 'prefix' }, values: [value] })
    const lines = (count: number) => Array.from({ length: count }, () => 'Set-Cookie: SRV=x')
    expect(follow([]).answer(S1, lines(15)).isFull).toBe(false)
    expect(follow([]).answer(S1, lines(16)).isFull).toBe(true)
  })
})

describe('the dates of a cookie', () => {
  const dated = (cookie: { maxIdleSec?: number; maxLifeSec?: number }) => {
    const lab = persistenceLab({ cookie: { mode: 'insert', ...cookie } })
    const visit = (value: string | null) => {
      const followed = lab.follow(value === null ? [] : [`Cookie: SRV=${value}`])
      const { setCookies, letters } = followed.answer(followed.row < 0 ? S2 : followed.row)
      const next = /^SRV=([^;]*)/.exec(setCookies[0] ?? '')?.[1] ?? value
      return { row: followed.row, letters, next }
    }
    return { visit, clock: lab.clock }
  }

  it('keep a client that comes back in time, each time anew', () => {
    const { visit, clock } = dated({ maxIdleSec: 100 })
    const first = visit(null)
    expect([first.row, first.letters]).toEqual([-1, 'NI'])
    clock.dateSec += 90
    const second = visit(first.next)
    expect([second.row, second.letters]).toEqual([S2, 'VU'])
    clock.dateSec += 90
    const third = visit(second.next)
    expect([third.row, third.letters]).toEqual([S2, 'VU'])
    clock.dateSec += 105
    expect(visit(third.next)).toMatchObject({ row: -1, letters: 'EI' })
  })

  it('end what began too long ago, however often it was used', () => {
    const { visit, clock } = dated({ maxLifeSec: 100 })
    let cookie = visit(null).next
    const { firstSec } = readDatedCookie(cookie ?? '')
    for (let n = 0; n < 3; n++) {
      clock.dateSec += 30
      const seen = visit(cookie)
      expect(seen.row).toBe(S2)
      cookie = seen.next
      expect(readDatedCookie(cookie ?? '').firstSec).toBe(firstSec)
    }
    clock.dateSec += 30
    expect(visit(cookie)).toMatchObject({ row: -1, letters: 'OI' })
  })

  it('are put in where they are missing and taken out where they are not wanted', () => {
    const idle = dated({ maxIdleSec: 100 })
    expect(idle.visit('s2')).toMatchObject({ row: S2, letters: 'VU' })
    const life = dated({ maxLifeSec: 100 })
    expect(life.visit('s2')).toMatchObject({ row: S2, letters: 'VU' })
    const { next } = life.visit(null)
    const plain = dated({})
    plain.clock.dateSec += 1
    expect(plain.visit(next)).toMatchObject({ row: S2, letters: 'VU', next: 's2' })
  })

  it('are not believed when they are more than a day ahead', () => {
    const { visit, clock } = dated({ maxIdleSec: 100 })
    const { next } = visit(null)
    clock.dateSec -= 86_000
    expect(visit(next).row).toBe(S2)
    clock.dateSec -= 500
    expect(visit(next)).toMatchObject({ row: -1, letters: 'EI' })
  })
})
