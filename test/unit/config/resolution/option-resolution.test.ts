import { describe, expect, it } from 'vitest'
import { configOf } from '../loading.ts'

const OFF = { proto: false, host: false, by: false, byPort: false, for: false, forPort: false }

describe('option forwarded', () => {
  it.each([
    ['false', null],
    ['true', { ...OFF, proto: true, for: true }],
    ['{for: true}', { ...OFF, for: true }],
    ['{host: true, proto: false}', { ...OFF, host: true }],
    ['{by: true, by-port: true}', { ...OFF, by: true, byPort: true }],
    [
      '{proto: true, host: true, by: true, by-port: true, for: true, for-port: true}',
      { proto: true, host: true, by: true, byPort: true, for: true, forPort: true },
    ],
  ])('%s sends %j', (option, expected) => {
    const { frontends, backends } = configOf(`
defaults: {mode: http}
frontends: {web: {bind: ":1", option: {forwarded: ${option}}, default_backend: app}}
backends: {app: {option: {forwarded: ${option}}, servers: {a: "h:1"}}}
`)
    expect([frontends[0]?.forwarded, backends[0]?.forwarded]).toEqual([expected, expected])
  })

  it('is taken whole from the section or from defaults, and only in mode http', () => {
    const { frontends } = configOf(`
defaults: {mode: http, option: {forwarded: {host: true}}}
frontends:
  inherits: {bind: ":1"}
  own: {bind: ":2", option: {forwarded: {by: true}}}
  off: {bind: ":3", option: {forwarded: false}}
  raw: {mode: tcp, bind: ":4"}
`)
    expect(frontends.map(({ forwarded }) => forwarded)).toEqual([
      { ...OFF, host: true },
      { ...OFF, by: true },
      null,
      null,
    ])
  })
})

describe('option accept-connect', () => {
  it('is off, inherited, and only of mode http', () => {
    const { frontends } = configOf(`
defaults: {mode: http, option: {accept-connect: true}}
frontends:
  inherits: {bind: ":1"}
  off: {bind: ":2", option: {accept-connect: false}}
  raw: {mode: tcp, bind: ":3"}
`)
    expect(frontends.map(({ acceptConnect }) => acceptConnect)).toEqual([true, false, false])
    const { frontends: plain } = configOf('frontends: {web: {mode: http, bind: ":1"}}')
    expect(plain[0]?.acceptConnect).toBe(false)
  })
})

describe('accept-proxy', () => {
  it('is of one entry of bind', () => {
    const { frontends } = configOf(`
frontends: {web: {bind: [":1", {address: ":2", accept-proxy: true}, {address: ":3"}]}}
`)
    expect(frontends[0]?.binds.map(({ acceptProxy }) => acceptProxy)).toEqual([false, true, false])
  })
})
