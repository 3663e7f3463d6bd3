import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { Agent, request } from 'node:https'
import { join } from 'node:path'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { parse } from 'yaml'
import { type Certificate, createAuthority, selfSigned } from '../fixtures/certificates.ts'
import { type Daemon, startDaemon, type TestConfig } from './support/daemon.ts'
import { startHaproxy } from './support/haproxy.ts'
import { type HttpServer, type HttpServerOptions, startHttpServer } from './support/http-server.ts'
import { startHttpsServer } from './support/https-server.ts'
import { residentBytes, watchMemory } from './support/memory.ts'
import { expectSamples, untilMoreRequests } from './support/metrics.ts'
import { freePort } from './support/ports.ts'
import { runProgram, runSluice } from './support/processes.ts'
import { openSocket, rawExchange } from './support/raw-client.ts'
import { requires } from './support/requirements.ts'
import { startTcpServer } from './support/tcp-server.ts'
import { temporaryFolder } from './support/temporary-folder.ts'
import { writePem } from './support/tls-server.ts'
import { until } from './support/waiting.ts'

const authority = createAuthority()
const caFile = (): string => writePem(authority.cert)
const pemOf = ({ cert, key }: Certificate): string => cert + key

const FACTS = ['protocol', 'cipher', 'sni', 'alpn', 'is_resumed']
  .map((name) => `%[ssl_fc_${name}]`)
  .join(' ')

const BODY_MIB = 256
/** What the daemon may grow by while that passes through, twice what test/e2e/large-bodies has. */
const GROWTH_BYTES_MAX = 64 * 1_048_576

type Settings = Readonly<Record<string, unknown>>

interface Secured {
  readonly daemon: Daemon
  readonly server: HttpServer
  readonly port: number
  /** The file that holds the certificate. */
  readonly crt: string
  readonly config: (changes: Settings) => TestConfig
}

/** A daemon with a frontend in `mode http` for TLS. @param ssl what `ssl` has beside `crt` */
async function startSecured(
  certificate: Certificate = authority.issue({ names: ['a.example'] }),
  bind: Settings = {},
  ssl: Settings = {},
  answer?: HttpServerOptions['answer'],
): Promise<Secured> {
  const server = await startHttpServer(answer === undefined ? {} : { answer })
  const port = await freePort()
  const crt = writePem(pemOf(certificate))
  const config = (changes: Settings): TestConfig => ({
    global: { nbthread: 2 },
    defaults: { mode: 'http' },
    frontends: {
      web: {
        'bind': { address: `127.0.0.1:${port}`, ...bind, ssl: { crt, ...ssl, ...changes } },
        'option': { forwardfor: true, forwarded: true },
        'http-request': [
          'set-header X-Forwarded-Proto https if { ssl_fc }',
          `set-header X-Tls "${FACTS}"`,
        ],
        'default_backend': 'app',
      },
    },
    backends: { app: { servers: { s1: server.address } } },
  })
  const daemon = await startDaemon({ config: config({}) })
  return { daemon, server, port, crt, config }
}

/** Completes a handshake; the connection is closed when the test is over. */
async function handshake(port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({
    port,
    host: '127.0.0.1',
    ca: authority.cert,
    servername: 'a.example',
    ...options,
  })
  onTestFinished(() => {
    socket.destroy()
  })
  socket.on('error', () => {})
  await once(socket, 'secureConnect')
  return socket
}

function subjectOf(socket: TLSSocket): string {
  return String(socket.getPeerCertificate().subject.CN)
}

/** The status of one GET over a connection of an agent. */
async function statusOf(port: number, agent: Agent): Promise<number | undefined> {
  const asked = request({ port, host: '127.0.0.1', servername: 'a.example', agent, path: '/' })
  asked.end()
  const [response] = (await once(asked, 'response')) as [
    NodeJS.ReadableStream & { statusCode: number },
  ]
  response.resume()
  await once(response, 'end')
  return response.statusCode
}

