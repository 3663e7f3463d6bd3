import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { connect, type SecureVersion, type TLSSocket } from 'node:tls'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { parse } from 'yaml'
import { type Certificate, createAuthority, selfSigned } from '../fixtures/certificates.ts'
import { type Daemon, startDaemon, type TestConfig } from './support/daemon.ts'
import { startHaproxy } from './support/haproxy.ts'
import { startHttpServer } from './support/http-server.ts'
import { startHttpsServer } from './support/https-server.ts'
import { expectSamples } from './support/metrics.ts'
import { freePort } from './support/ports.ts'
import { requires } from './support/requirements.ts'
import { makeRevocations } from './support/revocations.ts'
import { writePem } from './support/tls-server.ts'
import { until } from './support/waiting.ts'

const servers = createAuthority('Servers')
const clients = createAuthority('Clients')
const between = clients.certify('Between')
const strangers = createAuthority('Strangers')
const ofStrangers = strangers.issue({ names: ['c.example'] })

function withChain({ cert, key }: Certificate, ...chain: readonly Certificate[]): Certificate {
  return { cert: [cert, ...chain.map((one) => one.cert)].join(''), key }
}

/** What clients show. */
const SHOWN: Readonly<Record<string, Certificate | null>> = {
  'nothing': null,
  'valid': clients.issue({ names: ['c.example'] }),
  'by a chain': withChain(between.issue({ names: ['c.example'] }), between),
  'expired': clients.issue({ names: ['c.example'], validUntilDays: -0.5 }),
  'not valid yet': clients.issue({ names: ['c.example'], validFromDays: 1 }),
  'self-signed': selfSigned({ names: ['c.example'] }),
  'of strangers': ofStrangers,
  'of strangers with their own': withChain(ofStrangers, strangers),
}

const crt = (): string => {
  const { cert, key } = servers.issue({ names: ['a.example'] })
  return writePem(cert + key)
}

interface Secured {
  readonly daemon: Daemon
  readonly port: number
  readonly config: (changes: Settings) => TestConfig
}

type Settings = Readonly<Record<string, unknown>>

/** A daemon that asks its clients for certificates. @param ssl beside `crt` */
async function startSecured(ssl: Settings, mode: 'http' | 'tcp' = 'http'): Promise<Secured> {
  const server = await startHttpServer()
  const port = await freePort()
  const own = crt()
  const config = (changes: Settings): TestConfig => ({
    global: { nbthread: 1 },
    defaults: { mode },
    frontends: {
      web: {
        bind: { address: `127.0.0.1:${port}`, ssl: { crt: own, ...ssl, ...changes } },
        default_backend: 'app',
      },
    },
    backends: { app: { servers: { s1: server.address } } },
  })
  const daemon = await startDaemon({ config: config({}) })
  return { daemon, port, config }
}

/** HAProxy in its place. @param words behind `crt FILE` */
async function startOther(words: string): Promise<{ port: number }> {
  const [port, server] = [await freePort(), await startHttpServer()]
  await startHaproxy(
    `defaults
  mode http
  log global
  timeout connect 5s
  timeout client 30s
  timeout server 30s
frontend web
  bind 127.0.0.1:${port} ssl crt ${crt()} ${words}
  default_backend app
backend app
  server s1 ${server.address}`,
    port,
  )
  return { port }
}

interface Visit {
  /** Null: the connection ended without an answer. */
  readonly status: number | null
  readonly body: string
  /** What it ended with; '': nothing. */
  readonly error: string
}

/** One request of a client that shows a certificate. */
async function visit(
  port: number,
  shown: Certificate | null,
  maxVersion: SecureVersion = 'TLSv1.3',
): Promise<Visit> {
  const asked = request({
    port,
    host: '127.0.0.1',
    servername: 'a.example',
    ca: servers.cert,
    agent: false,
    maxVersion,
    ...(shown !== null && shown),
  })
  asked.end()
  return new Promise((resolve) => {
    asked.once('error', ({ message }) => resolve({ status: null, body: '', error: message }))
    asked.once('response', (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk
      })
      response.once('close', () => {
        resolve({ status: response.statusCode ?? null, body, error: '' })
      })
    })
  })
}

