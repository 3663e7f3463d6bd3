import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect as connectTls, TLSSocket } from 'node:tls'
import { beforeEach, describe, expect, it } from 'vitest'
import { type Certificate, createAuthority, selfSigned } from '../fixtures/certificates.ts'
import { type Daemon, startDaemon, type TestConfig } from './support/daemon.ts'
import { startHaproxy } from './support/haproxy.ts'
import { httpClient } from './support/http-client.ts'
import { startHttpsServer } from './support/https-server.ts'
import { underLoad } from './support/load.ts'
import { residentBytes, watchMemory } from './support/memory.ts'
import { expectSamples } from './support/metrics.ts'
import { startNginx } from './support/nginx.ts'
import { freePort } from './support/ports.ts'
import { runProgram } from './support/processes.ts'
import { rawExchange } from './support/raw-client.ts'
import { requires } from './support/requirements.ts'
import { makeRevocations } from './support/revocations.ts'
import { startTcpServer } from './support/tcp-server.ts'
import { startOpenssl, startTlsServer, writePem } from './support/tls-server.ts'
import { until } from './support/waiting.ts'

const authority = createAuthority()
const good = authority.issue({ names: ['a.example', '*.b.example'] })
const ca = (): string => writePem(authority.cert)
const pemOf = ({ cert, key }: Certificate): string => cert + key

/** Megabytes of a large body; more by SLUICE_TEST_BODY_MIB, such as 1024. */
const BODY_MIB = 256
/** What the daemon may grow by while that passes through, as in client-tls.test.ts. */
const GROWTH_BYTES_MAX = 64 * 1_048_576

type Settings = Readonly<Record<string, unknown>>

interface Secured {
  readonly daemon: Daemon
  readonly port: number
  readonly config: (ssl: unknown, server?: Settings, backend?: Settings) => TestConfig
}

/** A daemon in `mode http` before one server with TLS. */
async function startSecured(
  address: string,
  ssl: unknown = { 'ca-file': ca(), 'sni': 'a.example' },
  server: Settings = {},
  backend: Settings = {},
): Promise<Secured> {
  const port = await freePort()
  const config: Secured['config'] = (tls, more = server, of = backend) => ({
    global: { nbthread: 1 },
    defaults: { mode: 'http', retries: 0 },
    frontends: { web: { bind: `127.0.0.1:${port}`, default_backend: 'app' } },
    backends: { app: { servers: { s1: { address, ssl: tls, ...more } }, ...of } },
  })
  const daemon = await startDaemon({ config: config(ssl) })
  return { daemon, port, config }
}

