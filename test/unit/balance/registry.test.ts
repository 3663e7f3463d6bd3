import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BALANCE_NAMES, createStrategy, parseBalance } from '../../../src/balance/registry.ts'
import { SluiceError } from '../../../src/base/errors.ts'
import { strategyOf } from '../../conformance/strategy-suite.ts'

const mapBased = { method: 'map-based', function: 'sdbm', avalanche: false } as const
const consistent = { method: 'consistent', function: 'sdbm', avalanche: true } as const
const uri = { kind: 'uri', lengthMax: 0, depthMax: 0, whole: false, pathOnly: false }

describe('parseBalance', () => {
  it.each([
    { text: 'roundrobin', name: 'roundrobin', dynamic: true },
    { text: 'static-rr', name: 'static-rr', dynamic: false },
    { text: 'leastconn', name: 'leastconn', dynamic: true },
    { text: 'first', name: 'first', dynamic: true },
    { text: 'random', name: 'random', dynamic: true },
    { text: 'random(3)', name: 'random', dynamic: true },
    { text: 'peak-ewma', name: 'peak-ewma', dynamic: true },
    { text: ' leastconn ', name: 'leastconn', dynamic: true },
  ])('reads $text', ({ text, name, dynamic }) => {
    const balance = parseBalance(text)
    expect(balance).toMatchObject({ name, key: { kind: 'none' } })
    expect('isDynamic' in balance && balance.isDynamic(mapBased)).toBe(dynamic)
  })

  it.each([
    { text: 'source', key: { kind: 'source' } },
    { text: 'uri', key: uri },
    { text: 'uri len 12', key: { ...uri, lengthMax: 12 } },
    { text: 'uri depth  3 len 40', key: { ...uri, depthMax: 3, lengthMax: 40 } },
    { text: 'uri whole path-only', key: { ...uri, whole: true, pathOnly: true } },
    { text: 'url_param id', key: { kind: 'url-param', name: 'id' } },
    { text: 'hdr(X-User)', key: { kind: 'header', name: 'X-User', domainOnly: false } },
    {
      text: 'hdr(host) use_domain_only',
      key: { kind: 'header', name: 'host', domainOnly: true },
    },
    {
      text: 'hash  req.hdr(x-user),lower ',
      key: { kind: 'expression', text: 'req.hdr(x-user),lower', offset: 6 },
    },
    {
      text: 'hash str("a b")',
      key: { kind: 'expression', text: 'str("a b")', offset: 5 },
    },
    { text: 'rdp-cookie', key: { kind: 'rdp-cookie', name: 'mstshash' } },
    { text: 'rdp-cookie(Msts)', key: { kind: 'rdp-cookie', name: 'msts' } },
    { text: 'maglev', key: { kind: 'expression', text: 'src', offset: 6 } },
    { text: 'maglev path', key: { kind: 'expression', text: 'path', offset: 7 } },
  ])('reads what the keys of $text are made of', ({ text, key }) => {
    expect(parseBalance(text)).toMatchObject({ name: /^[^ (]*/.exec(text)?.[0], key })
  })

  it('knows that only a consistent hash bears new weights', () => {
    const balance = parseBalance('source')
    if ('message' in balance) throw new Error(balance.message)
    expect([balance.isDynamic(mapBased), balance.isDynamic(consistent)]).toEqual([false, true])
  })

  it.each([
    { text: 'rondrobin', offset: 0, problem: 'unknown balance algorithm', hint: 'roundrobin' },
    { text: 'leastcon', offset: 0, problem: 'unknown balance algorithm', hint: 'leastconn' },
    { text: 'RANDOM', offset: 0, problem: 'unknown balance algorithm', hint: 'random' },
    { text: '  fastest', offset: 2, problem: 'unknown balance algorithm', hint: 'static-rr' },
    { text: '', offset: 0, problem: 'unknown balance algorithm', hint: 'roundrobin' },
    { text: 'urlparam id', offset: 0, problem: '"urlparam"', hint: 'url_param' },
    { text: 'roundrobin(2)', offset: 10, problem: 'takes no argument', hint: 'Write roundrobin.' },
    { text: 'roundrobin 2', offset: 11, problem: 'unexpected "2"', hint: 'Write roundrobin.' },
    { text: 'source(src)', offset: 6, problem: 'takes no argument', hint: 'Write source.' },
    { text: 'maglev(src)', offset: 6, problem: 'takes no argument', hint: 'Write maglev.' },
    { text: 'random (2)', offset: 7, problem: 'unexpected "(2)"', hint: 'random(3)' },
    { text: 'random(2', offset: 6, problem: 'is not closed', hint: ')' },
    { text: 'random(0)', offset: 7, problem: '"0" is not the number of draws', hint: 'random(3)' },
    { text: 'random(65)', offset: 7, problem: 'the number of draws, 1-64', hint: 'random(3)' },
    { text: 'random(-1)', offset: 7, problem: 'the number of draws', hint: 'random(3)' },
    { text: 'random(2.5)', offset: 7, problem: 'the number of draws', hint: 'random(3)' },
    { text: 'random()', offset: 7, problem: 'the number of draws', hint: 'random(3)' },
    { text: 'uri depth', offset: 4, problem: '"depth" needs a whole number', hint: 'uri depth 2' },
    { text: 'uri len 0', offset: 8, problem: '"len" needs a whole number', hint: 'uri len 2' },
    { text: 'uri len 1048577', offset: 8, problem: 'from 1 to 1048576', hint: 'uri len 2' },
    { text: 'uri whole long', offset: 10, problem: 'unexpected "long"', hint: 'path-only' },
    { text: 'url_param', offset: 9, problem: 'parameter is missing', hint: 'url_param NAME' },
    { text: 'url_param id check_post', offset: 13, problem: 'not available', hint: 'Delete it' },
    { text: 'url_param id 64', offset: 13, problem: 'unexpected "64"', hint: 'url_param NAME' },
    { text: 'hdr', offset: 3, problem: 'hdr needs a header', hint: 'hdr(NAME)' },
    { text: 'hdr()', offset: 4, problem: '"" cannot name a header', hint: 'hdr(NAME)' },
    { text: 'hdr(x user)', offset: 4, problem: 'cannot name a header', hint: 'hdr(NAME)' },
    { text: 'hdr(host) domain', offset: 10, problem: 'unexpected "domain"', hint: 'use_domain' },
    {
      text: 'hdr(host) use_domain_only x',
      offset: 26,
      problem: 'unexpected "x"',
      hint: 'use_domain_only',
    },
    { text: 'hash', offset: 4, problem: 'needs a sample expression', hint: 'hash req.hdr' },
    { text: 'log-hash', offset: 0, problem: 'not available', hint: 'source' },
    { text: 'rdp-cookie()', offset: 11, problem: '"" cannot name a cookie', hint: '(NAME)' },
    { text: 'rdp-cookie(a b)', offset: 11, problem: 'cannot name a cookie', hint: '(NAME)' },
    { text: 'rdp-cookie msts', offset: 11, problem: 'unexpected "msts"', hint: '(NAME)' },
  ])('refuses $text at $offset', ({ text, offset, problem, hint }) => {
    expect(parseBalance(text)).toEqual({
      offset,
      message: expect.stringContaining(problem),
      hint: expect.stringContaining(hint),
    })
  })

  it('never throws, and points inside the text', () => {
    const text = fc.oneof(
      fc.string(),
      fc.tuple(fc.constantFrom(...BALANCE_NAMES), fc.string()).map((parts) => parts.join('')),
      fc.tuple(fc.constantFrom(...BALANCE_NAMES), fc.string()).map((parts) => parts.join(' ')),
      fc.string().map((argument) => `random(${argument})`),
    )
    fc.assert(
      fc.property(text, (balance) => {
        const parsed = parseBalance(balance)
        if ('message' in parsed) expect(parsed.offset).toBeLessThanOrEqual(balance.length)
        else expect(strategyOf({ balance }).pick).toBeTypeOf('function')
      }),
    )
  })
})

describe('createStrategy', () => {
  const context = { random: () => 0.5, loads: () => 0, loadTotal: () => 1 }
  const settings = { hashType: mapBased, hashBalanceFactor: null }

  it('throws a coded error for what parseBalance refuses', () => {
    const create = (): unknown => createStrategy({ ...settings, balance: 'fastest' }, context)
    expect(create).toThrow(SluiceError)
    expect(create).toThrow('unknown balance algorithm "fastest"')
  })
})
