import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { BalanceSettings } from '../../../src/balance/registry.ts'
import { NO_KEY } from '../../../src/balance/strategy.ts'
import { avalanche, textHashOf } from '../../../src/balance/structures/hashing.ts'
import { SluiceError } from '../../../src/base/errors.ts'
import type { HashTypeConfig } from '../../../src/model/config.ts'
import {
  compileRequestKey,
  compileSessionKey,
  validateBalance,
} from '../../../src/rules/balance-key.ts'
import { NO_SCOPE } from '../../../src/rules/rule-scope.ts'
import { sessionFacts } from '../../../src/worker/clients/tcp-session.ts'
import { FakeConn } from '../worker/fake-network.ts'
import { Message } from './messages.ts'

const plain: HashTypeConfig = { method: 'map-based', function: 'crc32', avalanche: false }
const mixed: HashTypeConfig = { method: 'consistent', function: 'wt6', avalanche: true }

const settings = (balance: string, hashType = plain): BalanceSettings => ({
  balance,
  hashType,
  hashBalanceFactor: null,
})

/** The text that a key was hashed from must be this one; null: there is no key. */
function expectKeyOf(balance: string, message: Message, text: string | null): void {
  for (const hashType of [plain, mixed]) {
    const key = compileRequestKey(settings(balance, hashType))?.(message)
    expect(key).toBe(text === null ? NO_KEY : textHashOf(hashType)(text))
  }
}

const get = (target: string): Message => new Message({ line: `GET ${target}` })
const withHeaders = (...headers: string[]): Message => new Message({ headers })

describe('the key of a request', () => {
  it.each(['roundrobin', 'leastconn', 'random(3)', 'first', 'peak-ewma', 'static-rr'])(
    'is not asked for by %s',
    (balance) => {
      expect(compileRequestKey(settings(balance))).toBeNull()
      expect(compileSessionKey(settings(balance))).toBeNull()
    },
  )

  it.each([
    { balance: 'uri', target: '/a/b/c?d=/e', text: '/a/b/c' },
    { balance: 'uri whole', target: '/a/b/c?d=/e', text: '/a/b/c?d=/e' },
    { balance: 'uri len 4', target: '/a/b/c?d', text: '/a/b' },
    { balance: 'uri len 40', target: '/a/b/c?d', text: '/a/b/c' },
    { balance: 'uri depth 1', target: '/a/b/c?d', text: '/a' },
    { balance: 'uri depth 2', target: '/a/b/c?d', text: '/a/b' },
    { balance: 'uri depth 2', target: '/a/b', text: '/a/b' },
    { balance: 'uri depth 9', target: '/a/b/c?d', text: '/a/b/c' },
    { balance: 'uri depth 2', target: '/', text: '/' },
    { balance: 'uri depth 1', target: '//a', text: '/' },
    { balance: 'uri depth 2 len 3', target: '/a/b/c', text: '/a/' },
    { balance: 'uri depth 2 whole', target: '/a?b=/c/d', text: '/a?b=/c' },
    { balance: 'uri', target: 'http://h/a?b', text: 'http://h/a' },
    { balance: 'uri depth 2', target: 'http://h/a?b', text: 'http://h' },
    { balance: 'uri path-only', target: 'http://h/a?b', text: '/a' },
    { balance: 'uri path-only depth 1', target: 'http://h/a/b', text: '/a' },
    { balance: 'uri', target: '*', text: '*' },
    { balance: 'uri path-only', target: '*', text: null },
  ])('is for $balance in $target the text $text', ({ balance, target, text }) => {
    expectKeyOf(balance, get(target), text)
  })

  it.each([
    { target: '/?id=7&x=1', text: '7' },
    { target: '/a?x=1&id=user%207', text: 'user%207' },
    { target: '/a?id=1&id=2', text: '1' },
    { target: '/a?xid=1', text: null },
    { target: '/a?id=', text: null },
    { target: '/a?id', text: null },
    { target: '/id=1', text: null },
  ])('is for url_param id in $target the text $text', ({ target, text }) => {
    expectKeyOf('url_param id', get(target), text)
  })

  it.each([
    { headers: ['X-User: joe'], text: 'joe' },
    { headers: ['x-user: joe , jane', 'X-User: jim'], text: 'joe' },
    { headers: ['X-User:'], text: null },
    { headers: ['X-Other: joe'], text: null },
  ])('is for hdr(X-User) in $headers the text $text', ({ headers, text }) => {
    expectKeyOf('hdr(X-User)', withHeaders(...headers), text)
  })

  it.each([
    { host: 'haproxy.1wt.eu', text: '1wt' },
    { host: 'www.example.com:8080', text: 'example' },
    { host: 'a.b.c.d', text: 'c' },
    { host: 'example.com', text: 'example' },
    { host: 'localhost', text: 'localhost' },
    { host: 'localhost:80', text: 'localhost:80' },
  ])('is for hdr(host) use_domain_only of $host the text $text', ({ host, text }) => {
    expectKeyOf('hdr(host) use_domain_only', withHeaders(`Host: ${host}`), text)
  })

  it.each([
    { balance: 'hash req.hdr(x-user),lower', text: 'joe' },
    { balance: 'hash req.hdr(x-none)', text: null },
    { balance: 'hash src', text: '127.0.0.1' },
    { balance: 'hash src_port', text: '50000' },
    { balance: 'hash req.cook(id)', text: '4711' },
    { balance: 'maglev', text: '127.0.0.1' },
    { balance: 'maglev path', text: '/' },
  ])('is for $balance the text $text', ({ balance, text }) => {
    expectKeyOf(balance, withHeaders('X-User: JOE', 'Cookie: id=4711'), text)
  })

  it('is for source the address, which is mixed but not hashed', () => {
    const keyOf = (src: string, hashType = plain): number | undefined =>
      compileRequestKey(settings('source', hashType))?.(new Message({ src }))
    expect(keyOf('10.1.2.3')).toBe(0x0a010203)
    expect(keyOf('255.255.255.255')).toBe(0xffffffff)
    expect(keyOf('2001:db8::1:2')).toBe((0x20010db8 ^ 0x00010002) >>> 0)
    expect(keyOf('10.1.2.3', mixed)).toBe(avalanche(0x0a010203))
    // A client on a Unix socket has none.
    expect(keyOf('', mixed)).toBe(NO_KEY)
  })

  it('is always a key or none', () => {
    const balance = fc.constantFrom('uri depth 2', 'url_param id', 'hdr(x)', 'hash url', 'source')
    fc.assert(
      fc.property(balance, fc.string({ unit: 'binary-ascii' }), (each, text) => {
        const message = new Message({ line: 'GET /', headers: [`x: ${text}`], src: text })
        message.url = text
        const key = compileRequestKey(settings(each, mixed))?.(message) ?? Number.NaN
        expect(key === NO_KEY || key === key >>> 0).toBe(true)
      }),
    )
  })
})