describe('a server with ssl', () => {
  it('is asked for its name, and its connections are reused, and resumed where they are not', async () => {
    const server = await startHttpsServer(good)
    const { daemon, port } = await startSecured(server.address, {
      'ca-file': ca(),
      'sni': 'a.example',
      'alpn': 'http/1.1',
    })
    const ask = httpClient(port)
    for (let n = 0; n < 3; n++) expect((await ask('/')).body.toString()).toBe('secure')
    expect((await ask('/', { headers: { connection: 'close' } })).status).toBe(200)
    expect(new Set(server.requests.map(({ remotePort }) => remotePort)).size).toBe(1)
    expect(server.requests[0]).toMatchObject({
      serverName: 'a.example',
      alpn: 'http/1.1',
      protocol: 'TLSv1.3',
      isResumed: false,
      clientName: null,
    })
    await expectSamples(daemon, { sluice_server_ssl_sess_total: 1 }, { server: 's1' })
  })

  it.each([
    ['TLSv1.2', undefined, true],
    ['TLSv1.3', undefined, true],
    ['TLSv1.3', true, false],
  ] as const)('resumes sessions of %s, with no-ssl-reuse %s: %s', async (version, off, resumes) => {
    const server = await startHttpsServer({ ...good, maxVersion: version })
    const tls = { 'ca-file': ca(), 'sni': 'a.example', ...(off && { 'no-ssl-reuse': true }) }
    const { daemon, port } = await startSecured(server.address, tls, { 'pool-max-conn': 0 })
    const ask = httpClient(port)
    for (let n = 0; n < 3; n++) expect((await ask('/')).status).toBe(200)
    expect(server.requests.map(({ isResumed }) => isResumed)).toEqual([false, resumes, resumes])
    const resumed = { sluice_server_ssl_reused_sess_total: resumes ? 2 : 0 }
    await expectSamples(daemon, { sluice_server_ssl_sess_total: 3, ...resumed }, { server: 's1' })
  })

  it('is asked for what an expression gives, and each name has connections of its own', async () => {
    const server = await startHttpsServer(good)
    const { port } = await startSecured(server.address, {
      'ca-file': ca(),
      'sni': 'req.hdr(host)',
    })
    const ask = httpClient(port)
    const hosts = [
      'a.example',
      'x.b.example:443',
      'a.example',
      'X.B.example',
      '127.0.0.1',
      'c.b.example',
    ]
    for (const host of hosts) expect((await ask('/', { headers: { host } })).status).toBe(200)
    expect(server.requests.map(({ serverName }) => serverName)).toEqual([
      'a.example',
      'x.b.example',
      'a.example',
      'x.b.example',
      false,
      'c.b.example',
    ])
    const ports = server.requests.map(({ remotePort }) => remotePort)
    expect([ports[2], ports[3]]).toEqual([ports[0], ports[1]])
    expect(new Set(ports).size).toBe(4)
    expect((await ask('/', { headers: { host: 'other.example' } })).status).toBe(503)
  })

  it('is shown a certificate where it demands one', async () => {
    const server = await startHttpsServer({ ...good, requestCert: true, ca: authority.cert })
    const crt = writePem(pemOf(authority.issue({ names: ['client.example'] })))
    const { daemon, port, config } = await startSecured(server.address)
    const ask = httpClient(port)
    expect((await ask('/')).status).toBeGreaterThanOrEqual(502)
    expect(await daemon.reload(config({ 'ca-file': ca(), 'sni': 'a.example', crt }))).toMatchObject(
      {
        event: 'config-reloaded',
      },
    )
    expect((await ask('/')).status).toBe(200)
    expect(server.requests.at(-1)?.clientName).toBe('client.example')
  })

  it('is told of the client before its TLS begins', async () => {
    const headers: string[] = []
    const server = await startTcpServer((socket) => {
      socket.once('readable', () => {
        let header = ''
        for (let byte = socket.read(1) as Buffer | null; byte !== null; ) {
          header += byte.toString('latin1')
          byte = header.endsWith('\r\n') ? null : (socket.read(1) as Buffer | null)
        }
        headers.push(header)
        const tls = new TLSSocket(socket, { isServer: true, ...good })
        tls.on('data', () => tls.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'))
      })
    })
    const { port } = await startSecured(server.address, undefined, { 'send-proxy': true })
    expect((await httpClient(port)('/')).body.toString()).toBe('ok')
    expect(headers).toEqual([
      expect.stringMatching(/^PROXY TCP4 127\.0\.0\.1 127\.0\.0\.1 \d+ \d+\r\n$/),
    ])
  })

  const ISSUED = { names: ['a.example'] }
  it.each<[string, Certificate, Settings, Settings]>([
    ['the certificate is for another name', authority.issue({ names: ['o.example'] }), {}, {}],
    ['the certificate has expired', authority.issue({ ...ISSUED, validUntilDays: -0.5 }), {}, {}],
    ['the certificate is of an unknown authority', createAuthority('O').issue(ISSUED), {}, {}],
    ['the certificate is self-signed', selfSigned(ISSUED), {}, {}],
    ['the certificate is for another name', good, { verifyhost: 'o.example' }, {}],
    ['version', good, { 'ssl-min-ver': 'TLSv1.3' }, { maxVersion: 'TLSv1.2' }],
  ])('is refused where %s, and the log says so', async (reason, certificate, ssl, options) => {
    const server = await startHttpsServer({ ...certificate, ...options })
    const tls = { 'ca-file': ca(), 'sni': 'a.example', ...ssl }
    const { daemon, port, config } = await startSecured(server.address, tls)
    const ask = httpClient(port)
    expect((await ask('/')).status).toBe(503)
    expect(await daemon.event('server-tls-failed')).toMatchObject({
      server: 'app/s1',
      reason: expect.stringContaining(reason),
    })
    await until('a line in the log', () => daemon.accessLog.length === 1 || undefined)
    expect(daemon.accessLog[0]).toMatch(/ app\/s1 .* 503 .* SC-- /)
    const failed = {
      sluice_server_ssl_failed_handshake_total: 1,
      sluice_server_connection_errors_total: 1,
    }
    await expectSamples(daemon, failed, { server: 's1' })
    if (reason === 'version') return
    await daemon.reload(config({ verify: 'none' }))
    expect((await ask('/')).status).toBe(200)
  })

  it('is refused where its authority has revoked its certificate', async () => {
    const { caFile, crlFile, valid, revoked } = await makeRevocations()
    const servers = { valid: await startHttpsServer(valid), bad: await startHttpsServer(revoked) }
    const port = await freePort()
    const daemon = await startDaemon({
      config: {
        defaults: {
          'mode': 'http',
          'default-server': { ssl: { 'ca-file': caFile, 'sni': 'a.example' } },
        },
        frontends: {
          web: {
            bind: `127.0.0.1:${port}`,
            use_backend: ['listed if { path /listed }', 'bad if { path /bad }'],
            default_backend: 'unlisted',
          },
        },
        backends: {
          listed: {
            servers: { s: { address: servers.valid.address, ssl: { 'crl-file': crlFile } } },
          },
          bad: { servers: { s: { address: servers.bad.address, ssl: { 'crl-file': crlFile } } } },
          unlisted: { servers: { s: servers.bad.address } },
        },
      },
    })
    const ask = httpClient(port)
    expect((await ask('/listed')).status).toBe(200)
    expect((await ask('/')).status).toBe(200)
    expect((await ask('/bad')).status).toBe(503)
    expect(await daemon.event('server-tls-failed')).toMatchObject({
      server: 'bad/s',
      reason: 'the certificate is revoked',
    })
  })

  it('has timeout connect for its handshake', async () => {
    const server = await startTcpServer((socket) => socket.resume())
    const backend = { timeout: { connect: '300ms' } }
    const { daemon, port } = await startSecured(server.address, undefined, {}, backend)
    expect((await httpClient(port)('/')).status).toBe(503)
    await until('a line in the log', () => daemon.accessLog.length === 1 || undefined)
    expect(daemon.accessLog[0]).toMatch(/ sC-- /)
    expect(await daemon.event('server-tls-failed')).toMatchObject({ reason: 'timeout' })
  })

  it('that fails has its requests go to another', async () => {
    const bad = await startHttpsServer(selfSigned({ names: ['a.example'] }))
    const well = await startHttpsServer(good)
    const port = await freePort()
    const tls = { 'ca-file': ca(), 'sni': 'a.example' }
    await startDaemon({
      config: {
        defaults: { mode: 'http', retries: 1, option: { redispatch: true } },
        frontends: { web: { bind: `127.0.0.1:${port}`, default_backend: 'app' } },
        backends: {
          app: {
            'default-server': { ssl: tls },
            'servers': { s1: bad.address, s2: well.address },
          },
        },
      },
    })
    const ask = httpClient(port)
    for (let n = 0; n < 6; n++) expect((await ask('/', { method: 'POST' })).status).toBe(200)
    expect(well.requests).toHaveLength(6)
  })

  it('is checked over TLS as it is spoken to, unless it is told otherwise', async () => {
    const server = await startHttpsServer(good)
    const check = { check: true, inter: '1s', fall: 1, rise: 1 }
    const { daemon, config } = await startSecured(server.address, undefined, check)
    const down = daemon.event('server-down', daemon.log.length)
    server.show(createAuthority('Other').issue({ names: ['a.example'] }))
    expect(await down).toMatchObject({ server: 'app/s1' })
    const up = daemon.event('server-up', daemon.log.length)
    await daemon.reload(
      config({ 'ca-file': ca(), 'sni': 'a.example' }, { ...check, 'no-check-ssl': true }),
    )
    await up
  })

  it('exchanges files without a failed request', async () => {
    const server = await startHttpsServer({ ...good, requestCert: true, ca: authority.cert })
    const crt = writePem(pemOf(authority.issue({ names: ['one.example'] })))
    const ssl = { 'ca-file': ca(), 'sni': 'a.example', crt }
    const { daemon, port, config } = await startSecured(server.address, ssl)
    const load = await underLoad(
      daemon,
      { url: `http://127.0.0.1:${port}/`, connections: 8 },
      async () => {
        for (const name of ['two.example', 'three.example']) {
          writeFileSync(crt, pemOf(authority.issue({ names: [name] })))
          expect(await daemon.reload(config(ssl))).toMatchObject({ event: 'config-reloaded' })
        }
      },
    )
    expect(load.errors).toEqual({ connect: 0, read: 0, write: 0, status: 0, timeout: 0 })
    await httpClient(port)('/last')
    expect(server.requests.at(-1)).toMatchObject({ url: '/last', clientName: 'three.example' })
    writeFileSync(crt, 'nothing')
    expect(await daemon.reload(config(ssl))).toMatchObject({ code: 'certificate-invalid' })
    expect((await httpClient(port)('/')).status).toBe(200)
  })
})

describe('a body that ends with its connection', () => {
  const HEAD = 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n'
  const get = 'GET / HTTP/1.1\r\nHost: a.example\r\n\r\n'

  it.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'is whole with close_notify (%s)',
    async (maxVersion) => {
      const { port } = await startSecured(
        await startPlainTls(maxVersion, (tls) => tls.end(`${HEAD}whole`)),
      )
      const { text, ending } = await rawExchange(port, get)
      expect(ending).toBe('ended')
      expect(text).toMatch(/\r\n\r\nwhole$/)
    },
  )

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('is cut without it (%s)', async (maxVersion) => {
    const address = await startPlainTls(maxVersion, (tls, end) => tls.write(`${HEAD}part`, end))
    const { daemon, port } = await startSecured(address)
    const { text, ending } = await rawExchange(port, get)
    expect(text).toMatch(/\r\n\r\npart$/)
    expect(ending).toBe('reset')
    await until('a line in the log', () => daemon.accessLog.length === 1 || undefined)
    expect(daemon.accessLog[0]).toMatch(/ SD-- /)
  })

  it('that the client reads slowly is told apart all the same', async () => {
    const large = `${HEAD}${'x'.repeat(3_000_000)}`
    for (const isWhole of [true, false]) {
      const address = await startPlainTls('TLSv1.3', (tls, end) => {
        if (isWhole) tls.end(large)
        else tls.write(large, end)
      })
      const { port } = await startSecured(address)
      const { stdout, code } = await runProgram('curl', [
        ...['-sS', '--limit-rate', '4M', '-o', '/dev/null', '-w', '%{size_download}'],
        `http://127.0.0.1:${port}/`,
      ])
      expect([code === 0, stdout]).toEqual([isWhole, isWhole ? '3000000' : expect.any(String)])
    }
  })

  it('in mode tcp ends its client as it was ended', async () => {
    for (const [isWhole, ending] of [
      [true, 'ended'],
      [false, 'reset'],
    ] as const) {
      const address = await startPlainTls('TLSv1.3', (tls, end) => {
        if (isWhole) tls.end('hello')
        else tls.write('hello', end)
      })
      const port = await freePort()
      await startDaemon({
        config: {
          frontends: { main: { bind: `127.0.0.1:${port}`, default_backend: 'app' } },
          backends: {
            app: { servers: { s1: { address, ssl: { 'ca-file': ca(), 'sni': 'a.example' } } } },
          },
        },
      })
      expect(await rawExchange(port, 'x')).toEqual({ text: 'hello', ending })
    }
  })
})