/** Which of the clients are let in. */
async function letIn(port: number, maxVersion: SecureVersion): Promise<string[]> {
  const names: string[] = []
  for (const [name, shown] of Object.entries(SHOWN)) {
    if ((await visit(port, shown, maxVersion)).status === 200) names.push(name)
  }
  return names
}

const caFile = writePem.bind(null, clients.cert)

describe('certificates of clients', () => {
  beforeEach(requires('haproxy'))

  it.each([
    ['verify required', { verify: 'required' }],
    ['verify optional', { verify: 'optional' }],
    ['verify none', {}],
    ['verify optional crt-ignore-err all', { 'verify': 'optional', 'crt-ignore-err': 'all' }],
    [
      'verify required crt-ignore-err all ca-ignore-err all',
      { 'verify': 'required', 'crt-ignore-err': 'all', 'ca-ignore-err': 'all' },
    ],
    ['verify required ca-ignore-err all', { 'verify': 'required', 'ca-ignore-err': 'all' }],
  ])('let the same clients in as HAProxy: %s', async (words, settings) => {
    const ca = caFile()
    const { port } = await startSecured({ 'ca-file': ca, ...settings })
    const other = await startOther(`ca-file ${ca} ${words}`)
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      expect([version, await letIn(port, version)]).toEqual([
        version,
        await letIn(other.port, version),
      ])
    }
  })

  it('that are revoked are refused as by HAProxy, and the log says so', async () => {
    const { caFile: ca, crlFile, valid, revoked } = await makeRevocations()
    const { port, daemon } = await startSecured({
      'verify': 'required',
      'ca-file': ca,
      'crl-file': crlFile,
    })
    const other = await startOther(`ca-file ${ca} crl-file ${crlFile} verify required`)
    for (const at of [port, other.port]) {
      expect((await visit(at, valid)).status).toBe(200)
      expect((await visit(at, revoked)).status).not.toBe(200)
    }
    const refusal = / web\/1: SSL client certificate not trusted \(the certificate is revoked\)$/
    await until('a line in the log', () => daemon.accessLog.find((line) => refusal.test(line)))
  })
})

it('refuses with the reason: in the alert, in the answer, in the log and in a counter', async () => {
  const { port, daemon } = await startSecured({ 'verify': 'required', 'ca-file': caFile() })
  const alerts = [await visit(port, null, 'TLSv1.2'), await visit(port, null)]
  expect(alerts.map(({ error }) => error)).toEqual([
    expect.stringContaining('SSL alert number 40\n'),
    expect.stringContaining('SSL alert number 116\n'),
  ])
  const refused = ['expired', 'of strangers', 'of strangers with their own'] as const
  for (const name of refused) {
    const { status, body } = await visit(port, SHOWN[name] as Certificate)
    expect([status, body]).toEqual([400, expect.stringContaining('is not accepted: the ')])
  }
  await until('lines in the log', () => daemon.accessLog.length === 5 || undefined)
  expect(daemon.accessLog.map((line) => line.split(' web/1: ').at(-1))).toEqual([
    'SSL handshake failure (peer did not return a certificate)',
    'SSL handshake failure (peer did not return a certificate)',
    'SSL client certificate not trusted (the certificate has expired)',
    'SSL client certificate not trusted (the certificate is of an unknown authority)',
    'SSL client CA chain cannot be verified (the certificate is of an unknown authority)',
  ])
  const failed = { sluice_frontend_ssl_failed_handshake_total: 5 }
  await expectSamples(daemon, failed, { proxy: 'web' })
})

it('closes in mode tcp without a word, and passes nothing on', async () => {
  const { port } = await startSecured({ 'verify': 'required', 'ca-file': caFile() }, 'tcp')
  expect((await visit(port, SHOWN['valid'] as Certificate)).status).toBe(200)
  const { status, body } = await visit(port, SHOWN['expired'] as Certificate)
  expect([status, body]).toEqual([null, ''])
})

/** A session of a client that shows nothing, or what it is given. */
async function sessionOf(port: number, shown: Certificate | null): Promise<Buffer> {
  const socket = connectTo(port, shown)
  const [session] = (await once(socket, 'session')) as [Buffer]
  socket.destroy()
  return session
}