describe('the key of a session in mode tcp', () => {
  const facts = sessionFacts(new FakeConn(), 'front', NO_SCOPE)

  it.each([
    { balance: 'source', key: 0xc0000201 },
    { balance: 'hash src', key: textHashOf(plain)('192.0.2.1') },
    { balance: 'hash dst_port', key: textHashOf(plain)('80') },
    { balance: 'hash fe_name', key: textHashOf(plain)('front') },
    { balance: 'maglev', key: textHashOf(plain)('192.0.2.1') },
  ])('is for $balance what the connection tells', ({ balance, key }) => {
    expect(compileSessionKey(settings(balance))?.(facts)).toBe(key)
  })

  it('is not made of a request', () => {
    expect(() => compileSessionKey(settings('uri'))).toThrow(SluiceError)
    expect(() => compileSessionKey(settings('hash path'))).toThrow('"path" cannot be fetched')
  })
})

describe('validateBalance', () => {
  it.each(['roundrobin', 'source', 'uri', 'hdr(x)', 'url_param x', 'hash path', 'maglev'])(
    'accepts %s in mode http',
    (balance) => {
      expect(validateBalance(balance, 'http')).toBeNull()
    },
  )

  it.each([
    { text: 'fastest', mode: 'http', offset: 0, problem: 'unknown balance algorithm' },
    { text: 'hash nothing', mode: 'http', offset: 5, problem: 'unknown fetch "nothing"' },
    { text: 'hash  req.hdr(a),low', mode: 'http', offset: 17, problem: 'unknown converter "low"' },
    { text: 'hash res.hdr(a)', mode: 'http', offset: 5, problem: 'cannot be fetched' },
    { text: 'hash path /a', mode: 'http', offset: 10, problem: 'unexpected "/a"' },
    { text: 'hash path)', mode: 'http', offset: 9, problem: 'unexpected ")"' },
    { text: 'hash path_beg', mode: 'http', offset: 5, problem: '"path_beg" is not a fetch' },
    { text: 'uri whole', mode: 'tcp', offset: 0, problem: 'balance uri needs mode http' },
    { text: 'url_param id', mode: 'tcp', offset: 0, problem: 'balance url_param needs mode http' },
    { text: 'hdr(x)', mode: 'tcp', offset: 0, problem: 'balance hdr needs mode http' },
    { text: 'hash req.hdr(x)', mode: 'tcp', offset: 5, problem: 'a connection in mode tcp' },
    { text: 'maglev path', mode: 'tcp', offset: 7, problem: 'a connection in mode tcp' },
  ] as const)('refuses $text in mode $mode at $offset', ({ text, mode, offset, problem }) => {
    expect(validateBalance(text, mode)).toMatchObject({
      offset,
      message: expect.stringContaining(problem),
    })
  })
})