describe('real servers', () => {
  beforeEach(requires('nginx', 'haproxy', 'openssl'))

  it('nginx, also with a certificate that it demands', async () => {
    const files = [writePem(good.cert), writePem(good.key)] as const
    const nginx = await startNginx(
      `ssl_certificate ${files[0]}; ssl_certificate_key ${files[1]};
       ssl_client_certificate ${ca()}; ssl_verify_client on;
       location / { add_header X-Who $ssl_client_s_dn; add_header X-Sni $ssl_server_name; return 200 "nginx"; }`,
      {},
      undefined,
      'ssl',
    )
    const crt = writePem(pemOf(authority.issue({ names: ['client.example'] })))
    const { port } = await startSecured(nginx.address, { 'ca-file': ca(), 'sni': 'a.example', crt })
    const { status, headers, body } = await httpClient(port)('/')
    expect([status, body.toString()]).toEqual([200, 'nginx'])
    expect(headers).toMatchObject({ 'x-who': 'CN=client.example', 'x-sni': 'a.example' })
  })

  it('HAProxy, which is told of the client first', async () => {
    const front = await freePort()
    await startHaproxy(
      `defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
frontend front
  bind 127.0.0.1:${front} accept-proxy ssl crt ${writePem(pemOf(good))}
  http-request return status 200 content-type text/plain lf-string "%[ssl_fc_sni] %[src]"`,
      front,
    )
    const { port } = await startSecured(`127.0.0.1:${front}`, undefined, { 'send-proxy-v2': true })
    expect((await httpClient(port)('/')).body.toString()).toBe('a.example 127.0.0.1')
  })

  it('openssl', async () => {
    const { address } = await startOpenssl(good)
    const { port } = await startSecured(address)
    const { status, body } = await httpClient(port)('/')
    expect(status).toBe(200)
    expect(body.toString()).toContain('s_server')
  })
})

