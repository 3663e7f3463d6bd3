import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { startDaemon } from './support/daemon.ts'
import { startHaproxy } from './support/haproxy.ts'
import { freePort } from './support/ports.ts'
import { openSocket, readUntil } from './support/raw-client.ts'
import { requires } from './support/requirements.ts'
import { pour } from './support/source.ts'
import { startStuckServer } from './support/stuck-server.ts'
import { startTcpServer } from './support/tcp-server.ts'
import { temporaryFolder } from './support/temporary-folder.ts'
import { until } from './support/waiting.ts'

/** Long enough for whoever is to act before it strikes, on a busy machine too. */
const SHORT = '4s'
const LONG = '1m'
/** Those that a frontend has; the others are a backend's. */
const OF_FRONTENDS = ['client', 'client-fin', 'http-request', 'http-keep-alive']
const NAMES = ['connect', 'client', 'server', 'http-request', 'http-keep-alive']
const FLOOD_BYTES = 64 * 1024 * 1024

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
const UPGRADE = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n'
const SWITCHING = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n'
const OK_HEAD = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n'
const FLOOD_HEAD = `HTTP/1.1 200 OK\r\nContent-Length: ${FLOOD_BYTES}\r\n\r\n`

/** One timeout that strikes, while all others are long. */
interface Case {
  readonly what: string
  readonly mode: 'http' | 'tcp'
  /** Those that are short; those of {@link NAMES} that are not here are long. */
  readonly short: readonly string[]
  /** More that are long. */
  readonly long?: readonly string[]
  /** What the server does; `stuck` never takes a connection. */
  readonly server: 'stuck' | ((socket: Socket) => void)
  /** What the client does. It reads all the while, unless it is deaf. */
  readonly client: (socket: Socket) => void
  readonly isDeaf?: boolean
  /** The client does not end its side when the proxy does. */
  readonly staysOpen?: boolean
  /** The client gets an answer, and its connection may stay. Else it sees the end. */
  readonly isAnswered?: boolean
  /** Of the answer, where the client got one. */
  readonly status: number | null
  /** Status and termination state, or the latter alone in mode tcp. */
  readonly logged: string
}

/** What came of a case. */
type Outcome = Pick<Case, 'status' | 'logged'>

/** The lines of an access log so far. */
type Log = readonly string[]

function say(text: string): (socket: Socket) => void {
  return (socket) => void socket.write(text)
}

/** Answers the first bytes that come, and reads on. */
function answer(text: string): (socket: Socket) => void {
  return (socket) => void socket.once('data', () => socket.write(text)).resume()
}

/** Ends its side once it has been answered. */
function sayAndEnd(text: string): (socket: Socket) => void {
  return (socket) => {
    socket.once('data', () => socket.end())
    socket.write(text)
  }
}

const silent = (socket: Socket): void => void socket.resume()

