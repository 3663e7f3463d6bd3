import { once } from 'node:events'
import { Agent, request } from 'node:https'
import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ADMIN_CONNECTIONS_MAX } from '../../../src/admin/admin-listener.ts'
import { AdminTls } from '../../../src/admin/admin-tls.ts'
import { readCertificate } from '../../../src/certificates/certificate-reading.ts'
import { DEFAULT_BIND_TLS } from '../../../src/config/values/default-values.ts'
import type { PlannedCertificate } from '../../../src/model/plan.ts'
import { createAuthority } from '../../fixtures/certificates.ts'
import { startAdmin, TOKEN } from './raw-admin.ts'

const authority = createAuthority()

function certificate(...names: readonly string[]): PlannedCertificate {
  const { cert, key } = authority.issue({ names })
  const context = { nowMs: Date.now(), isKnownAuthority: () => true }
  return readCertificate({ path: '/a.pem', text: cert + key }, null, context)
}

async function startSecured(...certificates: readonly PlannedCertificate[]) {
  const tls = new AdminTls(DEFAULT_BIND_TLS, certificates)
  return { tls, port: await startAdmin({ tls }) }
}

interface Asked {
  readonly path?: string
  readonly agent?: Agent
  readonly headers?: Readonly<Record<string, string>>
}

/** The status of a request over HTTPS, with the token. */
async function statusOf(port: number, { path = '/api/v1/info', agent, headers }: Asked = {}) {
  const asking = request({
    ...{ port, host: '127.0.0.1', servername: 'localhost', ca: authority.cert, path },
    headers: { authorization: `Bearer ${TOKEN}`, ...headers },
    agent: agent ?? new Agent({ maxCachedSessions: 0 }),
  })
  asking.end()
  const [response] = (await once(asking, 'response')) as [
    NodeJS.ReadableStream & { statusCode: number },
  ]
  response.resume()
  await once(response, 'end')
  return response.statusCode
}

/** The names on the certificate that is shown for a name. */
async function shownFor(port: number, servername: string): Promise<string> {
  const socket = connectTls({ port, servername, rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  const { subjectaltname = '' } = socket.getPeerCertificate()
  socket.destroy()
  return subjectaltname
}

describe('the admin address with TLS', () => {
  it('answers over HTTPS alone, on one connection after the other', async () => {
    const { port } = await startSecured(certificate('localhost'))
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    onTestFinished(() => agent.destroy())
    for (const path of ['/metrics', '/api/v1/info', '/healthz']) {
      expect(await statusOf(port, { path, agent })).toBe(200)
    }
    await expect(fetch(`http://127.0.0.1:${port}/healthz`)).rejects.toThrow()
    expect(await statusOf(port)).toBe(200)
  })

  it('shows the certificate for a name, and the first where it has none', async () => {
    const { port } = await startSecured(certificate('localhost'), certificate('lb.example'))
    expect(await shownFor(port, 'LB.example')).toBe('DNS:lb.example')
    expect(await shownFor(port, 'localhost')).toBe('DNS:localhost')
    expect(await shownFor(port, 'other.example')).toBe('DNS:localhost')
  })

  it('shows another once it is given one, and ends no connection for it', async () => {
    const { port, tls } = await startSecured(certificate('localhost', 'old.example'))
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    onTestFinished(() => agent.destroy())
    expect(await statusOf(port, { agent })).toBe(200)
    tls.renew([certificate('localhost', 'new.example')])
    expect(await shownFor(port, 'localhost')).toContain('new.example')
    expect(await statusOf(port, { agent })).toBe(200)
  })

  it('may be called by any name, and refuses pages of other sites', async () => {
    const { port } = await startSecured(certificate('localhost'))
    expect(await statusOf(port, { headers: { host: 'lb.example' } })).toBe(200)
    const pages: readonly (readonly [string, number])[] = [
      ['https://lb.example', 200],
      ['http://lb.example', 403],
      ['https://evil.example', 403],
    ]
    for (const [origin, status] of pages) {
      expect(await statusOf(port, { headers: { host: 'lb.example', origin } })).toBe(status)
    }
  })

  it('keeps nobody out for those who complete no handshake', async () => {
    const { port } = await startSecured(certificate('localhost'))
    const silent = Array.from({ length: ADMIN_CONNECTIONS_MAX + 20 }, (_, n) => {
      const socket = connect(port, '127.0.0.1', () => {
        if (n % 2 === 0) socket.write('\x16\x03\x01')
      })
      onTestFinished(() => void socket.destroy())
      return socket.on('error', () => {})
    })
    await Promise.all(silent.map((socket) => once(socket, 'connect')))
    expect(await statusOf(port)).toBe(200)
    expect(await statusOf(port, { path: '/healthz' })).toBe(200)
  })

  it('closes a connection that begins with no TLS', async () => {
    const { port } = await startSecured(certificate('localhost'))
    const socket = connect(port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\n\r\n'))
    socket.on('error', () => {}).resume()
    await once(socket, 'close')
    expect(await statusOf(port)).toBe(200)
  })
})
