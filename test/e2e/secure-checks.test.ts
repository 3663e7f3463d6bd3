import { once } from 'node:events'
import { createServer } from 'node:http2'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { createAuthority, selfSigned } from '../fixtures/certificates.ts'
import { type Daemon, type LogEntry, startDaemon } from './support/daemon.ts'
import { freePort } from './support/ports.ts'
import { runSluice } from './support/processes.ts'
import { requires } from './support/requirements.ts'
import { startTcpServer } from './support/tcp-server.ts'
import { startOpenssl, startTlsServer, writePem } from './support/tls-server.ts'
import { until } from './support/waiting.ts'

type Settings = Readonly<Record<string, unknown>>

const NAME = 'app.example'
const CHECK = {
  'check': true,
  'check-ssl': true,
  // It bounds the handshake too, which takes its time on a busy machine.
  'inter': '2s',
  'fastinter': '100ms',
  'downinter': '100ms',
  'rise': 2,
  'fall': 2,
}

/** A config that checks one server, `app/s1`. */
async function configOf(
  address: string,
  server: Settings,
  backend: Settings = {},
): Promise<Settings> {
  const bind = `127.0.0.1:${await freePort()}`
  return {
    frontends: { main: { bind, default_backend: 'app' } },
    backends: { app: { servers: { s1: { address, ...CHECK, ...server } }, ...backend } },
  }
}

async function startChecked(
  address: string,
  server: Settings,
  backend: Settings = {},
): Promise<Daemon> {
  return startDaemon({ config: await configOf(address, server, backend) })
}

/** Waits until a check of `app/s1` has ended with a status. */
function untilStatus({ adminUrl }: Daemon, status: string): Promise<string> {
  return until(`check status ${status}`, async () => {
    const response = await fetch(`${adminUrl}/metrics`)
    const line = (await response.text())
      .split('\n')
      .find((one) => one.includes('server_check_status{') && one.includes(`state="${status}"`))
    return line?.endsWith(' 1') ? line : undefined
  })
}

function textOf(entry: LogEntry): string {
  return JSON.stringify(entry)
}

describe('check-ssl', () => {
  const authority = createAuthority()
  const good = authority.issue({ names: [NAME] })

  it('is up with a certificate of the authority, and follows what the server shows', async () => {
    const server = await startTlsServer(good, () => {})
    const caFile = writePem(authority.cert)
    const daemon = await startChecked(server.address, { 'check-sni': NAME, 'ca-file': caFile })
    await untilStatus(daemon, 'L6OK')
    server.show(authority.issue({ names: [NAME], validUntilDays: -0.1 }))
    const expired = await daemon.event('server-down')
    expect(textOf(expired)).toContain(
      'Layer6 invalid response, info: \\"SSL handshake failure: the certificate has expired\\"',
    )
    server.show(good)
    const up = await daemon.event('server-up')
    expect(textOf(up)).toContain('Layer6 check passed')
    server.show(authority.issue({ names: ['other.example'] }))
    const renamed = await daemon.event('server-down', daemon.log.indexOf(up))
    expect(textOf(renamed)).toContain('the certificate is for another name')
  })

  it('does not trust who signs for itself, unless nothing is verified', async () => {
    const server = await startTlsServer(selfSigned({ names: [NAME] }), () => {})
    const daemon = await startChecked(server.address, { 'check-sni': NAME })
    expect(textOf(await daemon.event('server-down'))).toContain('the certificate is self-signed')
    const config = await configOf(server.address, { verify: 'none' })
    expect((await daemon.reload(config)).event).toBe('config-reloaded')
    await daemon.event('server-up')
  })

  it('takes another authority with a reload, and keeps the old one where that is broken', async () => {
    const other = createAuthority('Other')
    const server = await startTlsServer(other.issue({ names: [NAME] }), () => {})
    const caFile = writePem(authority.cert)
    const daemon = await startChecked(server.address, { 'check-sni': NAME, 'ca-file': caFile })
    expect(textOf(await daemon.event('server-down'))).toContain('of an unknown authority')
    const broken = await configOf(server.address, { 'ca-file': writePem('nothing') })
    const refusal = await daemon.reload(broken)
    expect(refusal).toMatchObject({ event: 'config-rejected', code: 'ca-file-invalid' })
    const right = { 'check-sni': NAME, 'ca-file': writePem(other.cert) }
    await daemon.reload(await configOf(server.address, right))
    await daemon.event('server-up')
  })

  it('tells of a server that speaks no TLS, and of one that says nothing', async () => {
    const plain = await startTcpServer((socket) => socket.end('220 mail.example ESMTP\r\n'))
    const first = await startChecked(plain.address, {})
    expect(textOf(await first.event('server-down'))).toContain('what came is not TLS')
    const mute = await startTcpServer(() => {})
    const second = await startChecked(mute.address, {})
    expect(textOf(await second.event('server-down'))).toContain('Layer6 timeout')
  })

  it('comes behind the PROXY header', async () => {
    const heard: Buffer[] = []
    const server = await startTcpServer((socket) => socket.on('data', (data) => heard.push(data)))
    await startChecked(server.address, { 'check-send-proxy': true })
    await until('a hello', () => Buffer.concat(heard).length > 100 || undefined)
    const [header, hello] = Buffer.concat(heard).toString('latin1').split('\r\n', 2)
    expect(header).toMatch(/^PROXY TCP4 127\.0\.0\.1 127\.0\.0\.1 \d+ \d+$/)
    // A record of TLS with a handshake.
    expect(hello?.slice(0, 3)).toBe('\x16\x03\x01')
  })
})