// The states are those of HAProxy's configuration manual, section 8.5.
const CASES: readonly Case[] = [
  {
    what: 'connect: 503',
    ...{ mode: 'http', short: ['connect'], server: 'stuck', client: say(GET) },
    ...{ status: 503, isAnswered: true, logged: '503 sC' },
  },
  {
    what: 'connect in mode tcp: the end',
    ...{ mode: 'tcp', short: ['connect'], server: 'stuck', client: say('hello') },
    ...{ status: null, logged: 'sC' },
  },
  {
    what: 'client, which does not read its answer: the end',
    ...{ mode: 'http', short: ['client'], client: say(GET), isDeaf: true },
    server: (socket) => {
      socket.once('data', () => {
        socket.write(FLOOD_HEAD)
        pour(socket, FLOOD_BYTES)
      })
    },
    ...{ status: 200, logged: '200 cD' },
  },
  {
    what: 'client in mode tcp, which does not read: the end',
    ...{ mode: 'tcp', short: ['client'], client: say('hello'), isDeaf: true },
    server: (socket) => void pour(socket, FLOOD_BYTES),
    ...{ status: null, logged: 'cD' },
  },
  {
    what: 'server, which does not answer: 504',
    ...{ mode: 'http', short: ['server'], server: silent, client: say(GET) },
    ...{ status: 504, isAnswered: true, logged: '504 sH' },
  },
  {
    what: 'server, which stops within its answer: the end',
    ...{ mode: 'http', short: ['server'], server: answer(`${OK_HEAD}he`), client: say(GET) },
    ...{ status: 200, logged: '200 sD' },
  },
  {
    what: 'server in mode tcp, which is silent: the end',
    ...{ mode: 'tcp', short: ['server'], server: silent, client: say('hello') },
    ...{ status: null, logged: 'sD' },
  },
  {
    what: 'server in mode tcp, which does not read: the end',
    ...{ mode: 'tcp', short: ['server'], server: (socket) => void socket.pause() },
    client: (socket) => void pour(socket, FLOOD_BYTES),
    ...{ status: null, logged: 'sD' },
  },
  {
    what: 'client and server in mode tcp, both silent: the end',
    ...{ mode: 'tcp', short: ['client', 'server'], server: answer('hi'), client: say('hello') },
    ...{ status: null, logged: 'cD' },
  },
  {
    what: 'http-request, within a head: 408',
    ...{ mode: 'http', short: ['http-request'], server: silent, client: say('GET / HTTP/1.1\r\n') },
    ...{ status: 408, logged: '408 cR' },
  },
  {
    what: 'http-keep-alive: the end',
    ...{ mode: 'http', short: ['http-keep-alive'], server: answer(`${OK_HEAD}hello`) },
    ...{ client: say(GET), status: 200, logged: '200 --' },
  },
  {
    what: 'tunnel, after an upgrade: the end',
    ...{ mode: 'http', short: ['tunnel'], server: answer(SWITCHING), client: say(UPGRADE) },
    ...{ status: 101, logged: '101 cD' },
  },
  {
    what: 'tunnel in mode tcp: the end',
    ...{ mode: 'tcp', short: ['tunnel'], server: answer('hi'), client: say('hello') },
    ...{ status: null, logged: 'cD' },
  },
  {
    what: 'client-fin, of a client that does not end after its server: the end',
    ...{ mode: 'tcp', short: ['client-fin'], long: ['server-fin'], client: say('hello') },
    staysOpen: true,
    server: (socket) => void socket.once('data', () => socket.end('bye')).resume(),
    ...{ status: null, logged: 'cD' },
  },
  {
    what: 'server-fin, of a server that does not end after its client: the end',
    ...{ mode: 'tcp', short: ['server-fin'], long: ['client-fin'], server: answer('hi') },
    ...{ client: sayAndEnd('hello'), status: null, logged: 'sD' },
  },
  {
    what: 'server-fin, after an upgrade: the end',
    ...{ mode: 'http', short: ['server-fin'], long: ['client-fin', 'tunnel'] },
    ...{ server: answer(SWITCHING), client: sayAndEnd(UPGRADE), status: 101, logged: '101 sD' },
  },
]

/** The timeouts of a case, by name. */
function timeoutsOf({ short, long = [] }: Case): Record<string, string> {
  const entries = [
    ...[...NAMES, ...long].map((name) => [name, LONG] as const),
    ...short.map((name) => [name, SHORT] as const),
  ]
  return Object.fromEntries(entries)
}