it('mode tcp reaches a server over TLS, for clients with TLS and without', async () => {
  const names: (string | false)[] = []
  const server = await startTlsServer(good, (socket) => {
    names.push((socket as TLSSocket & { servername: string | false }).servername)
    socket.pipe(socket)
  })
  const [plain, secure] = [await freePort(), await freePort()]
  const ssl = { crt: writePem(pemOf(good)) }
  await startDaemon({
    config: {
      frontends: {
        plain: { bind: `127.0.0.1:${plain}`, default_backend: 'app' },
        secure: { bind: { address: `127.0.0.1:${secure}`, ssl }, default_backend: 'app' },
      },
      backends: {
        app: {
          servers: {
            s1: { address: server.address, ssl: { 'ca-file': ca(), 'sni': 'ssl_fc_sni' } },
          },
        },
      },
    },
  })
  const echoed = await rawExchange(plain, 'hello', { until: (text) => text === 'hello' })
  expect(echoed.text).toBe('hello')
  const socket = connectTls({
    port: secure,
    host: '127.0.0.1',
    ca: authority.cert,
    servername: 'z.b.example',
  })
  await once(socket, 'secureConnect')
  socket.end('over TLS')
  let text = ''
  for await (const chunk of socket) text += String(chunk)
  expect(text).toBe('over TLS')
  expect(names).toEqual([false, 'z.b.example'])
})

