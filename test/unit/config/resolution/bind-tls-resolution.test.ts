import { describe, expect, it } from 'vitest'
import { DEFAULT_BIND_TLS } from '../../../../src/config/values/default-values.ts'
import type { BindTlsConfig } from '../../../../src/model/bind-tls.ts'
import { configOf, load } from '../loading.ts'

function text(bind: string, global = '{}', mode = 'http'): string {
  return `global: ${global}\nfrontends: {web: {mode: ${mode}, bind: ${bind}, default_backend: app}}
backends: {app: {mode: ${mode}, servers: {a: "127.0.0.1:1"}}}`
}

function tlsOf(...written: Parameters<typeof text>): BindTlsConfig | null | undefined {
  return configOf(text(...written)).frontends[0]?.binds[0]?.tls
}

function problemsOf(...written: Parameters<typeof text>): string[] {
  return load(text(...written)).diagnostics.map(({ code, message }) => `${code}: ${message}`)
}

describe('ssl of a bind', () => {
  it('is off unless it is written', () => {
    expect(tlsOf('":1"')).toBeNull()
    expect(tlsOf('{address: ":1"}')).toBeNull()
  })

  it('has defaults for all but its certificates', () => {
    const standard = { ...DEFAULT_BIND_TLS, crt: ['/c/'], strictSni: false, clients: null }
    const bind = '{address: ":1", ssl: {crt: /c/}}'
    expect(tlsOf(bind)).toEqual({ ...standard, alpn: ['h2', 'http/1.1'] })
    expect(tlsOf(bind, '{}', 'tcp')).toEqual({ ...standard, alpn: [] })
  })

  it('takes what it does not say from global', () => {
    const options = '{ssl-min-ver: TLSv1.3, prefer-client-ciphers: true, no-tls-tickets: true}'
    const [suite, cipher] = ['TLS_AES_128_GCM_SHA256', 'ECDHE-RSA-AES128-GCM-SHA256']
    const global = `{ssl-default-bind-options: ${options}, ssl-default-bind-ciphers: ${cipher},
  ssl-default-bind-ciphersuites: ${suite}, ssl-default-bind-curves: P-256}`
    const common = {
      minVersion: 'TLSv1.3',
      ciphers: cipher,
      ciphersuites: suite,
      curves: 'P-256',
      preferClientCiphers: true,
      hasTickets: false,
    }
    expect(tlsOf('{address: ":1", ssl: {crt: /c/}}', global)).toMatchObject(common)
    const own = `{address: ":1", ssl: {crt: [/a.pem, /b/], ssl-min-ver: TLSv1.2, curves: X25519,
  prefer-client-ciphers: false, no-tls-tickets: false, strict-sni: true}, alpn: [http/1.0, http/1.1]}`
    expect(tlsOf(own, global)).toEqual({
      ...common,
      minVersion: 'TLSv1.2',
      maxVersion: 'TLSv1.3',
      curves: 'X25519',
      preferClientCiphers: false,
      hasTickets: true,
      crt: ['/a.pem', '/b/'],
      strictSni: true,
      clients: null,
      alpn: ['http/1.0', 'http/1.1'],
    })
  })

  it.each([
    ['{address: ":1", ssl: {}}', 'missing-key: '],
    ['{address: ":1", ssl: {crt: c.pem}}', 'starts with "/"'],
    ['{address: ":1", ssl: {crt: /c/, ciphers: NONE-SUCH}}', 'TLS has none of these ciphers'],
    ['{address: ":1", ssl: {crt: /c/, ciphers: TLS_AES_128_GCM_SHA256}}', 'are no ciphers'],
    ['{address: ":1", ssl: {crt: /c/, ciphersuites: AES128-SHA}}', 'are no suites of TLS 1.3'],
    ['{address: ":1", ssl: {crt: /c/, ciphersuites: TLS_NONE}}', 'are no suites of TLS 1.3'],
    ['{address: ":1", ssl: {crt: /c/, curves: P-1}}', 'these are no groups'],
    [
      '{address: ":1", ssl: {crt: /c/, ssl-min-ver: TLSv1.1}}',
      'unsupported: ssl-min-ver "TLSv1.1"',
    ],
    [
      '{address: ":1", ssl: {crt: /c/, ssl-min-ver: TLSv1.3, ssl-max-ver: TLSv1.2}}',
      'out-of-range: ssl-min-ver is newer',
    ],
    ['{address: ":1", alpn: http/1.1}', 'invalid-value: alpn is a part of TLS'],
    ['{address: ":1", ssl: {crt: /c/}, alpn: [h3, http/1.1]}', 'unsupported: alpn "h3"'],
    [
      '{address: ":1", ssl: {crt: /c/}, proto: h2, alpn: http/1.1}',
      'invalid-value: alpn "http/1.1"',
    ],
    ['{address: ":1", ssl: {crt: /c/}, proto: h1, alpn: h2}', 'invalid-value: alpn "h2"'],
  ])('%s is refused', (bind, problem) => {
    expect(problemsOf(bind)).toEqual([expect.stringContaining(problem)])
  })

  it('asks clients for certificates where it is told to', () => {
    const clientsOf = (words: string): unknown =>
      tlsOf(`{address: ":1", ssl: {crt: /c/, ${words}}}`)?.clients
    expect(clientsOf('verify: none')).toBeNull()
    expect(clientsOf('verify: required, ca-file: /ca.pem')).toEqual({
      verify: 'required',
      caFile: '/ca.pem',
      crlFile: null,
      ignoresCertificateErrors: false,
      ignoresAuthorityErrors: false,
    })
    const all = 'crl-file: /crl.pem, crt-ignore-err: all, ca-ignore-err: all'
    expect(clientsOf(`verify: optional, ca-file: "@system-ca", ${all}`)).toEqual({
      verify: 'optional',
      caFile: '@system-ca',
      crlFile: '/crl.pem',
      ignoresCertificateErrors: true,
      ignoresAuthorityErrors: true,
    })
  })

  it.each([
    ['verify: required', 'missing-key: certificates of clients are verified by a ca-file'],
    ['verify: optional', 'missing-key: '],
    ['verify: maybe', 'invalid-value: '],
    ['verify: required, ca-file: ca.pem', 'invalid-value: '],
    ['verify: required, ca-file: /ca.pem, crt-ignore-err: 10', 'invalid-value: '],
    ['ca-file: /ca.pem', 'unused-setting: ca-file has no effect'],
    ['verify: none, crl-file: /crl.pem', 'unused-setting: crl-file has no effect'],
  ])('says what does not fit together: %s', (words, problem) => {
    expect(problemsOf(`{address: ":1", ssl: {crt: /c/, ${words}}}`)).toEqual([
      expect.stringContaining(problem),
    ])
  })

  it.each([
    ['h1', ['http/1.1']],
    ['h2', ['h2']],
  ])('is agreed on as proto: %s says', (proto, alpn) => {
    expect(tlsOf(`{address: ":1", ssl: {crt: /c/}, proto: ${proto}}`)?.alpn).toEqual(alpn)
  })

  it('may agree on anything in mode tcp', () => {
    expect(tlsOf('{address: ":1", ssl: {crt: /c/}, alpn: [h2, x]}', '{}', 'tcp')?.alpn).toEqual([
      'h2',
      'x',
    ])
  })

  it('does not fit the versions of global in one way only', () => {
    const [oldest, newest] = ['ssl-min-ver: TLSv1.3', 'ssl-max-ver: TLSv1.2']
    const global = `{ssl-default-bind-options: {${oldest}}}`
    const bind = `{address: ":1", ssl: {crt: /c/, ${newest}}}`
    expect(problemsOf(bind, global)).toEqual([expect.stringContaining('out-of-range')])
    expect(problemsOf('":1"', `{ssl-default-bind-options: {${oldest}, ${newest}}}`)).toEqual([
      expect.stringContaining('out-of-range'),
    ])
  })
})
