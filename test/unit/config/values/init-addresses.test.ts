import { describe, expect, it } from 'vitest'
import {
  INIT_ADDRESS_PATTERN,
  parseInitAddress,
} from '../../../../src/config/values/init-addresses.ts'
import { configOf } from '../loading.ts'

describe('init-addr', () => {
  it.each([
    ['last,libc,none', ['last', 'libc', 'none']],
    ['none', ['none']],
    ['libc,10.0.0.1', ['libc', { host: '10.0.0.1' }]],
    ['last,::1', ['last', { host: '::1' }]],
  ])('%s is read', (text, value) => {
    expect(parseInitAddress(text)).toEqual({ value })
    expect(text).toMatch(new RegExp(INIT_ADDRESS_PATTERN))
  })

  it.each([
    ['', /"" is no way/],
    ['lib', /"lib" is no way/],
    ['libc,', /"" is no way/],
    ['libc, none', /" none" is no way/],
    ['10.0.0', /"10\.0\.0" is no way/],
    ['none,none,none,none,none,none,none,none,none', /more than 8 entries/],
  ])('%j is refused', (text, message) => {
    expect(parseInitAddress(text)).toMatchObject({
      problem: { message: expect.stringMatching(message) },
    })
  })

  it('of a server stands over default-server, and is last,libc,none without', () => {
    const { backends } = configOf(`
frontends: {web: {bind: ":80", default_backend: app}}
backends:
  app:
    default-server: {init-addr: none}
    servers: {a: "a:1", b: {address: "b:1", init-addr: "libc"}}
  plain: {servers: {c: "c:1"}}
`)
    expect(backends.flatMap(({ servers }) => servers.map((server) => server.initAddress))).toEqual([
      ['none'],
      ['libc'],
      ['last', 'libc', 'none'],
    ])
  })
})