describe('a frontend with ssl', () => {
  beforeEach(requires('curl'))

  it('serves curl, and tells the server and the log of TLS', async () => {
    const { daemon, server, port } = await startSecured()
    const url = `https://a.example:${port}/x`
    const trust = ['--http1.1', '--cacert', caFile()]
    const to = ['--resolve', `a.example:${port}:127.0.0.1`, ...trust]
    const { code, stdout } = await runProgram('curl', ['-sS', ...to, '-d', 'body', url])
    expect([code, stdout]).toEqual([0, 'server'])
    const [got] = server.requests
    expect(got?.body.toString()).toBe('body')
    expect(got?.headers).toMatchObject({
      'x-forwarded-proto': 'https',
      'forwarded': expect.stringContaining('proto=https'),
      'x-tls': 'TLSv1.3 TLS_AES_128_GCM_SHA256 a.example http/1.1 0',
    })
    await until('a line in the log', () => daemon.accessLog.length === 1 || undefined)
    expect(daemon.accessLog[0]).toMatch(/ web~ app\/s1 .* ---- .*"POST \/x HTTP\/1\.1"$/)
    await expectSamples(daemon, { sluice_frontend_ssl_sess_total: 1 }, { proxy: 'web' })
  })

  it('says what it is to who speaks plain HTTP, and counts who says nothing or junk', async () => {
    const { daemon, port } = await startSecured()
    const { text } = await rawExchange(port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    expect(text).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n[\s\S]*\r\n\r\nThis port speaks HTTPS/)
    expect((await rawExchange(port, 'junk')).text).toBe('')
    await rawExchange(port, '\x16\x03\x01\x00\x05junkj')
    const silent = await Promise.all(Array.from({ length: 50 }, () => openSocket(port)))
    await handshake(port)
    for (const socket of silent) socket.destroy()
    const failed = { sluice_frontend_ssl_failed_handshake_total: 53 }
    await expectSamples(daemon, failed, { proxy: 'web' })
    const failures = (): string[] =>
      daemon.accessLog.filter((line) => / web\/1: SSL handshake failure/.test(line))
    await until('lines of those that are wrong', () => failures().length >= 3 || undefined)
    expect(failures()).toHaveLength(3)
  })

  it('refuses what it is told to: versions and names', async () => {
    const settings = { 'ssl-min-ver': 'TLSv1.3', 'strict-sni': true }
    const { daemon, port } = await startSecured(undefined, {}, settings)
    const refused = (options: ConnectionOptions): Promise<unknown> =>
      handshake(port, options).catch((error: { code?: string }) => error.code)
    expect(await refused({ maxVersion: 'TLSv1.2' })).toBe('ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION')
    const unknown = { servername: 'b.example' }
    expect(await refused(unknown)).toBe('ERR_SSL_TLSV1_UNRECOGNIZED_NAME')
    expect(subjectOf(await handshake(port))).toBe('a.example')
    await until('lines in the log', () => daemon.accessLog.length >= 2 || undefined)
    // Two threads may have written them.
    expect(daemon.accessLog.map((line) => line.split(': ').at(-1)).sort()).toEqual([
      'SSL handshake failure',
      'SSL handshake failure (unsupported protocol)',
    ])
  })
})

it('refuses to renegotiate', async () => {
  const { port } = await startSecured()
  const socket = await handshake(port, { maxVersion: 'TLSv1.2' })
  const refused = new Promise<Error | null>((resolve) => {
    socket.on('error', resolve)
    socket.renegotiate({}, resolve)
  })
  expect(await refused).toMatchObject({ code: 'ERR_SSL_NO_RENEGOTIATION' })
})

it('resumes sessions in whichever thread, and in full without tickets', async () => {
  const { port, daemon, config } = await startSecured()
  const first = connect({ port, host: '127.0.0.1', ca: authority.cert, servername: 'a.example' })
  onTestFinished(() => {
    first.destroy()
  })
  const [session] = (await once(first, 'session')) as [Buffer]
  for (let n = 0; n < 6; n++) {
    expect((await handshake(port, { session })).isSessionReused()).toBe(true)
  }
  const resumed = { sluice_frontend_ssl_reused_sess_total: 6 }
  await expectSamples(daemon, resumed, { proxy: 'web' })
  await daemon.reload(config({ 'no-tls-tickets': true }))
  expect((await handshake(port, { session })).isSessionReused()).toBe(false)
})

it('chooses the certificate by the name and by the kind of key', async () => {
  const folder = temporaryFolder()
  const names = ['a.example']
  writeFileSync(join(folder, '1.pem'), pemOf(authority.issue({ names, keyType: 'rsa' })))
  writeFileSync(join(folder, '2.pem'), pemOf(authority.issue({ names })))
  writeFileSync(join(folder, '3.pem'), pemOf(authority.issue({ names: ['*.w.example'] })))
  const server = await startHttpServer()
  const port = await freePort()
  const bind = { address: `127.0.0.1:${port}`, ssl: { crt: folder } }
  await startDaemon({
    config: {
      defaults: { mode: 'http' },
      frontends: { web: { bind, default_backend: 'app' } },
      backends: { app: { servers: { s1: server.address } } },
    },
  })
  expect(subjectOf(await handshake(port, { servername: 'x.w.example' }))).toBe('*.w.example')
  const rejectUnauthorized = false
  const other = await handshake(port, { servername: 'other.example', rejectUnauthorized })
  expect(subjectOf(other)).toBe('a.example')
  for (const [kind, name] of [
    ['RSA', 'ECDHE-RSA-AES128-GCM-SHA256'],
    ['ECDSA', 'ECDHE-ECDSA-AES128-GCM-SHA256'],
  ] as const) {
    const socket = await handshake(port, { maxVersion: 'TLSv1.2', ciphers: name })
    const { pubkey } = socket.getPeerCertificate()
    expect(pubkey !== undefined && pubkey.length > 200, kind).toBe(kind === 'RSA')
  }
})

