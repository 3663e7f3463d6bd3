import { describe, expect, it } from 'vitest'
import { overlayPool, type ServerOverlay } from '../../../../src/config/resolution/pool-overlay.ts'
import type { ServerConfig } from '../../../../src/model/config.ts'
import { configOf } from '../loading.ts'

const config = configOf(`
defaults: {mode: http, default-server: {check: true, inter: 3s, weight: 7}}
frontends: {web: {bind: "127.0.0.1:8080", default_backend: app}}
backends:
  app:
    default-server: {maxconn: 9}
    servers:
      plain: 10.0.0.1:80
      elsewhere: {address: "10.0.0.2:80", addr: 10.9.9.9, port: 90}
      other-port: {address: "10.0.0.3:80", port: 90}
      with-agent: {address: "10.0.0.4:80", agent-check: true, agent-port: 99}
  empty: {}
`)

function serversOf(
  overlay: readonly Partial<ServerOverlay>[],
  backend = 0,
): readonly ServerConfig[] {
  const whole = overlay.map((entry) => {
    return { backend: 'app', server: 'new', isAdded: false, address: null, ...entry }
  })
  return overlayPool(config, whole).backends[backend]?.servers ?? []
}

describe('overlayPool', () => {
  it('gives back the same config where nothing is added or moved', () => {
    const entry = { backend: 'app', server: 'plain', isAdded: false, address: null }
    expect(overlayPool(config, [entry])).toBe(config)
  })

  it('adds a server with what default-server says', () => {
    const [added, ...more] = serversOf([{ isAdded: true, address: '10.0.0.5:80' }]).slice(4)
    expect(more).toEqual([])
    const address = { kind: 'inet', host: '10.0.0.5', port: 80 }
    const check = { interMs: 3_000, address }
    expect(added).toMatchObject({ name: 'new', address, weight: 7, maxconn: 9, check })
  })

  it('adds to a backend without servers', () => {
    const entry = { backend: 'empty', isAdded: true, address: '[::1]:80' }
    expect(serversOf([entry], 1)).toMatchObject([{ name: 'new', address: { host: '::1' } }])
  })

  it.each([
    ['plain', '10.1.1.1:81', { host: '10.1.1.1', port: 81 }],
    ['elsewhere', '10.1.1.1:81', { host: '10.9.9.9', port: 90 }],
    ['other-port', '10.1.1.1:81', { host: '10.1.1.1', port: 90 }],
  ])('moves %s, its check where it belongs', (server, address, check) => {
    const moved = serversOf([{ server, address }]).find(({ name }) => name === server)
    expect(moved).toMatchObject({
      address: { host: '10.1.1.1', port: 81 },
      check: { address: check },
    })
  })

  it('moves the agent along', () => {
    const moved = serversOf([{ server: 'with-agent', address: '10.1.1.1:81' }])[3]
    expect(moved?.agent?.address).toEqual({ kind: 'inet', host: '10.1.1.1', port: 99 })
  })

  it.each([
    ['a server that is neither in the config nor added', { address: '10.0.0.5:80' }],
    ['an address that cannot be read', { isAdded: true, address: 'nowhere' }],
    ['a backend that is not there', { backend: 'gone', isAdded: true, address: '10.0.0.5:80' }],
  ])('passes over %s', (_, entry) => {
    expect(serversOf([entry])).toEqual(config.backends[0]?.servers)
  })
})