describe('check-ssl and OpenSSL', () => {
  beforeEach(requires('openssl'))

  it('asks over HTTP within it', async () => {
    const authority = createAuthority()
    const server = await startOpenssl(authority.issue({ names: [NAME] }))
    const daemon = await startChecked(
      server.address,
      { 'check-sni': NAME, 'ca-file': writePem(authority.cert), 'check-alpn': 'http/1.1' },
      { option: { httpchk: { method: 'GET', expect: ['status 200', 'string s_server'] } } },
    )
    await untilStatus(daemon, 'L7OK')
  })
})

describe('a ca-file', () => {
  it.each([
    ['ca-file-unreadable', () => '/nonexistent/ca.pem'],
    ['ca-file-invalid', () => writePem('nothing')],
  ])('that is no good refuses the config: %s', async (code, pathOf) => {
    const caFile = pathOf()
    const server = `{address: "127.0.0.1:1", check: true, check-ssl: true, ca-file: ${caFile}}`
    const path = writePem(`
frontends: {main: {bind: "127.0.0.1:${await freePort()}", default_backend: app}}
backends: {app: {servers: {s1: ${server}}}}
`)
    const checked = await runSluice('check', '-f', path)
    expect(checked).toMatchObject({ code: 1, stderr: expect.stringContaining(caFile) })
    expect(checked.stderr).toMatch(/:3:\d+: error: /)
    const run = await runSluice('run', '-f', path)
    expect(run).toMatchObject({ code: 1, stderr: expect.stringContaining(code) })
    expect(run.stderr).toContain(caFile)
  })
})

describe('option grpchk', () => {
  it('follows the health service of a gRPC server', async () => {
    let status = 1
    const port = await freePort()
    const server = createServer()
    server.on('session', (session) => session.on('error', () => {}))
    server.on('stream', (stream) => {
      stream.on('error', () => {})
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
      stream.resume().on('end', () => {
        const head = { ':status': 200, 'content-type': 'application/grpc' }
        stream.respond(head, { waitForTrailers: true })
        stream.end(Buffer.from([0, 0, 0, 0, 2, 8, status]))
      })
    })
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    const option = { grpchk: { service: 'shop.v1.Orders' } }
    const daemon = await startChecked(`127.0.0.1:${port}`, { 'check-ssl': false }, { option })
    await untilStatus(daemon, 'L7OK')
    status = 2
    expect(textOf(await daemon.event('server-down'))).toContain(
      'Layer7 wrong status, info: \\"NOT_SERVING\\"',
    )
    status = 1
    await daemon.event('server-up')
  })
})
