import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect } from 'node:tls'
import { beforeEach, expect, it } from 'vitest'
import { type Certificate, createAuthority, selfSigned } from '../fixtures/certificates.ts'
import { ADMIN_HEADERS, type Daemon, startDaemon } from './support/daemon.ts'
import { freePort } from './support/ports.ts'
import { runProgram, runSluice } from './support/processes.ts'
import { requires } from './support/requirements.ts'
import { writePem } from './support/tls-server.ts'

const authority = createAuthority()
const pemOf = ({ cert, key }: Certificate): string => cert + key
const issued = (): string => pemOf(authority.issue({ names: ['lb.example', 'localhost'] }))
const caFile = (): string => writePem(authority.cert)

interface Secured {
  readonly daemon: Daemon
  readonly crt: string
  readonly port: number
  readonly config: Readonly<Record<string, unknown>>
}

/** A daemon whose admin address all hosts can reach. */
async function startSecured(): Promise<Secured> {
  const [port, crt] = [await freePort(), writePem(issued())]
  const config = {
    admin: { bind: `0.0.0.0:${port}`, ssl: { crt } },
    frontends: { web: { bind: `127.0.0.1:${await freePort()}`, default_backend: 'app' } },
    backends: { app: { servers: { s1: '127.0.0.1:1' } } },
  }
  return { daemon: await startDaemon({ config }), crt, port, config }
}

/** Status and body of what curl is answered for a path of `https://lb.example`. */
async function curl(port: number, path: string, ...more: readonly string[]) {
  return runProgram('curl', [
    ...['-sS', '--resolve', `lb.example:${port}:127.0.0.1`, '-w', '\n%{http_code}', ...more],
    `https://lb.example:${port}${path}`,
  ])
}

/** The serial number of the certificate that new connections are shown. */
async function shownAt(port: number): Promise<string> {
  const socket = connect({ port, servername: 'lb.example', ca: authority.cert })
  await once(socket, 'secureConnect')
  const { serialNumber } = socket.getPeerCertificate()
  socket.destroy()
  return serialNumber
}

const TOKEN = ['-H', `Authorization: ${ADMIN_HEADERS.authorization}`]

beforeEach(requires('curl'))

it('curl and Prometheus read the admin address over HTTPS', async () => {
  const { port } = await startSecured()
  const ca = ['--cacert', caFile()]
  expect((await curl(port, '/healthz', ...ca)).stdout).toBe('ok\n\n200')
  const scraped = await curl(port, '/metrics', ...ca, ...TOKEN)
  expect(scraped.stdout).toMatch(/^sluice_process_uptime_seconds |^sluice_\w+/m)
  expect(scraped.stdout).toMatch(/\n200$/)
  expect((await curl(port, '/metrics', ...ca)).stdout).toMatch(/\n401$/)
  expect((await curl(port, '/api/v1/info', ...ca, ...TOKEN)).stdout).toContain('"name":"sluice"')
  expect((await curl(port, '/healthz')).code).not.toBe(0)
  const plain = await runProgram('curl', ['-sS', `http://127.0.0.1:${port}/healthz`])
  expect(plain.code).not.toBe(0)
})

it('commands speak HTTPS, and changed files are taken up by them and by SIGHUP', async () => {
  const { daemon, port, crt, config } = await startSecured()
  const tokenFile = writePem(ADMIN_HEADERS.authorization.replace('Bearer ', ''))
  const to = ['--admin', `https://localhost:${port}`, '--token-file', tokenFile]
  const secured = [...to, '--ca-file', caFile()]
  expect((await runSluice('server', 'list', ...secured)).stdout).toContain('app/s1')
  expect(await runSluice('server', 'list', ...to)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('(admin-untrusted)'),
  })
  const list = await runSluice('cert', 'list', ...secured)
  expect(list.stdout).toMatch(new RegExp(` ${crt}  admin$`, 'm'))

  const before = await shownAt(port)
  writeFileSync(crt, issued())
  const reload = await runSluice('cert', 'reload', ...secured)
  expect(reload).toMatchObject({ code: 0, stdout: expect.stringContaining(crt) })
  const second = await shownAt(port)
  expect(second).not.toBe(before)

  writeFileSync(crt, issued())
  expect(await daemon.reload(config)).toMatchObject({ event: 'config-reloaded' })
  const third = await shownAt(port)
  expect(third).not.toBe(second)

  writeFileSync(crt, pemOf(selfSigned({ names: ['lb.example'], validUntilDays: -0.5 })))
  expect(await daemon.reload(config)).toMatchObject({ code: 'certificate-invalid' })
  const refused = await runSluice('cert', 'reload', ...secured)
  expect(refused.stderr).toContain('has expired')
  expect(await shownAt(port)).toBe(third)
  expect(JSON.stringify(daemon.log)).not.toContain('PRIVATE')
})

it('is not served beyond loopback without TLS, nor with a certificate of no use', async () => {
  const { daemon, crt, port } = await startSecured()
  const check = async (ssl: string) => {
    const text = `admin: {bind: "0.0.0.0:${port}", token-file: ${crt}${ssl}}
frontends: {web: {bind: "127.0.0.1:1", default_backend: app}}
backends: {app: {servers: {s1: "127.0.0.1:1"}}}`
    const { code, stderr, stdout } = await runSluice('check', '-f', writePem(text))
    return { code, said: stderr + stdout }
  }
  const bare = await check('')
  expect(bare).toMatchObject({ code: 1, said: expect.stringContaining('unencrypted') })
  expect((await check(', ssl: off')).code).toBe(0)
  const bad = writePem('nothing')
  expect(await check(`, ssl: {crt: ${bad}}`)).toMatchObject({
    code: 1,
    said: expect.stringContaining(bad),
  })
  await daemon.stop()
})