function connectTo(port: number, shown: Certificate | null, session?: Buffer): TLSSocket {
  const socket = connect({
    port,
    host: '127.0.0.1',
    ca: servers.cert,
    servername: 'a.example',
    ...(session !== undefined && { session }),
    ...shown,
  })
  onTestFinished(() => {
    socket.destroy()
  })
  return socket.on('error', () => {})
}

/** What one request is answered by whoever resumes a session, and whether it was. */
async function resume(port: number, session: Buffer): Promise<[boolean, string]> {
  const socket = connectTo(port, null, session)
  let text = ''
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    text += chunk
  })
  socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
  let isResumed = false
  socket.once('secureConnect', () => {
    isResumed = socket.isSessionReused()
  })
  await new Promise((resolve) => {
    socket.once('close', resolve)
  })
  return [isResumed, text.slice(9, 12)]
}

describe('a session', () => {
  it('goes on with the certificate that it began with', async () => {
    const { port } = await startSecured({ 'verify': 'required', 'ca-file': caFile() })
    const session = await sessionOf(port, SHOWN['valid'] as Certificate)
    expect(await resume(port, session)).toEqual([true, '200'])
  })

  it('that was refused is refused again', async () => {
    const { port } = await startSecured({ 'verify': 'required', 'ca-file': caFile() })
    const session = await sessionOf(port, SHOWN['expired'] as Certificate)
    expect(await resume(port, session)).not.toContain('200')
  })

  it('that began without verification goes on nowhere where there is some', async () => {
    const { port, daemon, config } = await startSecured({})
    const session = await sessionOf(port, null)
    expect(await resume(port, session)).toEqual([true, '200'])
    const terms = { 'verify': 'required', 'ca-file': caFile() }
    await daemon.reload(config(terms))
    expect(await resume(port, session)).toEqual([false, ''])
    const verified = await sessionOf(port, SHOWN['valid'] as Certificate)
    expect(await resume(port, verified)).toEqual([true, '200'])
    await daemon.reload(config({ ...terms, 'ca-file': writePem(strangers.cert) }))
    expect(await resume(port, verified)).toEqual([false, ''])
  })
})

it('reads its files anew with a reload, and refuses bad ones with their place', async () => {
  const ca = caFile()
  const { port, daemon, config } = await startSecured({ 'verify': 'required', 'ca-file': ca })
  const valid = SHOWN['valid'] as Certificate
  expect((await visit(port, valid)).status).toBe(200)
  writeFileSync(ca, strangers.cert)
  await daemon.reload(config({}))
  expect((await visit(port, valid)).status).toBe(400)
  expect((await visit(port, ofStrangers)).status).toBe(200)
  writeFileSync(ca, 'nothing')
  const rejected = await daemon.reload(config({}))
  expect([rejected.event, rejected['code']]).toEqual(['config-rejected', 'ca-file-invalid'])
  expect(String(rejected['message'])).toMatch(
    new RegExp(`yaml:\\d+:\\d+: error: ca-file ${ca}: there is no`),
  )
  expect((await visit(port, ofStrangers)).status).toBe(200)
})

it('the example configs/mtls.yaml lets partners in, and tells the server who they are', async () => {
  const own = servers.issue({ names: ['app.example'] })
  const secure = await startHttpsServer(own)
  const port = await freePort()
  const text = readFileSync(new URL('../../configs/mtls.yaml', import.meta.url), 'utf8')
    .replace('127.0.0.1:8443', `127.0.0.1:${port}`)
    .replace('/etc/sluice/site.pem', crt())
    .replace('/etc/sluice/partners.pem', caFile())
    .replace('/etc/sluice/ca.pem', writePem(servers.cert))
    .replace('/etc/sluice/sluice.pem', crt())
    .replace('127.0.0.1:9001', secure.address)
  await startDaemon({ config: parse(text) as TestConfig })
  expect((await visit(port, SHOWN['valid'] as Certificate)).status).toBe(200)
  expect(secure.requests.at(-1)?.headers).toMatchObject({
    'x-client-name': 'c.example',
    'x-client-serial': expect.stringMatching(/^[0-9A-F]{6}$/),
  })
  expect((await visit(port, SHOWN['expired'] as Certificate)).status).toBe(400)
  expect((await visit(port, null)).status).toBeNull()
})
