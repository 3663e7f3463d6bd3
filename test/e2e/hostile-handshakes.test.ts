import { once } from 'node:events'
import { Agent, request } from 'node:https'
import { connect, type Socket } from 'node:net'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { createAuthority } from '../fixtures/certificates.ts'
import { clientHello } from '../unit/worker/accept/client-hellos.ts'
import { type Daemon, startDaemon } from './support/daemon.ts'
import { startHttpServer } from './support/http-server.ts'
import { expectSamples } from './support/metrics.ts'
import { freePort } from './support/ports.ts'
import { startProcess } from './support/processes.ts'
import { requires } from './support/requirements.ts'
import { writePem } from './support/tls-server.ts'

const authority = createAuthority()

/** A daemon that serves HTTPS with what is the default. */
async function startSecured(timeouts = {}): Promise<{ daemon: Daemon; port: number }> {
  const server = await startHttpServer()
  const port = await freePort()
  const { cert, key } = authority.issue({ names: ['a.example'] })
  const daemon = await startDaemon({
    config: {
      global: { nbthread: 2 },
      defaults: { mode: 'http', timeout: timeouts },
      frontends: {
        web: {
          bind: { address: `127.0.0.1:${port}`, ssl: { crt: writePem(cert + key) } },
          default_backend: 'app',
        },
      },
      backends: { app: { servers: { s1: server.address } } },
    },
  })
  return { daemon, port }
}

/** Of each kind of client that never completes a handshake. */
const CROWD = 500

/** The status of a GET over a new connection. */
async function statusOf(port: number): Promise<number | undefined> {
  const agent = new Agent({ ca: authority.cert, maxCachedSessions: 0 })
  const asked = request({ port, host: '127.0.0.1', servername: 'a.example', agent, path: '/' })
  asked.end()
  const [response] = (await once(asked, 'response')) as [
    NodeJS.ReadableStream & { statusCode: number },
  ]
  response.resume()
  await once(response, 'end')
  agent.destroy()
  return response.statusCode
}

it('serves others while thousands are slow, silent or talk junk', async () => {
  const { daemon, port } = await startSecured({ 'http-request': '5s' })
  const hello = Buffer.from(await clientHello({ servername: 'a.example' }), 'latin1')
  const ways: ((socket: Socket) => void)[] = [
    () => {},
    (socket) => void socket.write(hello.subarray(0, 100)),
    // A hello, and never the rest of the handshake.
    (socket) => void socket.write(hello),
    (socket) => void socket.write('\x16\x03\x01\x00\x05junkj'),
  ]
  const crowd = ways.flatMap((begin) =>
    Array.from({ length: CROWD }, () => {
      const socket = connect(port, '127.0.0.1', () => begin(socket))
      socket.on('error', () => {}).resume()
      onTestFinished(() => void socket.destroy())
      return once(socket, 'close')
    }),
  )
  const statuses = new Set<number | undefined>()
  let isOver = false
  const over = Promise.all(crowd).then(() => {
    isOver = true
  })
  while (!isOver) statuses.add(await statusOf(port))
  await over
  expect([...statuses]).toEqual([200])
  const failed = { sluice_frontend_ssl_failed_handshake_total: CROWD * ways.length }
  await expectSamples(daemon, failed, { proxy: 'web' })
  expect(await statusOf(port)).toBe(200)
})

describe('openssl s_client', () => {
  beforeEach(requires('openssl'))

  it('is refused to renegotiate', async () => {
    const { port } = await startSecured()
    const args = ['s_client', '-connect', `127.0.0.1:${port}`, '-tls1_2']
    const client = startProcess('openssl', args, { stdio: ['pipe', 'pipe', 'pipe'] })
    let told = ''
    client.stdout?.on('data', (data: Buffer) => {
      told += data.toString()
      // A line of R alone asks for it, once the handshake is complete.
      if (/Verify return code/.test(told)) client.stdin?.write('R\n')
    })
    client.stderr?.on('data', (data: Buffer) => {
      told += data.toString()
    })
    const [code] = (await once(client, 'exit')) as [number | null]
    expect(code).not.toBe(0)
    expect(told).toMatch(/RENEGOTIATING[\s\S]*no renegotiation/)
  })
})
