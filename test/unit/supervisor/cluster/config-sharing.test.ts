import { describe, expect, it } from 'vitest'
import { atOnce } from '../../../../src/base/work-slices.ts'
import type { Config } from '../../../../src/model/config.ts'
import {
  differInServersAlone,
  sharingWith,
} from '../../../../src/supervisor/cluster/config-sharing.ts'
import { configOf } from '../../config/loading.ts'

type Backends = Readonly<Record<string, Readonly<Record<string, unknown>>>>

const BACKENDS: Backends = {
  app: { servers: { a: '10.0.0.1:80', b: { address: '10.0.0.2:80', weight: 3, check: true } } },
  api: { balance: 'leastconn', servers: { a: '10.0.1.1:80' } },
}

function config(backends: Backends = BACKENDS, more: object = {}): Config {
  const frontends = { web: { bind: '127.0.0.1:8080', default_backend: 'app' } }
  return configOf(JSON.stringify({ defaults: { mode: 'http' }, frontends, backends, ...more }))
}

const before = config()

function shared(next: Config): Config {
  const result = atOnce(sharingWith(next, before))
  expect(result).toEqual(next)
  return result
}

describe('what says the same', () => {
  it('is the same object', () => {
    const next = shared(config())
    expect(next.global).toBe(before.global)
    expect(next.frontends[0]).toBe(before.frontends[0])
    expect(next.backends[0]).toBe(before.backends[0])
    expect(next.backends[1]).toBe(before.backends[1])
    expect(differInServersAlone(next, before)).toBe(true)
  })

  it('is the same beside a server that has changed', () => {
    const servers = { a: '10.0.0.1:80', b: { address: '10.0.0.2:80', weight: 4, check: true } }
    const next = shared(config({ ...BACKENDS, app: { servers } }))
    expect(next.backends[1]).toBe(before.backends[1])
    expect(next.backends[0]?.servers[0]).toBe(before.backends[0]?.servers[0])
    expect(next.backends[0]?.servers[1]).not.toBe(before.backends[0]?.servers[1])
    expect(next.backends[0]?.timeouts).toBe(before.backends[0]?.timeouts)
    expect(differInServersAlone(next, before)).toBe(true)
  })
})

describe('configs differ in servers alone', () => {
  it.each([
    [
      'one is added',
      { servers: { ...(BACKENDS['app']?.['servers'] as object), c: '10.0.0.3:80' } },
    ],
    ['one is gone', { servers: { a: '10.0.0.1:80' } }],
    ['all are gone', {}],
    [
      'they stand in another order',
      { servers: { b: { address: '10.0.0.2:80', weight: 3, check: true }, a: '10.0.0.1:80' } },
    ],
  ])('%s', (_, app) => {
    expect(differInServersAlone(shared(config({ ...BACKENDS, app })), before)).toBe(true)
  })
})

describe('configs differ in more than servers', () => {
  const app = BACKENDS['app'] as object
  it.each([
    ['a setting of a backend', { ...BACKENDS, app: { ...app, balance: 'first' } }, {}],
    [
      'what holds for servers that are added',
      { ...BACKENDS, app: { ...app, 'default-server': { maxconn: 7 } } },
      {},
    ],
    ['who watches', { ...BACKENDS, app: { ...app, 'check-sharding': 2 } }, {}],
    ['a backend is gone', { app: BACKENDS['app'] as Backends[string] }, {}],
    ['one is added', { ...BACKENDS, more: {} }, {}],
    ['their order', { api: BACKENDS['api'], app: BACKENDS['app'] } as Backends, {}],
    ['a timeout of all', BACKENDS, { defaults: { mode: 'http', timeout: { server: '7s' } } }],
    ['the process', BACKENDS, { global: { maxconn: 77 } }],
    [
      'a frontend',
      BACKENDS,
      { frontends: { web: { bind: '127.0.0.1:8081', default_backend: 'app' } } },
    ],
  ] as const)('%s', (_, backends, more) => {
    expect(differInServersAlone(shared(config(backends, more)), before)).toBe(false)
  })
})
