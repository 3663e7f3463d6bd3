import type { Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { startDaemon } from './support/daemon.ts'
import { httpClient } from './support/http-client.ts'
import { type RecordedRequest, startHttpServer } from './support/http-server.ts'
import { freePort } from './support/ports.ts'
import { rawExchange } from './support/raw-client.ts'
import { until } from './support/waiting.ts'

/** How a server that authenticates connections speaks of it. */
interface Manner {
  /** What it challenges with. */
  readonly challenges: readonly string[]
  /** What it adds once a connection is a user's. */
  readonly granted: Readonly<Record<string, string>>
  /** What credentials begin with. */
  readonly scheme: string
}

const MANNERS: readonly (readonly [name: string, Manner])[] = [
  ['Negotiate', { challenges: ['Negotiate'], granted: {}, scheme: 'Negotiate' }],
  ['NTLM in a list', { challenges: ['Basic realm="a,b" , ntlm'], granted: {}, scheme: 'X' }],
  ['NTLM in a second line', { challenges: ['Basic', 'NTLM'], granted: {}, scheme: 'X' }],
  ['credentials alone', { challenges: ['X'], granted: {}, scheme: 'nEGOTIATE' }],
  ['Persistent-Auth', { challenges: ['X'], granted: { 'Persistent-Auth': 'true' }, scheme: 'X' }],
]

/** Starts a server for which whoever has shown credentials on a connection owns it. */
async function startBindingServer({ challenges, granted, scheme }: Manner) {
  const users = new Map<number, string>()
  const sockets: Socket[] = []
  const userOf = ({ headers, remotePort }: RecordedRequest): string | undefined => {
    const [shown, user] = (headers.authorization ?? '').split(' ')
    if (shown === scheme && user !== undefined) users.set(remotePort, user)
    return users.get(remotePort)
  }
  const server = await startHttpServer({
    answer: (request, response) => {
      const user = userOf(request)
      if (response.socket !== null) sockets.push(response.socket)
      if (user === undefined) response.writeHead(401, { 'WWW-Authenticate': [...challenges] })
      else response.writeHead(200, granted)
      response.end(user ?? 'who are you')
    },
  })
  return { ...server, users, sockets }
}

/** A daemon of one thread before servers, and the port for each mode of `http-reuse`. */
async function startProxy(addresses: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const ports = new Map<string, number>()
  for (const mode of MODES) ports.set(mode, await freePort())
  const servers = Object.fromEntries(addresses.map((address, n) => [`s${n}`, address]))
  const each = <T>(section: (mode: string, port: number) => T) =>
    Object.fromEntries([...ports].map(([mode, port]) => [mode, section(mode, port)]))
  await startDaemon({
    config: {
      global: { nbthread: 1 },
      defaults: { mode: 'http' },
      frontends: each((mode, port) => ({ bind: `127.0.0.1:${port}`, default_backend: mode })),
      backends: each((mode) => ({ 'http-reuse': mode, servers })),
    },
  })
  return ports
}

/** A client on one connection; what it is answered, as `200 alice`. */
function clientOf(port: number) {
  const get = httpClient(port)
  return async (authorization?: string): Promise<string> => {
    const headers = authorization === undefined ? {} : { authorization }
    const { status, body } = await get('/', { headers })
    return `${status} ${body}`
  }
}

const NOBODY = '401 who are you'
const MODES = ['never', 'safe', 'aggressive', 'always'] as const

it.each(MANNERS)('an authenticated connection is given to nobody else: %s', async (_, manner) => {
  const server = await startBindingServer(manner)
  for (const [mode, port] of await startProxy([server.address])) {
    const [alice, bob] = [clientOf(port), clientOf(port)]
    expect(await alice(), mode).toBe(NOBODY)
    expect(await bob(), mode).toBe(NOBODY)
    expect(await alice(`${manner.scheme} alice`), mode).toBe('200 alice')
    for (let round = 0; round < 3; round++) {
      expect(await bob(), mode).toBe(NOBODY)
      expect(await alice(), mode).toBe('200 alice')
      expect(await clientOf(port)(), mode).toBe(NOBODY)
    }
    expect(await bob(`${manner.scheme} bob`), mode).toBe('200 bob')
    expect([await alice(), await bob()], mode).toEqual(['200 alice', '200 bob'])
  }
})

describe('a client whose connection is authenticated', () => {
  const manner: Manner = { challenges: ['NTLM'], granted: {}, scheme: 'NTLM' }

  it('stays with its server', async () => {
    const servers = [await startBindingServer(manner), await startBindingServer(manner)] as const
    for (const [mode, port] of await startProxy(servers.map(({ address }) => address))) {
      for (const { users } of servers) users.clear()
      const alice = clientOf(port)
      expect(await alice('NTLM alice'), mode).toBe('200 alice')
      for (let round = 0; round < 5; round++) expect(await alice(), mode).toBe('200 alice')
      expect(servers.map(({ users }) => users.size).sort(), mode).toEqual([0, 1])
    }
  })

  it('takes the connection with it', async () => {
    const server = await startBindingServer(manner)
    const port = (await startProxy([server.address])).get('always') as number
    const request = 'GET / HTTP/1.1\r\nHost: a\r\nAuthorization: NTLM alice\r\n\r\n'
    const { text } = await rawExchange(port, request, { until: (it) => it.includes('alice') })
    expect(text).toContain(' 200 ')
    await until('her connection to be closed', () => (server.sockets[0]?.closed ? true : undefined))
    expect(await clientOf(port)()).toBe(NOBODY)
  })
})