describe('large bodies over TLS on both sides', () => {
  beforeEach(requires('curl'))

  it('take no memory, down and up', async () => {
    const bodyMib = Number(process.env['SLUICE_TEST_BODY_MIB'] ?? BODY_MIB)
    const mebibyte = Buffer.alloc(1_048_576)
    const server = await startHttpsServer(good, (request, response) => {
      let received = 0
      request.on('data', (chunk: Buffer) => {
        received += chunk.length
      })
      request.on('end', () => void send(received))
      const send = async (bytes: number): Promise<void> => {
        if (request.method !== 'GET') response.end(String(bytes))
        else {
          for (let n = 0; n < bodyMib; n++) {
            if (!response.write(mebibyte)) await once(response, 'drain')
          }
          response.end()
        }
      }
    })
    const port = await freePort()
    const ssl = { crt: writePem(pemOf(good)) }
    const daemon = await startDaemon({
      config: {
        global: { nbthread: 1 },
        defaults: { mode: 'http' },
        frontends: { web: { bind: { address: `127.0.0.1:${port}`, ssl }, default_backend: 'app' } },
        backends: {
          app: {
            servers: {
              s1: { address: server.address, ssl: { 'ca-file': ca(), 'sni': 'a.example' } },
            },
          },
        },
      },
    })
    const url = `https://127.0.0.1:${port}/`
    const down = ['-sSk', '-o', '/dev/null', '-w', '%{size_download}', url]
    const up = ['-c', `head -c ${bodyMib}M /dev/zero | curl -sSk -T - ${url}`]
    // Buffers and compiled code are there afterwards.
    await runProgram('curl', down)
    const before = residentBytes(daemon.pid)
    const most = watchMemory(daemon.pid)
    expect(Number((await runProgram('curl', down)).stdout)).toBe(bodyMib * mebibyte.length)
    expect(Number((await runProgram('sh', up)).stdout)).toBe(bodyMib * mebibyte.length)
    expect(most() - before).toBeLessThan(GROWTH_BYTES_MAX)
  })
})

/**
 * A TLS server that answers a request by hand.
 *
 * @param answer gets what ends the connection below without TLS's own end
 * @returns its address
 */
async function startPlainTls(
  maxVersion: 'TLSv1.2' | 'TLSv1.3',
  answer: (socket: TLSSocket, end: () => void) => void,
): Promise<string> {
  const server = await startTcpServer((socket) => {
    const tls = new TLSSocket(socket, { isServer: true, maxVersion, ...good })
    tls.on('error', () => {})
    tls.once('data', () => answer(tls, () => socket.end()))
  })
  return server.address
}