/** Starts a daemon with a frontend and a backend for each case. Resolves with how to read its log. */
async function startSluice(
  ports: readonly number[],
  servers: readonly string[],
): Promise<() => Log> {
  const file = join(temporaryFolder(), 'access.log')
  const sections = CASES.map((it, n) => {
    const timeouts = Object.entries(timeoutsOf(it))
    const [own, others] = [true, false].map((isFrontend) =>
      Object.fromEntries(timeouts.filter(([name]) => OF_FRONTENDS.includes(name) === isFrontend)),
    )
    const bind = `127.0.0.1:${ports[n]}`
    return {
      frontend: { mode: it.mode, timeout: own, bind, default_backend: `b${n}` },
      backend: { mode: it.mode, timeout: others, retries: 0, servers: { s1: servers[n] } },
    }
  })
  await startDaemon({
    config: {
      global: { nbthread: 1, log: { access: file } },
      frontends: Object.fromEntries(sections.map(({ frontend }, n) => [`f${n}`, frontend])),
      backends: Object.fromEntries(sections.map(({ backend }, n) => [`b${n}`, backend])),
    },
  })
  return () => readFileSync(file, 'latin1').split('\n')
}

async function startReference(
  ports: readonly number[],
  servers: readonly string[],
): Promise<() => Log> {
  const sections = CASES.flatMap((it, n) => [
    `defaults d${n}`,
    `mode ${it.mode}`,
    'log global',
    `option ${it.mode}log`,
    'retries 0',
    ...Object.entries(timeoutsOf(it)).map(([name, duration]) => `timeout ${name} ${duration}`),
    `frontend f${n} from d${n}`,
    `bind 127.0.0.1:${ports[n]}`,
    `default_backend b${n}`,
    `backend b${n} from d${n}`,
    `server s1 ${servers[n]}`,
  ])
  const { accessLog } = await startHaproxy(sections.join('\n'), ports.at(-1) as number)
  return () => accessLog
}

/** Plays a case until the client has its answer or its end, and the log tells of it. */
async function play(it: Case, port: number, log: () => Log): Promise<Outcome> {
  const socket = await openSocket(port, it.staysOpen)
  // An error of the proxy's own leaves the connection open.
  const isThere = (text: string): boolean =>
    text.includes('\r\n\r\n') && (it.isAnswered === true || text.startsWith('HTTP/1.1 50'))
  const origin = `127.0.0.1:${socket.localPort} `
  it.client(socket)
  const [line, answered] = await Promise.all([
    until('the log', () => log().find((line) => line.startsWith(origin))),
    it.isDeaf === true ? null : readUntil(socket, isThere),
  ])
  const { text } = answered ?? (await readUntil(socket))
  const [, status] = /^HTTP\/1\.1 (\d+) /.exec(text) ?? []
  return { status: status === undefined ? null : Number(status), logged: loggedIn(line) }
}

function loggedIn(line: string): string {
  const [, status, state] = / (-?\d+) \d+ - - (..)-- /.exec(line) ?? []
  if (status !== undefined) return `${status} ${state}`
  return / (..) \d+\/\d+\/\d+\/\d+\/\d+ \d+\/\d+$/.exec(line)?.[1] ?? line
}

function serverOf({ server }: Case): Promise<string> {
  if (server === 'stuck') return startStuckServer()
  return startTcpServer(server).then(({ address }) => address)
}

describe.each([
  ['sluice', startSluice, ['linux']],
  // The reference: what is expected of sluice is what HAProxy does.
  ['HAProxy', startReference, ['linux', 'haproxy']],
] as const)('%s', (_, start, needs) => {
  beforeEach(requires(...needs))

  it('gives up who is late, with the answer and the state in the log that are due', async () => {
    const servers = await Promise.all(CASES.map(serverOf))
    const ports: number[] = []
    for (const _case of CASES) ports.push(await freePort())
    const log = await start(ports, servers)
    // They mostly wait, so all are played at once.
    const outcomes = await Promise.all(CASES.map((it, n) => play(it, ports[n] as number, log)))
    const named = CASES.map(({ what }, n) => [what, outcomes[n]])
    const expected = CASES.map(({ what, status, logged }) => [what, { status, logged }])
    expect(Object.fromEntries(named)).toEqual(Object.fromEntries(expected))
  })
})
