import { once } from 'node:events'
import { type AddressInfo, connect as connectPlain, createServer, type Socket } from 'node:net'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import { beforeEach, expect, it, onTestFinished } from 'vitest'
import { createAuthority } from '../fixtures/certificates.ts'
import { startDaemon } from './support/daemon.ts'
import { startHaproxy } from './support/haproxy.ts'
import { freePort } from './support/ports.ts'
import { requires } from './support/requirements.ts'
import { writePem } from './support/tls-server.ts'
import { until } from './support/waiting.ts'

const KEYWORDS = ['send-proxy-v2', 'send-proxy-v2-ssl', 'send-proxy-v2-ssl-cn'] as const
const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const

const authority = createAuthority()
const alice = authority.issue({ names: ['alice'] })
const expired = authority.issue({ names: ['eve'], validUntilDays: -0.5 })

/** A server that takes the header of each connection, and closes it. */
async function startCatcher(): Promise<{
  address: string
  /** The header that tells of a client, but for the ports: they are those of two connections. */
  headerOf: (client: Socket) => Promise<string>
}> {
  const headers = new Map<number, string>()
  const server = createServer((socket) => {
    let got = Buffer.alloc(0)
    socket.on('error', () => {})
    socket.on('data', (data) => {
      got = Buffer.concat([got, data])
      const end = got.length < 16 ? Number.POSITIVE_INFINITY : 16 + got.readUInt16BE(14)
      if (got.length < end) return
      const clientPort = got.readUInt16BE(24)
      headers.set(clientPort, got.fill(0, 24, 28).toString('latin1', 0, end))
      socket.destroy()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    address,
    headerOf: ({ localPort }) => until('a header', () => headers.get(localPort ?? 0)),
  }
}

/** The ports of a proxy: of each keyword one with TLS and one without. */
interface Ports {
  readonly tls: number
  readonly plain: number
}

async function portsOf(): Promise<Ports[]> {
  const ports: Ports[] = []
  for (const _ of KEYWORDS) ports.push({ tls: await freePort(), plain: await freePort() })
  return ports
}

async function startProxies(serverAddress: string): Promise<readonly [Ports[], Ports[]]> {
  const [own, others] = [await portsOf(), await portsOf()]
  const { cert, key } = authority.issue({ names: ['a.example'] })
  const [crt, caFile] = [writePem(cert + key), writePem(authority.cert)]
  const verification = { 'verify': 'optional', 'ca-file': caFile, 'crt-ignore-err': 'all' }
  await startDaemon({
    config: {
      global: { nbthread: 1 },
      defaults: { mode: 'tcp' },
      frontends: Object.fromEntries(
        own.map(({ tls, plain }, n) => {
          const ssl = { crt, ...verification }
          const secured = { address: `127.0.0.1:${tls}`, ssl, alpn: 'http/1.1' }
          const bind = [secured, `127.0.0.1:${plain}`]
          return [`f${n}`, { bind, default_backend: `b${n}` }]
        }),
      ),
      backends: Object.fromEntries(
        KEYWORDS.map((keyword, n) => {
          return [`b${n}`, { servers: { s: { address: serverAddress, [keyword]: true } } }]
        }),
      ),
    },
  })
  const words = `ssl crt ${crt} ca-file ${caFile} verify optional crt-ignore-err all alpn http/1.1`
  const sections = others.map(
    ({ tls, plain }, n) => `listen l${n}
  bind 127.0.0.1:${tls} ${words}
  bind 127.0.0.1:${plain}
  server s ${serverAddress} ${KEYWORDS[n]}`,
  )
  const times = 'timeout connect 5s\n  timeout client 30s\n  timeout server 30s'
  await startHaproxy(
    `defaults\n  mode tcp\n  ${times}\n${sections.join('\n')}`,
    others[0]?.plain as number,
  )
  return [own, others]
}

beforeEach(requires('haproxy'))

it('tells servers of a client and its TLS, byte by byte as HAProxy does', async () => {
  const { address, headerOf } = await startCatcher()
  const proxies = await startProxies(address)
  const visit = async (socket: Socket, event: string): Promise<string> => {
    socket.on('error', () => {})
    await once(socket, event)
    socket.write('x')
    const header = await headerOf(socket)
    socket.destroy()
    return header
  }
  const secured = (port: number, options: ConnectionOptions): TLSSocket =>
    connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options })
  const alpn = { ALPNProtocols: ['http/1.1'] }
  for (const [n, keyword] of KEYWORDS.entries()) {
    const seen: string[][] = []
    for (const proxy of proxies) {
      const { tls, plain } = proxy[n] as Ports
      const headers = [await visit(connectPlain(plain, '127.0.0.1'), 'connect')]
      for (const maxVersion of VERSIONS) {
        for (const options of [{}, alpn, alice, { ...alpn, ...expired }]) {
          const socket = secured(tls, { maxVersion, ...options })
          headers.push(await visit(socket, 'secureConnect'))
        }
        const first = secured(tls, { maxVersion, ...alice }).on('error', () => {})
        const [session] = (await once(first, 'session')) as [Buffer]
        first.destroy()
        headers.push(await visit(secured(tls, { maxVersion, session }), 'secureConnect'))
      }
      seen.push(headers)
    }
    expect([keyword, seen[0]]).toEqual([keyword, seen[1]])
    expect(seen[0]?.some((header) => header.includes('alice'))).toBe(keyword.endsWith('cn'))
  }
})
