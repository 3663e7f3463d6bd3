import { describe, expect, it } from 'vitest'
import type { ServerConfig } from '../../../../src/model/config.ts'
import type { ProbeProtocol } from '../../../../src/model/probe-protocol.ts'
import { configOf } from '../loading.ts'

/** The server of a config, with keys of defaults, of its backend and its own as given. */
function serverOf(ofDefaults: string, ofBackend: string, own = 'check: true'): ServerConfig {
  const { backends } = configOf(`
defaults: {${ofDefaults}}
frontends: {web: {bind: ":1", default_backend: app}}
backends:
  app:
    ${ofBackend || 'mode: tcp'}
    servers: {a: {address: "10.0.0.1:80"${own && `, ${own}`}}, b: {address: "10.0.0.2:80", check: true}}
`)
  return backends[0]?.servers[0] as ServerConfig
}

function protocolOf(ofDefaults: string, ofBackend: string): ProbeProtocol | null | undefined {
  return serverOf(ofDefaults, ofBackend).check?.protocol
}

describe('what checks say', () => {
  it.each([
    ['', '', null],
    ['option: {redis-check: true}', '', 'steps'],
    ['option: {mysql-check: {user: lb}}', '', 'mysql'],
    // A backend has one way, its own.
    ['option: {mysql-check: true}', 'option: {httpchk: true}', 'http'],
    ['option: {httpchk: true}', 'option: {pgsql-check: {user: lb}}', 'postgresql'],
    ['option: {httpchk: true}', 'option: {httpchk: false}', null],
    ['option: {httpchk: true}', 'option: {redispatch: true}', 'http'],
    ['option: {httpchk: true, redispatch: true}', 'option: {smtpchk: {}}', 'steps'],
    ['option: {httpchk: true}', 'option: {tcp-check: true}', null],
    ['option: {httpchk: true}', 'option: {grpchk: true}', 'grpc'],
    ['option: {tcp-check: true}, tcp-check: [send a]', '', 'steps'],
  ])('defaults {%s} and backend {%s} give %s', (ofDefaults, ofBackend, kind) => {
    expect(protocolOf(ofDefaults, ofBackend)?.kind ?? null).toBe(kind)
  })

  it('takes the steps of the backend for those of defaults', () => {
    const ofDefaults = 'option: {tcp-check: true}, tcp-check: [send a]'
    expect(protocolOf(ofDefaults, 'tcp-check: [connect, send b]')).toEqual({
      kind: 'steps',
      steps: [
        { kind: 'connect', port: null, isDefault: false, sendProxy: false, tls: null },
        { kind: 'send', bytes: 'b' },
      ],
    })
  })

  it('reads all of httpchk', () => {
    const httpchk =
      '{method: POST, uri: /h, host: a.example, headers: {X-A: "1"}, body: "a\\\\n", expect: [status 200, "! string no"]}'
    expect(protocolOf('', `option: {httpchk: ${httpchk}}`)).toEqual({
      kind: 'http',
      method: 'POST',
      uri: '/h',
      version: 'HTTP/1.1',
      headers: [
        ['Host', 'a.example'],
        ['X-A', '1'],
      ],
      body: 'a\n',
      expect: [
        { kind: 'status', negated: false, ranges: [[200, 200]] },
        { kind: 'string', negated: true, text: 'no' },
      ],
      response: { acceptInvalid: false, headBytesMax: 15_360, headersMax: 101 },
    })
  })

  it('reads responses within the bounds of traffic', () => {
    const own = 'option: {httpchk: true, accept-invalid-http-response: true}'
    const ofDefaults = 'option: {httpchk: true, accept-invalid-http-response: true}'
    expect([
      protocolOf('', own),
      protocolOf(ofDefaults, ''),
      protocolOf(ofDefaults, 'option: {httpchk: true, accept-invalid-http-response: false}'),
    ]).toMatchObject([true, true, false].map((acceptInvalid) => ({ response: { acceptInvalid } })))
  })

  it.each([
    ['{user: lb}', 'lb'],
    ['true', ''],
    ['{}', ''],
  ])('mysql-check: %s asks as "%s"', (value, user) => {
    expect(protocolOf('', `option: {mysql-check: ${value}}`)).toEqual({ kind: 'mysql', user })
  })

  it.each([
    ['true', 'HELO localhost\r\n'],
    ['{hello: EHLO, domain: lb.example}', 'EHLO lb.example\r\n'],
  ])('smtpchk: %s says %j', (value, bytes) => {
    expect(protocolOf('', `option: {smtpchk: ${value}}`)).toMatchObject({
      steps: expect.arrayContaining([{ kind: 'send', bytes }]),
    })
  })
})