it('exchanges a certificate without ending a session, and keeps the old one for a bad one', async () => {
  const { daemon, port, crt, config } = await startSecured()
  const agent = new Agent({ keepAlive: true, maxSockets: 1, ca: authority.cert })
  onTestFinished(() => agent.destroy())
  expect(await statusOf(port, agent)).toBe(200)
  const silent = await openSocket(port)
  const serialOf = async (): Promise<string> =>
    (await handshake(port)).getPeerCertificate().serialNumber
  const before = await serialOf()
  expect(await daemon.event('certificate-expiring')).toMatchObject({ file: crt, daysLeft: 9 })

  writeFileSync(crt, pemOf(authority.issue({ names: ['a.example'] })))
  expect(await daemon.reload(config({}))).toMatchObject({ event: 'config-reloaded' })
  expect(await serialOf()).not.toBe(before)
  expect(await statusOf(port, agent)).toBe(200)
  await expectSamples(daemon, { sluice_frontend_ssl_sess_total: 3 }, { proxy: 'web' })

  const after = await serialOf()
  writeFileSync(crt, pemOf(selfSigned({ names: ['old.example'], validUntilDays: -0.5 })))
  const rejected = await daemon.reload(config({}))
  expect(rejected).toMatchObject({ event: 'config-rejected', code: 'certificate-invalid' })
  expect(JSON.stringify(rejected)).toContain(
    `${crt}:1: the certificate of CN=old.example has expired`,
  )
  const check = await runSluice('check', '-f', daemon.file)
  expect([check.code, check.stdout + check.stderr]).toEqual([
    1,
    expect.stringContaining('has expired'),
  ])
  expect(await serialOf()).toBe(after)
  silent.destroy()
})

describe('under load', () => {
  beforeEach(requires('wrk', 'curl'))

  it('a certificate is exchanged without a failed request', async () => {
    const { daemon, port, crt, config } = await startSecured()
    const load = runProgram('wrk', ['-t1', '-c8', '-d6s', `https://127.0.0.1:${port}/`])
    await untilMoreRequests(daemon, 100)
    for (let n = 0; n < 3; n++) {
      writeFileSync(crt, pemOf(authority.issue({ names: ['a.example'] })))
      expect(await daemon.reload(config({}))).toMatchObject({ event: 'config-reloaded' })
      await handshake(port)
    }
    const { code, stdout } = await load
    expect([code, stdout]).toEqual([0, expect.stringMatching(/[1-9]\d* requests in/)])
    expect(stdout).not.toMatch(/Socket errors|Non-2xx/)
  })

  it('a large body takes no memory', async () => {
    const mebibyte = Buffer.alloc(1_048_576)
    const { daemon, port } = await startSecured(undefined, {}, {}, async (_, response) => {
      for (let n = 0; n < BODY_MIB; n++) {
        if (!response.write(mebibyte)) await once(response, 'drain')
      }
      response.end()
    })
    const get = ['-sSk', '-o', '/dev/null', '-w', '%{size_download}', `https://127.0.0.1:${port}/`]
    // Buffers and compiled code are there afterwards.
    await runProgram('curl', get)
    const before = residentBytes(daemon.pid)
    const most = watchMemory(daemon.pid)
    const { stdout } = await runProgram('curl', get)
    expect(Number(stdout)).toBe(BODY_MIB * mebibyte.length)
    expect(most() - before).toBeLessThan(GROWTH_BYTES_MAX)
  })
})

it('shows nobody a private key', async () => {
  const { daemon, crt } = await startSecured()
  const secret = readFileSync(crt, 'latin1').split('PRIVATE KEY-----\n')[1]?.slice(0, 40) ?? ''
  expect(secret).not.toBe('')
  const shown = await runSluice('config', 'show', '--admin', daemon.admin)
  const status = await runSluice('cluster', 'status', '--json', '--admin', daemon.admin)
  const all = shown.stdout + status.stdout + status.stderr + JSON.stringify(daemon.log)
  expect(shown.stdout).toContain(crt)
  expect(all).not.toContain(secret)
})

