import { describe, expect, it } from 'vitest'
import { renderDiagnostics } from '../../../../src/config/diagnostics/rendering.ts'
import type { BackendConfig } from '../../../../src/model/config.ts'
import { validateBalance } from '../../../../src/rules/balance-key.ts'
import { configOf, load } from '../loading.ts'

const mapBased = { method: 'map-based', function: 'sdbm', avalanche: false }

const FRONTEND = 'frontends: {web: {bind: ":1", default_backend: app}}'

/** The backend `app` of a config with these settings in it and in `defaults`. */
function backendOf(settings: string, defaults = ''): BackendConfig {
  const backends = `backends: {app: {servers: {s: "h:1"}, ${settings}}}`
  const [app] = configOf([`defaults: {${defaults}}`, FRONTEND, backends].join('\n')).backends
  return app!
}

/** What is said of a config with the real strategies and expressions, less the marks. */
function problemsOf(backends: string, defaults = ''): string[] {
  const text = [`defaults: {${defaults}}`, FRONTEND, `backends: ${backends}`].join('\n')
  const { diagnostics } = load(text, { validateBalance })
  return renderDiagnostics(text, 'f', diagnostics)
    .split('\n')
    .filter((line) => line.startsWith('f:'))
}

describe('hash-type', () => {
  it.each([
    { text: 'map-based', type: mapBased },
    { text: 'consistent', type: { method: 'consistent', function: 'sdbm', avalanche: true } },
    { text: 'consistent sdbm', type: { method: 'consistent', function: 'sdbm', avalanche: false } },
    {
      text: '  map-based   crc32  avalanche ',
      type: { method: 'map-based', function: 'crc32', avalanche: true },
    },
    { text: 'consistent none', type: { method: 'consistent', function: 'none', avalanche: false } },
    { text: 'map-based wt6', type: { ...mapBased, function: 'wt6' } },
    { text: 'map-based djb2', type: { ...mapBased, function: 'djb2' } },
  ])('reads $text', ({ text, type }) => {
    expect(backendOf(`hash-type: "${text}"`).hashType).toEqual(type)
    expect(backendOf('', `hash-type: "${text}"`).hashType).toEqual(type)
  })

  it('is the one of HAProxy where none is given, and the own one before that of defaults', () => {
    expect(backendOf('').hashType).toEqual(mapBased)
    expect(backendOf('hash-type: map-based', 'hash-type: consistent').hashType).toEqual(mapBased)
  })
})

describe('hash-balance-factor', () => {
  it.each([
    { own: '', defaults: '', factor: null },
    { own: 'hash-balance-factor: 125', defaults: '', factor: 125 },
    { own: '', defaults: 'hash-balance-factor: 150', factor: 150 },
    { own: 'hash-balance-factor: 0', defaults: 'hash-balance-factor: 150', factor: null },
  ])('is $factor with "$own" and "$defaults"', ({ own, defaults, factor }) => {
    expect(backendOf(own, defaults).hashBalanceFactor).toBe(factor)
  })
})

describe('balance', () => {
  const servers = 'servers: {s: "h:1"}'

  it('is checked for the mode of the backend', () => {
    expect(problemsOf(`{app: {balance: hash src, ${servers}}}`)).toEqual([])
    expect(problemsOf(`{app: {balance: uri depth 2, ${servers}}}`)).toEqual([
      'f:3:27: error: balance uri needs mode http',
    ])
    expect(problemsOf(`{app: {balance: "hash req.hdr(x-user)", ${servers}}}`)).toEqual([
      'f:3:33: error: "req.hdr" cannot be fetched from a connection in mode tcp',
    ])
  })

  it('of mode tcp alone is refused in mode http', () => {
    expect(problemsOf(`{app: {balance: rdp-cookie, ${servers}}}`, '')).toEqual([])
    expect(problemsOf(`{app: {balance: rdp-cookie, mode: http, ${servers}}}`)).toContain(
      'f:3:27: error: balance rdp-cookie needs mode tcp',
    )
  })

  it('of defaults may be one for either mode', () => {
    const backends = `{app: {${servers}}, own: {mode: http, ${servers}}}`
    expect(problemsOf(backends, 'balance: rdp-cookie')).toEqual([
      'f:3:40: error: backend "own" takes balance from defaults: balance rdp-cookie needs mode tcp',
    ])
  })

  it('of defaults is at fault where a backend takes it over that cannot have it', () => {
    const backends = `{app: {mode: http, ${servers}}, own: {mode: tcp, balance: source, ${servers}},
 db: {mode: tcp, ${servers}}}`
    expect(problemsOf(backends, 'mode: http, balance: uri')).toEqual([
      'f:4:2: error: backend "db" takes balance from defaults: balance uri needs mode http',
    ])
  })

  it('of defaults is told of once where it is wrong everywhere', () => {
    const backends = `{app: {mode: http, ${servers}}, db: {mode: http, ${servers}}}`
    expect(problemsOf(backends, 'mode: http, balance: uri depth')).toEqual([
      'f:1:37: error: "depth" needs a whole number from 1 to 1048576',
    ])
  })
})