describe('grpchk', () => {
  it.each([
    ['true', ''],
    ['{}', ''],
    ['{service: shop.v1.Orders}', 'shop.v1.Orders'],
  ])('of %s asks for "%s"', (value, service) => {
    expect(protocolOf('', `option: {grpchk: ${value}}`)).toEqual({ kind: 'grpc', service })
  })
})

describe('the TLS of checks', () => {
  const plain = {
    isDefault: true,
    serverName: null,
    alpn: [],
  }

  it.each([
    ['check: true', null],
    ['check: true, check-ssl: false', null],
    ['check: true, check-ssl: true', plain],
    ['check: true, ssl: true', plain],
    ['check: true, ssl: {sni: a.example}', { ...plain, serverName: 'a.example' }],
    ['check: true, ssl: {sni: ssl_fc_sni}', plain],
    ['check: true, ssl: {sni: a.example}, check-sni: b', { ...plain, serverName: 'b' }],
    ['check: true, ssl: true, no-check-ssl: true', null],
    ['check: true, ssl: true, check-ssl: false', null],
    ['check: true, ssl: true, port: 81', null],
    ['check: true, ssl: true, port: 81, check-ssl: true', plain],
    [
      'check: true, check-ssl: true, check-sni: a.example, check-alpn: [h2, http/1.1], verify: required, ca-file: /etc/ca.pem',
      { ...plain, serverName: 'a.example', alpn: ['h2', 'http/1.1'] },
    ],
    ['check: true, check-ssl: true, check-alpn: http/1.1', { ...plain, alpn: ['http/1.1'] }],
  ])('of {%s}', (own, tls) => {
    expect(serverOf('', '', own).check?.tls).toEqual(tls)
  })

  it('may be asked for by default-server, and by a step alone', () => {
    const standard = 'default-server: {check: true, check-ssl: true, verify: none}'
    expect(serverOf('', standard, 'check-ssl: false').check?.tls).toBeNull()
    expect(serverOf(standard, '', '').check?.tls).toEqual(plain)
    expect(serverOf('', standard, 'no-check-ssl: true').check?.tls).toBeNull()
    const steps = 'option: {tcp-check: true}, tcp-check: [connect ssl]'
    expect(serverOf(steps, '').check?.tls).toEqual({ ...plain, isDefault: false })
    expect(serverOf(steps.replace(' ssl', ''), '').check?.tls).toBeNull()
  })
})

describe('the intervals of checks', () => {
  it.each([
    ['', [2_000, 2_000, 2_000]],
    [', inter: 5s', [5_000, 5_000, 5_000]],
    [', inter: 5s, fastinter: 1s', [5_000, 1_000, 5_000]],
    [', downinter: 1m', [2_000, 2_000, 60_000]],
  ])('of {check: true%s} are %j', (own, [interMs, fastInterMs, downInterMs]) => {
    expect(serverOf('', '', `check: true${own}`).check).toMatchObject({
      interMs,
      fastInterMs,
      downInterMs,
      spreadPercent: 0,
    })
  })
})

describe('an agent', () => {
  const standard = { interMs: 2_000, send: '', timeoutMs: 2_000 }

  it.each([
    ['', null],
    ['agent-port: 9', null],
    [
      'agent-check: true, agent-port: 9',
      { ...standard, address: { kind: 'inet', host: '10.0.0.1', port: 9 } },
    ],
    [
      'agent-check: true, agent-port: 9, agent-addr: 10.0.0.9, agent-inter: 5s, agent-send: "a\\\\n"',
      {
        ...standard,
        address: { kind: 'inet', host: '10.0.0.9', port: 9 },
        interMs: 5_000,
        send: 'a\n',
      },
    ],
  ])('of {%s}', (own, agent) => {
    expect(serverOf('', '', own).agent).toEqual(agent)
  })

  it('may be asked for by default-server', () => {
    const server = serverOf('', 'default-server: {agent-check: true, agent-port: 9}', '')
    expect(server.agent).toMatchObject({ address: { host: '10.0.0.1', port: 9 } })
    expect(server.check).toBeNull()
  })
})

describe('a server that tracks another one', () => {
  it('has no check, also where default-server asks for one', () => {
    const server = serverOf('', 'default-server: {check: true}', 'track: app/b')
    expect(server).toMatchObject({ track: 'app/b', check: null, observe: null })
  })
})