it('ends TLS in mode tcp, large both ways, each direction by itself', async () => {
  const sums: string[] = []
  const server = await startTcpServer((socket) => {
    const hash = createHash('sha256')
    socket.on('data', (data) => hash.update(data))
    socket.on('end', () => {
      sums.push(hash.digest('hex'))
      socket.end(Buffer.alloc(10_000_000, 'y'))
    })
  })
  const port = await freePort()
  const bind = {
    address: `127.0.0.1:${port}`,
    ssl: { crt: writePem(pemOf(authority.issue({ names: ['a.example'] }))) },
    alpn: ['x', 'y'],
  }
  await startDaemon({
    config: {
      frontends: { main: { bind, default_backend: 'app' } },
      backends: { app: { servers: { s1: server.address } } },
    },
  })
  const socket = connect({
    port,
    host: '127.0.0.1',
    ca: authority.cert,
    servername: 'a.example',
    ALPNProtocols: ['y'],
    allowHalfOpen: true,
  } as ConnectionOptions)
  await once(socket, 'secureConnect')
  expect(socket.alpnProtocol).toBe('y')
  const sent = Buffer.alloc(10_000_000, 'x')
  socket.end(sent)
  let received = 0
  for await (const chunk of socket) received += (chunk as Buffer).length
  expect(received).toBe(10_000_000)
  expect(sums).toEqual([createHash('sha256').update(sent).digest('hex')])
})

describe('HAProxy in front', () => {
  beforeEach(requires('haproxy'))

  it('reaches it over TLS, with the client in a PROXY header before that', async () => {
    const { server, port } = await startSecured(undefined, { 'accept-proxy': true })
    const front = await freePort()
    const tls = `ssl verify required ca-file ${caFile()} sni str(a.example) verifyhost a.example`
    await startHaproxy(
      `defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
listen front
  bind 127.0.0.1:${front}
  server s 127.0.0.1:${port} ${tls} send-proxy-v2 alpn http/1.1`,
      front,
    )
    for (let n = 0; n < 3; n++) {
      const response = await fetch(`http://127.0.0.1:${front}/`)
      expect([response.status, await response.text()]).toEqual([200, 'server'])
    }
    expect(server.requests.at(-1)?.headers).toMatchObject({
      'x-forwarded-for': '127.0.0.1',
      'x-tls': expect.stringMatching(/^TLSv1\.3 \S+ a\.example http\/1\.1 [01]$/),
    })
  })
})

it('drains as without TLS: what is under way is finished, and who is idle is told', async () => {
  const { daemon, server, port } = await startSecured()
  const idle = await handshake(port)
  const busy = await handshake(port)
  let answer = ''
  busy.on('data', (data: Buffer) => {
    answer += data.toString('latin1')
  })
  busy.write('GET /busy HTTP/1.1\r\nHost: a\r\n\r\n')
  await until('the request', () => server.requests.length === 1 || undefined)
  const ended = Promise.all([once(idle, 'close'), once(busy, 'close')])
  expect(await daemon.stop()).toBe(0)
  await ended
  expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
})

it('the example configs/tls.yaml serves HTTPS, and sends who comes by HTTP there', async () => {
  const example = new URL('../../configs/tls.yaml', import.meta.url)
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'site.pem'), pemOf(authority.issue({ names: ['a.example'] })))
  const server = await startHttpServer()
  const secure = await startHttpsServer(authority.issue({ names: ['app.example'] }))
  const ports = [await freePort(), await freePort()] as const
  const text = readFileSync(example, 'utf8')
    .replace('/etc/sluice/certs/', folder)
    .replace('127.0.0.1:8080', `127.0.0.1:${ports[0]}`)
    .replace('127.0.0.1:8443', `127.0.0.1:${ports[1]}`)
    .replace('/etc/sluice/ca.pem', caFile())
    .replace('127.0.0.1:9001', secure.address)
    .replace('127.0.0.1:9002', server.address)
  // Each thread takes turns of its own: of two requests in one thread each server gets one.
  const oneThread = text.replace('global:\n', 'global:\n  nbthread: 1\n')
  await startDaemon({ config: parse(oneThread) as Settings })
  const plain = await fetch(`http://127.0.0.1:${ports[0]}/x`, { redirect: 'manual' })
  expect([plain.status, plain.headers.get('location')]).toEqual([
    301,
    `https://127.0.0.1:${ports[0]}/x`,
  ])
  const agent = new Agent({ ca: authority.cert })
  for (let n = 0; n < 2; n++) expect(await statusOf(ports[1], agent)).toBe(200)
  for (const { requests } of [server, secure]) {
    expect(requests.at(-1)?.headers).toMatchObject({ 'x-forwarded-proto': 'https' })
  }
})
