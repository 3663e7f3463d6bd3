import { describe, expect, it } from 'vitest'
import type { ServerConfig } from '../../../../src/model/config.ts'
import { configOf } from '../loading.ts'

/** The server of a config, with `default-server` of defaults and of the backend as given. */
function serverOf(own: string, ofBackend = '', ofDefaults = ''): ServerConfig {
  const { backends } = configOf(`
global: {maxconn: 500}
defaults: {mode: http, default-server: {${ofDefaults}}}
frontends: {web: {bind: ":1", default_backend: app}}
backends:
  app:
    default-server: {${ofBackend}}
    servers: {a: {address: "10.0.0.1:80"${own && `, ${own}`}}}
`)
  return backends[0]?.servers[0] as ServerConfig
}

describe('the PROXY header of a server', () => {
  it.each([
    ['', '', '', null],
    ['send-proxy: true', '', '', 1],
    ['send-proxy-v2: true', '', '', 2],
    ['send-proxy-v2-ssl: true', '', '', '2-ssl'],
    ['send-proxy-v2-ssl-cn: true, send-proxy-v2: true', '', '', '2-ssl-cn'],
    ['send-proxy-v2: true', 'send-proxy-v2-ssl: true', '', 2],
    ['send-proxy-v2-ssl: false', 'send-proxy-v2-ssl: true', '', null],
    ['', 'send-proxy: true', 'send-proxy-v2-ssl-cn: true', 1],
    ['', 'send-proxy: true', '', 1],
    ['', '', 'send-proxy-v2: true', 2],
    ['send-proxy: false', 'send-proxy: true', '', null],
    // Who names a version does not inherit the other.
    ['send-proxy: true', 'send-proxy-v2: true', '', 1],
    ['send-proxy-v2: true', 'send-proxy: true', '', 2],
    ['', 'send-proxy-v2: true', 'send-proxy: true', 2],
    ['', 'send-proxy: true', 'send-proxy-v2: true', 1],
    ['send-proxy: false', 'send-proxy-v2: true', '', 2],
  ])('{%s} in {%s} in {%s} has version %j', (own, ofBackend, ofDefaults, version) => {
    expect(serverOf(own, ofBackend, ofDefaults).sendProxy).toBe(version)
  })
})

describe('the PROXY header of a check', () => {
  it.each([
    ['', null],
    ['send-proxy: true', 1],
    ['send-proxy-v2: true', 2],
    ['send-proxy: true, port: 81', null],
    ['send-proxy: true, addr: 10.0.0.9', null],
    ['send-proxy-v2: true, port: 81, check-send-proxy: true', 2],
    ['check-send-proxy: true', 1],
    ['check-send-proxy: true, port: 81', 1],
    ['send-proxy: true, check-send-proxy: false', null],
  ])('of a server with {%s} has version %j', (own, version) => {
    const given = own === '' ? 'check: true' : `check: true, ${own}`
    expect(serverOf(given).check?.sendProxy).toBe(version)
  })

  it('may be asked for by default-server', () => {
    const check = serverOf('port: 81', 'check: true, check-send-proxy: true', 'send-proxy-v2: true')
    expect(check.check?.sendProxy).toBe(2)
  })
})

describe('what is spoken to a server', () => {
  it.each([
    ['', '', null, undefined],
    ['proto: h2', '', 'h2', undefined],
    ['', 'proto: h2', 'h2', undefined],
    ['proto: h1', 'proto: h2', 'h1', undefined],
    // Who speaks HTTP/2 alone is asked to choose it.
    ['proto: h2, ssl: {verify: none}', '', 'h2', ['h2']],
    ['ssl: {verify: none, alpn: [h2, http/1.1]}', '', null, ['h2', 'http/1.1']],
  ])('of {%s} in {%s} is %s, with ALPN %j', (own, ofBackend, proto, alpn) => {
    const server = serverOf(own, ofBackend)
    expect([server.proto, server.trafficTls?.alpn]).toEqual([proto, alpn])
  })
})

describe('the idle connections of a server', () => {
  it.each([
    ['', '', [500, 5_000]],
    ['pool-max-conn: -1', '', [500, 5_000]],
    ['pool-max-conn: 0', '', [0, 5_000]],
    ['pool-max-conn: 7, pool-purge-delay: 200ms', '', [7, 200]],
    // More than clients can use may be asked for.
    ['pool-max-conn: 1000', '', [1_000, 5_000]],
    ['', 'pool-max-conn: 7, pool-purge-delay: 1m', [7, 60_000]],
    ['pool-max-conn: -1', 'pool-max-conn: 7', [500, 5_000]],
    // No delay keeps no connection.
    ['pool-purge-delay: 0', '', [0, 5_000]],
    ['pool-purge-delay: 0s, pool-max-conn: 9', '', [0, 5_000]],
  ])('of {%s} in {%s} are kept by %j', (own, ofBackend, [idleMax, delayMs]) => {
    expect(serverOf(own, ofBackend)).toMatchObject({
      poolIdleMax: idleMax,
      poolPurgeDelayMs: delayMs,
    })
  })
})

describe('what a server tracks', () => {
  // The config has nobody else to track: what checks say of that is looked at elsewhere.
  const watched = (own: string, ofBackend = '', ofDefaults = ''): unknown => {
    const text = `
defaults: {default-server: {${ofDefaults}}}
frontends: {web: {bind: ":1", default_backend: app}}
backends:
  app:
    default-server: {${ofBackend}}
    servers: {a: {address: "10.0.0.1:80"${own && `, ${own}`}}}
  other: {servers: {b: {address: "10.0.0.2:80", check: true}, c: {address: "10.0.0.3:80", check: true}}}
`
    const server = configOf(text).backends[0]?.servers[0] as ServerConfig
    return server.track ?? (server.check === null ? null : 'check')
  }

  it.each([
    ['', '', '', null],
    ['track: other/b', '', '', 'other/b'],
    ['', 'track: other/b', '', 'other/b'],
    ['', '', 'track: other/b', 'other/b'],
    ['track: other/c', 'track: other/b', '', 'other/c'],
    ['track: other/c', 'check: true', '', 'other/c'],
    ['', 'track: other/b', 'check: true', 'other/b'],
    // The nearest word counts.
    ['check: true', 'track: other/b', '', 'check'],
    ['', 'check: true', 'track: other/b', 'check'],
    ['track: other/c', 'check: true', 'track: other/b', 'other/c'],
    ['check: false', 'track: other/b', '', 'other/b'],
    ['check: false', 'check: true', 'track: other/b', null],
  ])('{%s} in {%s} in {%s} is %j', (own, ofBackend, ofDefaults, expected) => {
    expect(watched(own, ofBackend, ofDefaults)).toBe(expected)
  })
})

describe('the slow start and the line of a server', () => {
  it.each([
    ['', '', [0, 0]],
    ['slowstart: 30s, maxqueue: 5', '', [30_000, 5]],
    ['maxqueue: 0', 'slowstart: 1500, maxqueue: 9', [1500, 0]],
  ])('{%s} in {%s} are %j', (own, ofBackend, [slowStartMs, maxqueue]) => {
    expect(serverOf(own, ofBackend)).toMatchObject({ slowStartMs, maxqueue })
  })
})
