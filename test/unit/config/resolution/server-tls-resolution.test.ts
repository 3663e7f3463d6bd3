import { describe, expect, it } from 'vitest'
import { DEFAULT_OUTGOING_TLS } from '../../../../src/config/values/default-values.ts'
import type { ServerConfig } from '../../../../src/model/config.ts'
import { configOf } from '../loading.ts'

/** The server of a config. @param own what it says beside its address */
function serverOf(own: string, standard = '{}', global = '{}', defaults = '{}'): ServerConfig {
  const { backends } = configOf(`global: ${global}
defaults: {mode: http, default-server: ${defaults}}
frontends: {web: {bind: ":1", default_backend: app}}
backends: {app: {default-server: ${standard}, servers: {a: {address: "10.0.0.1:443", ${own}}}}}`)
  return backends[0]?.servers[0] as ServerConfig
}

const { reusesSessions: _, ...STANDARD } = DEFAULT_OUTGOING_TLS
const TLS = { ...STANDARD, verifyHost: null, caFile: '@system-ca', crlFile: null, crt: null }
const TRAFFIC = { sni: null, alpn: [], reusesSessions: true }

describe('TLS of a server', () => {
  it.each([
    ['', null, null],
    ['ssl: false', null, null],
    ['check: true, check-ssl: true', TLS, null],
    ['ssl: true', TLS, TRAFFIC],
    ['ssl: true, verify: none', { ...TLS, verify: false }, TRAFFIC],
    ['ssl: {verify: none, ca-file: /c}', { ...TLS, verify: false, caFile: '/c' }, TRAFFIC],
    [
      'ssl: {crt: /a, crl-file: /b, verifyhost: v, ssl-min-ver: TLSv1.3, no-ssl-reuse: true, alpn: x}',
      { ...TLS, crt: '/a', crlFile: '/b', verifyHost: 'v', minVersion: 'TLSv1.3' },
      { ...TRAFFIC, alpn: ['x'], reusesSessions: false },
    ],
  ])('of {%s}', (own, tls, trafficTls) => {
    const valid = own.replace('alpn: x', 'alpn: http/1.1')
    const traffic =
      trafficTls?.alpn.length === 1 ? { ...trafficTls, alpn: ['http/1.1'] } : trafficTls
    expect(serverOf(valid)).toMatchObject({ tls, trafficTls: traffic })
  })

  it.each([
    ['a.example', { kind: 'name', name: 'a.example' }],
    ['str(A.example)', { kind: 'name', name: 'a.example' }],
    ['ssl_fc_sni', { kind: 'expression', text: 'ssl_fc_sni' }],
    ['"req.hdr(host),lower"', { kind: 'expression', text: 'req.hdr(host),lower' }],
  ])('asks for sni %s', (sni, read) => {
    expect(serverOf(`ssl: {sni: ${sni}}`).trafficTls?.sni).toEqual(read)
  })

  it('takes key by key what it does not say from default-server, that from defaults and global', () => {
    const global = '{ssl-default-server-options: {verify: none, ssl-max-ver: TLSv1.2}}'
    const standard = '{ssl: {ca-file: /b}}'
    const { tls, trafficTls } = serverOf(
      'ssl: {crt: /s}',
      standard,
      global,
      '{ssl: {ca-file: /d, sni: a}}',
    )
    expect(tls).toMatchObject({ crt: '/s', caFile: '/b', verify: false, maxVersion: 'TLSv1.2' })
    expect(trafficTls?.sni).toEqual({ kind: 'name', name: 'a' })
    expect(serverOf('ssl: false', standard).trafficTls).toBeNull()
    expect(serverOf('ssl: true', standard).tls?.caFile).toBe('/b')
    expect(serverOf('ca-file: /own', standard).tls?.caFile).toBe('/own')
  })
})
