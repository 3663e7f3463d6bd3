import { describe, expect, it } from 'vitest'
import { parseCookieLine } from '../../../../src/config/values/cookie-lines.ts'
import { parseStickTable } from '../../../../src/config/values/stick-tables.ts'
import { configOf, load } from '../loading.ts'

const PLAIN = {
  name: 'SRV',
  mode: 'passive',
  indirect: false,
  nocache: false,
  postonly: false,
  preserve: false,
  httponly: false,
  secure: false,
  dynamic: false,
  domains: [],
  maxIdleSec: 0,
  maxLifeSec: 0,
  attributes: [],
}

describe('a cookie line', () => {
  it.each([
    { text: 'SRV', value: {} },
    { text: ' SRV  insert ', value: { mode: 'insert' } },
    { text: 'SRV prefix dynamic', value: { mode: 'prefix', dynamic: true } },
    {
      text: 'SRV insert indirect nocache postonly preserve httponly secure',
      value: {
        mode: 'insert',
        indirect: true,
        nocache: true,
        postonly: true,
        preserve: true,
        httponly: true,
        secure: true,
      },
    },
    {
      text: 'SRV insert maxidle 30m maxlife 90 domain .a.example domain b attr SameSite=Lax',
      value: {
        mode: 'insert',
        maxIdleSec: 1_800,
        maxLifeSec: 90,
        domains: ['.a.example', 'b'],
        attributes: ['SameSite=Lax'],
      },
    },
    { text: 'SRV insert maxidle 1ms', value: { mode: 'insert', maxIdleSec: 1 } },
  ])('$text is read', ({ text, value }) => {
    expect(parseCookieLine(text)).toEqual({ value: { ...PLAIN, ...value } })
  })

  it.each([
    ['a=b insert', 'cannot be the name'],
    ['SRV insert prefix', 'exclude each other'],
    ['SRV rewrite indirect', 'exclude each other'],
    ['SRV rewrite preserve', 'preserve needs'],
    ['SRV dynamic', 'dynamic needs'],
    ['SRV prefix maxidle 10', 'need insert'],
    ['SRV insert maxidle', 'needs a value'],
    ['SRV insert maxidle 0', 'more than 0'],
    ['SRV insert maxlife soon', 'not a duration'],
    ['SRV insert domain a;b', 'cannot stand in a Set-Cookie'],
    ['SRV insert inderect', 'not a word of cookie'],
  ])('%s is refused', (text, message) => {
    expect(parseCookieLine(text)).toMatchObject({
      problem: { message: expect.stringContaining(message) },
    })
  })
})

describe('a stick table', () => {
  it.each([
    { text: 'type ip size 200k expire 30m', value: { entriesMax: 204_800, expireSec: 1_800 } },
    { text: 'size 1 type ip nopurge', value: { entriesMax: 1, nopurge: true } },
    {
      text: 'type string len 64 size 1m expire 1500',
      value: { type: 'string', keyBytesMax: 64, entriesMax: 1_048_576, expireSec: 2 },
    },
    { text: 'type integer size 16m', value: { type: 'integer', entriesMax: 16_777_216 } },
  ])('$text is read', ({ text, value }) => {
    const plain = { type: 'ip', keyBytesMax: 32, expireSec: 0, nopurge: false }
    expect(parseStickTable(text)).toEqual({ value: { ...plain, ...value } })
  })

  it.each([
    ['size 1k', 'the type is missing'],
    ['type ip', 'the size is missing'],
    ['type binary size 1k', '"binary" is not a type'],
    ['type ip len 4 size 1k', 'only the type string'],
    ['type string len 0 size 1k', 'len must be'],
    ['type ip size 17m', 'from 1 to 16m'],
    ['type ip size 0', 'from 1 to 16m'],
    ['type ip size many', 'not a size'],
    ['type ip size 1k expire 0', 'more than 0'],
    ['type ip size 1k peers p', 'not available'],
    ['type ip size 1k nopurg', 'not a word'],
  ])('%s is refused', (text, message) => {
    expect(parseStickTable(text)).toMatchObject({
      problem: { message: expect.stringContaining(message) },
    })
  })
})

const FRONTEND = 'frontends: {web: {mode: http, bind: ":1", default_backend: app}}'

/** The config of one backend in mode http, or another one. */
const backend = (body: string, defaults = '{}', mode = 'http'): string =>
  [
    FRONTEND.replace('mode: http', `mode: ${mode}`),
    `defaults: ${defaults}`,
    `backends: {app: {mode: ${mode}, ${body}}}`,
  ].join('\n')

const messages = (text: string): string[] => load(text).diagnostics.map(({ message }) => message)

describe('persistence of a backend', () => {
  it('is nothing where nothing binds clients to servers', () => {
    const servers = 'servers: {s: "h:1"}'
    expect(configOf(backend(servers)).backends[0]?.persistence).toBeNull()
    const tcp = backend(servers, '{cookie: SRV insert}', 'tcp')
    expect(configOf(tcp).backends[0]?.persistence).toBeNull()
  })

  it('takes what it does not say from defaults', () => {
    const defaults =
      '{cookie: SRV insert dynamic, dynamic-cookie-key: shared, option: {persist: true}}'
    const { backends } = configOf(backend('servers: {s: {address: "h:1", cookie: c1}}', defaults))
    expect(backends[0]).toMatchObject({
      persistence: { persist: true, cookie: { name: 'SRV', dynamicKey: 'shared' } },
      servers: [{ cookie: 'c1' }],
    })
    const own = 'cookie: ID prefix, option: {persist: false}, servers: {s: "h:1"}'
    expect(configOf(backend(own, defaults)).backends[0]?.persistence).toMatchObject({
      persist: false,
      cookie: { name: 'ID', mode: 'prefix', dynamicKey: null },
    })
  })

  it('has a table with its rules, in both modes', () => {
    const body = 'stick-table: type ip size 1k, stick: [on src], servers: {s: "h:1"}'
    for (const mode of ['http', 'tcp']) {
      expect(configOf(backend(body, '{}', mode)).backends[0]?.persistence).toMatchObject({
        cookie: null,
        stickTable: { type: 'ip', entriesMax: 1_024 },
        stick: ['on src'],
      })
    }
  })

  it.each([
    ['stick: [on src], servers: {s: "h:1"}', 'stick rules need a table'],
    ['cookie: SRV insert dynamic, servers: {s: "h:1"}', 'there is no key to make it of'],
    ['servers: {s: {address: "h:1", cookie: "a;b"}}', 'cannot be the value of a cookie'],
    ['stick-table: type ip size 1k, servers: {s: "h:1"}', 'there is no stick rule'],
    ['servers: {s: {address: "h:1", cookie: c1}}', 'the backend has no cookie'],
    ['cookie: SRV insert, servers: {s: "h:1"}', 'no server has a value for it'],
    ['ignore-persist: [if a], servers: {s: "h:1"}', 'no client is bound to a server'],
  ])('%s: %s', (body, message) => {
    expect(messages(backend(body))).toEqual([expect.stringContaining(message)])
  })

  it('never repeats the secret in a message about something else', () => {
    const body =
      'cookie: SRV insert dynamic,\n    dynamic-cookie-key: hush,\n    stick: [on src], servers: {}'
    const { diagnostics } = load(backend(body))
    expect(diagnostics.length).toBeGreaterThan(0)
    expect(JSON.stringify(diagnostics)).not.toContain('hush')
  })
})
