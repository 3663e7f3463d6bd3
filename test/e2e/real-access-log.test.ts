import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeEach, expect, it } from 'vitest'
import { startDaemon } from './support/daemon.ts'
import { startHaproxy } from './support/haproxy.ts'
import { freePort } from './support/ports.ts'
import { openSocket, readUntil } from './support/raw-client.ts'
import { requires } from './support/requirements.ts'
import { startStuckServer } from './support/stuck-server.ts'
import { startTcpServer, type TcpServer } from './support/tcp-server.ts'
import { until } from './support/waiting.ts'

const GET = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'
const POST_OF_FOUR = GET.replace('GET', 'POST').replace('Host', 'Content-Length: 4\r\nHost')
const OK = 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok'
/** Answers with a field that captures have to write otherwise. */
const ODD_OK = OK.replace('Connection', 'X-Odd: {a|b}\xe9\r\nConnection')
const ODD_GET = GET.replace(
  'Connection',
  'X-Odd: first\r\nx-odd: "second" #2, \\ {c|d}~\r\nConnection',
)
const CAPTURES = [
  'request header Host len 10',
  'request header X-Odd len 40',
  'request header X-None len 10',
  'response header X-Odd len 5',
  'response header Content-Length len 8',
]
const HALF = 'HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhalf of it'

/** Timeouts that strike; a time in the log is told from none by half of it. */
const SHORT_MS = 1600
const LONG = '1m'
/** Scenes at once in which nobody waits, so that none takes long enough to look as if one did. */
const QUICK_AT_ONCE = 4

type Timeout = 'connect' | 'server' | 'queue' | 'client' | 'http-request' | 'tarpit'
const OF_FRONTEND: readonly Timeout[] = ['client', 'http-request', 'tarpit']
const OF_HTTP: readonly Timeout[] = ['http-request', 'tarpit']

/** One failure, or the like, and what makes it in a frontend and a backend of its own. */
interface Scene {
  readonly mode?: 'http' | 'tcp'
  /** What server s1 does with a connection; `closed` refuses, `stuck` does not answer. */
  readonly s1: 'closed' | 'stuck' | 'down' | ((socket: Socket) => void)
  /** A second server, which answers. */
  readonly hasSecond?: boolean
  readonly maxconn?: number
  readonly retries?: number
  readonly redispatch?: boolean
  /** The timeout that strikes. */
  readonly short?: Timeout
  /** Somebody waits, though no timeout strikes and nobody is in line. */
  readonly hasPause?: boolean
  /** Lines of `capture`. */
  readonly captures?: readonly string[]
  /** Rules of `http-request`. */
  readonly rules?: readonly string[]
  /** HAProxy looks after clients that leave only with `option abortonclose`. */
  readonly hasAborts?: boolean
  /** Sessions that are logged before the one that is compared. */
  readonly logged?: number
  /** What of ours is known to differ, and what HAProxy has there. */
  readonly known?: readonly [ours: string, theirs: string]
  /** What clients do. */
  readonly play: (port: number, s1: TcpServer | null) => Promise<unknown>
}

function answering(text: string, then?: (socket: Socket) => void): (socket: Socket) => void {
  return (socket) => {
    socket.on('data', () => {
      socket.write(text)
      then?.(socket)
    })
    socket.on('end', () => socket.end())
  }
}

/** The server reads, and says nothing. */
const silent = (socket: Socket): void => void socket.resume()

/** The server ends when its peer does. */
const ending = (socket: Socket): void => void socket.on('end', () => socket.end()).resume()

/** Sends something, and reads to the end. */
function sends(text: string) {
  return async (port: number): Promise<void> => {
    const client = await openSocket(port)
    client.write(text)
    await readUntil(client)
  }
}

/** Sends something, ends its side a while later, and reads to the end. */
function sendsAndEnds(text: string) {
  return async (port: number): Promise<void> => {
    const client = await openSocket(port, true)
    client.write(text)
    await sleep((SHORT_MS * 3) / 4)
    client.end()
    await readUntil(client)
  }
}

/** Sends something, and resets the connection once the server has it. */
function resets(text: string, isReady: (s1: TcpServer) => boolean) {
  return async (port: number, s1: TcpServer | null): Promise<void> => {
    const client = await openSocket(port)
    client.write(text)
    await until('the server to have it', () => (s1 === null || isReady(s1) ? true : undefined))
    client.resetAndDestroy()
  }
}

/** Sends something, and resets the connection a while later. */
function resetsLater(text: string) {
  return async (port: number): Promise<void> => {
    const client = await openSocket(port)
    client.write(text)
    await sleep(SHORT_MS)
    client.resetAndDestroy()
  }
}

/** So that a connection to the server is there for the proxy, too. */
const hasBytes = ({ sockets }: TcpServer): boolean => sockets.some((s) => s.bytesRead > 0)

/** Takes the only place at the server; what comes then waits. */
function behindHolder(play: (port: number) => Promise<unknown>, text = GET) {
  return async (port: number, s1: TcpServer | null): Promise<void> => {
    const holder = await openSocket(port)
    holder.write(text)
    await until('the place to be taken', () => s1?.sockets[0])
    await play(port)
  }
}

/** Answers when three clients have had the time to come. */
const answeringLate = (socket: Socket): void => {
  socket.on('data', () => setTimeout(() => socket.end(OK), SHORT_MS))
}

/** Three clients come one after another, and are answered in this order. */
async function threeInTurn(port: number, s1: TcpServer | null): Promise<void> {
  const first = sends(GET)(port)
  await until('the place to be taken', () => s1?.sockets[0])
  const second = sends(GET)(port)
  await sleep(SHORT_MS / 4)
  await Promise.all([first, second, sends(GET)(port)])
}

/** The first has been answered and has gone when the second is. */
async function twoInTurn(port: number): Promise<void> {
  const first = sends(GET)(port)
  await sleep(SHORT_MS / 4)
  await Promise.all([first, sends(GET)(port)])
}

const SCENES: Readonly<Record<string, Scene>> = {
  served: { s1: answering(OK, (socket) => socket.end()), play: sends(GET) },
  queue_timeout: { s1: silent, maxconn: 1, short: 'queue', play: behindHolder(sends(GET)) },
  first_in_line: { s1: answeringLate, maxconn: 1, logged: 1, play: threeInTurn },
  second_in_line: { s1: answeringLate, maxconn: 1, logged: 2, play: threeInTurn },
  second_is_late: {
    s1: silent,
    maxconn: 1,
    short: 'queue',
    logged: 1,
    play: behindHolder(twoInTurn),
  },
  refused: { s1: 'closed', retries: 0, play: sends(GET) },
  refused_twice: { s1: 'closed', retries: 1, play: sends(GET) },
  connect_timeout: { s1: 'stuck', retries: 0, short: 'connect', play: sends(GET) },
  redispatched: { s1: 'closed', hasSecond: true, retries: 1, redispatch: true, play: sends(GET) },
  server_timeout: { s1: silent, short: 'server', play: sends(GET) },
  server_ends: { s1: (socket) => socket.on('data', () => socket.end()), play: sends(GET) },
  server_resets: {
    s1: (socket) => socket.on('data', () => socket.resetAndDestroy()),
    play: sends(GET),
  },
  server_talks_rubbish: { s1: answering('rubbish\r\n\r\n'), play: sends(GET) },
  server_stops_in_body: { s1: answering(HALF), short: 'server', play: sends(GET) },
  server_resets_in_body: {
    s1: answering(HALF, (socket) => setTimeout(() => socket.resetAndDestroy(), 100)),
    play: sends(GET),
  },
  no_server: { s1: 'down', play: sends(GET) },
  denied: { s1: silent, rules: ['deny'], play: sends(GET) },
  tarpitted: {
    s1: silent,
    rules: ['tarpit'],
    short: 'tarpit',
    play: sends(GET),
  },
  client_ends_in_tarpit: {
    s1: silent,
    rules: ['tarpit deny_status 429'],
    short: 'tarpit',
    play: sendsAndEnds(GET),
  },
  body_waited_for: {
    s1: answering(OK, (socket) => socket.end()),
    rules: ['wait-for-body time 1m at-least 4'],
    hasPause: true,
    play: async (port) => {
      const client = await openSocket(port)
      client.write(POST_OF_FOUR)
      await sleep(SHORT_MS)
      client.write('body')
      await readUntil(client)
    },
  },
  body_too_late: {
    s1: silent,
    rules: [`wait-for-body time ${SHORT_MS}`],
    hasPause: true,
    play: sends(`${POST_OF_FOUR}bo`),
  },
  captured: {
    s1: answering(ODD_OK, (socket) => socket.end()),
    captures: CAPTURES,
    rules: [
      'set-header X-Odd changed',
      'capture path,upper len 3',
      'capture src_port len 2 if FALSE',
    ],
    play: sends(ODD_GET.replace('GET /', 'GET /some/path')),
  },
  captured_requests_alone: {
    s1: answering(OK, (socket) => socket.end()),
    captures: CAPTURES.slice(0, 1),
    play: sends(GET),
  },
  captured_and_denied: { s1: silent, captures: CAPTURES, rules: ['deny'], play: sends(GET) },
  captured_of_bad_request: { s1: silent, captures: CAPTURES, play: sends('GET\r\n\r\n') },
  captured_unanswered: { s1: 'closed', retries: 0, captures: CAPTURES, play: sends(GET) },
  redirected: { s1: silent, rules: ['redirect location /x'], play: sends(GET) },
  returned: { s1: silent, rules: ['return status 200'], play: sends(GET) },
  bad_request: { s1: silent, play: sends('GET\r\n\r\n') },
  head_timeout: { s1: silent, short: 'http-request', play: sends('GET / HTTP/1.1\r\nHo') },
  // HAProxy notes an answer here that nobody gets.
  client_leaves_in_head: {
    s1: silent,
    hasPause: true,
    known: [' -1 CR', ' 400 CR'],
    play: resetsLater('GET / HTTP/1.1\r\nHo'),
  },
  tcp_served: {
    mode: 'tcp',
    s1: (socket) => socket.end('bye'),
    play: async (port) => readUntil(await openSocket(port)),
  },
  tcp_queue_timeout: {
    mode: 'tcp',
    s1: silent,
    maxconn: 1,
    short: 'queue',
    play: behindHolder(sends('x'), 'x'),
  },
  tcp_refused: { mode: 'tcp', s1: 'closed', retries: 0, play: sends('x') },
  tcp_refused_twice: { mode: 'tcp', s1: 'closed', retries: 1, play: sends('x') },
  tcp_connect_timeout: {
    mode: 'tcp',
    s1: 'stuck',
    retries: 0,
    short: 'connect',
    play: sends('x'),
  },
  redispatched_late: {
    s1: 'stuck',
    hasSecond: true,
    retries: 1,
    redispatch: true,
    short: 'connect',
    play: sends(GET),
  },
  tcp_redispatched_late: {
    mode: 'tcp',
    s1: 'stuck',
    hasSecond: true,
    retries: 1,
    redispatch: true,
    short: 'connect',
    play: sends('x'),
  },
  tcp_redispatched: {
    mode: 'tcp',
    s1: 'closed',
    hasSecond: true,
    retries: 1,
    redispatch: true,
    play: sends('x'),
  },
  tcp_no_server: { mode: 'tcp', s1: 'down', play: sends('x') },
  tcp_server_timeout: { mode: 'tcp', s1: silent, short: 'server', play: sends('x') },
  tcp_client_timeout: {
    mode: 'tcp',
    s1: (socket) =>
      void socket
        .on('end', () => socket.end())
        .resume()
        .write('hello'),
    short: 'client',
    play: sends('x'),
  },
  tcp_server_resets: {
    mode: 'tcp',
    s1: (socket) => socket.on('data', () => socket.resetAndDestroy()),
    play: sends('x'),
  },
  // The manual has CQ and CC for these, HAProxy what it has for a client that leaves later.
  tcp_client_leaves_in_line: {
    mode: 'tcp',
    known: [' CQ ', ' CD '],
    s1: silent,
    hasAborts: true,
    maxconn: 1,
    play: behindHolder(resetsLater('x'), 'x'),
  },
  tcp_client_leaves_while_connecting: {
    mode: 'tcp',
    known: [' CC ', ' CD '],
    s1: 'stuck',
    hasAborts: true,
    play: resetsLater('x'),
  },
  tcp_client_resets: { mode: 'tcp', s1: ending, play: resets('x', hasBytes) },
}

/** A proxy, and what it has logged of each scene. */
interface Proxy {
  readonly ports: ReadonlyMap<string, number>
  readonly log: () => readonly string[]
}

/** Starts the servers of each scene; gives their addresses. */
async function startServers() {
  const servers = new Map<string, { s1: TcpServer | null; addresses: readonly string[] }>()
  const stuck = await startStuckServer()
  const second = await startTcpServer(answering(OK, (socket) => socket.end()))
  for (const [name, { s1, hasSecond }] of Object.entries(SCENES)) {
    const server = typeof s1 === 'function' ? await startTcpServer(s1) : null
    const address = server?.address ?? (s1 === 'stuck' ? stuck : `127.0.0.1:${await freePort()}`)
    servers.set(name, { s1: server, addresses: hasSecond ? [address, second.address] : [address] })
  }
  return servers
}

type Servers = Awaited<ReturnType<typeof startServers>>

async function freePorts(): Promise<Map<string, number>> {
  const ports = new Map<string, number>()
  for (const name of Object.keys(SCENES)) ports.set(name, await freePort())
  return ports
}

function timeoutsOf({ short }: Scene, ofFrontend: boolean): [Timeout, string][] {
  const all: Timeout[] = ['connect', 'server', 'queue', 'client', 'http-request', 'tarpit']
  return all
    .filter((name) => OF_FRONTEND.includes(name) === ofFrontend)
    .map((name) => [name, name === short ? `${SHORT_MS}ms` : LONG])
}

async function startReal(servers: Servers): Promise<Proxy> {
  const ports = await freePorts()
  const sections = Object.entries(SCENES).map(([name, scene]) => {
    const { mode = 'http', maxconn, retries = 3, redispatch = false, s1 } = scene
    const { captures = [], rules = [] } = scene
    const options = `${maxconn === undefined ? '' : ` maxconn ${maxconn}`}${s1 === 'down' ? ' disabled' : ''} weight 256`
    const timeouts = (ofFrontend: boolean): string =>
      timeoutsOf(scene, ofFrontend)
        .filter(([timeout]) => mode === 'http' || !OF_HTTP.includes(timeout))
        .map(([timeout, value]) => `  timeout ${timeout} ${value}`)
        .join('\n')
    return `
frontend ${name}
  mode ${mode}
  log global
  option ${mode}log
  bind 127.0.0.1:${ports.get(name)}
${timeouts(true)}
${captures.map((line) => `  capture ${line}`).join('\n')}
${rules.map((rule) => `  http-request ${rule}`).join('\n')}
  default_backend ${name}_b
backend ${name}_b
  mode ${mode}
  retries ${retries}
  ${redispatch ? 'option redispatch 1' : ''}
  ${scene.hasAborts === true ? 'option abortonclose' : ''}
${timeouts(false)}
${servers
  .get(name)
  ?.addresses.map((address, n) => `  server s${n + 1} ${address}${n === 0 ? options : ''}`)
  .join('\n')}`
  })
  // Whether it listens is asked on an address of its own, as that is logged, too.
  const ready = await freePort()
  const listen = `listen ready\n  mode tcp\n  timeout client 1s\n  bind 127.0.0.1:${ready}`
  const haproxy = await startHaproxy([...sections, listen].join('\n'), ready)
  return { ports, log: () => haproxy.accessLog }
}

async function startOurs(servers: Servers): Promise<Proxy> {
  const ports = await freePorts()
  const frontends = Object.entries(SCENES).map(([name, scene]) => {
    const { mode = 'http', captures = [], rules = [] } = scene
    const section = {
      mode,
      'bind': `127.0.0.1:${ports.get(name)}`,
      'timeout': Object.fromEntries(timeoutsOf(scene, true)),
      'default_backend': `${name}_b`,
      ...(captures.length > 0 && { capture: captures }),
      ...(rules.length > 0 && { 'http-request': rules }),
    }
    return [name, section]
  })
  const backends = Object.entries(SCENES).map(([name, scene]) => {
    const { mode = 'http', maxconn = 0, retries = 3, redispatch = false, s1 } = scene
    const addresses = servers.get(name)?.addresses ?? []
    const list = addresses.map((address, n) => [
      `s${n + 1}`,
      n === 0 ? { address, weight: 256, maxconn, disabled: s1 === 'down' } : { address },
    ])
    const section = {
      mode,
      retries,
      option: { redispatch },
      timeout: Object.fromEntries(timeoutsOf(scene, false)),
      servers: Object.fromEntries(list),
    }
    return [`${name}_b`, section]
  })
  const daemon = await startDaemon({
    config: {
      global: { nbthread: 1 },
      frontends: Object.fromEntries(frontends),
      backends: Object.fromEntries(backends),
    },
  })
  return { ports, log: () => daemon.accessLog }
}

/** Times are only told apart as never come (-1), none (0) and waited for (w). */
function timesOf(field: string): string {
  const kindOf = (text: string): string =>
    Number(text) < 0 ? '-1' : Number(text) < SHORT_MS / 2 ? '0' : 'w'
  return field.split('/').map(kindOf).join('/')
}

/** A line but for who, when, how many bytes, and connections of the whole process. */
function factsOf(line: string): string {
  const [, , , server = '', times = '', ...rest] = line.split(' ')
  const isHttp = rest[2] === '-'
  const [status, end, loads = '', queues] = isHttp
    ? [rest[0], rest[4], rest[5], rest[6]]
    : ['tcp', rest[1], rest[2], rest[3]]
  const [, ...connections] = loads.split('/')
  // What was captured, and the request.
  const texts = isHttp ? rest.slice(7) : []
  return [server, timesOf(times), status, end, connections.join('/'), queues, ...texts].join(' ')
}

/** Whether somebody waits in a scene: for a timeout, in line, or of his own. */
function hasWait({ short, maxconn, s1, hasPause = false }: Scene): boolean {
  return hasPause || short !== undefined || maxconn !== undefined || s1 === 'stuck'
}

/** Plays all scenes: a few at a time while nobody waits in them, and all others at once. */
async function playAll(proxy: Proxy, servers: Servers): Promise<void> {
  const act = ([name, scene]: [string, Scene]): Promise<unknown> =>
    scene.play(proxy.ports.get(name) as number, servers.get(name)?.s1 ?? null)
  const scenes = Object.entries(SCENES)
  const quick = scenes.filter(([, scene]) => !hasWait(scene))
  const worker = async (): Promise<void> => {
    for (let next = quick.shift(); next !== undefined; next = quick.shift()) await act(next)
  }
  await Promise.all(Array.from({ length: QUICK_AT_ONCE }, worker))
  await Promise.all(scenes.filter(([, scene]) => hasWait(scene)).map(act))
}

/** Plays all scenes; gives what was logged of each. */
async function play(proxy: Proxy, servers: Servers, isOurs: boolean): Promise<[string, string][]> {
  await playAll(proxy, servers)
  return Promise.all(
    Object.entries(SCENES).map(async ([name, { logged = 0, known }]) => {
      const line = await until(`a line of ${name}`, () => {
        return proxy.log().filter((text) => text.includes(` ${name} ${name}`))[logged]
      })
      const facts = factsOf(line)
      if (!isOurs || known === undefined) return [name, facts]
      return [name, facts.includes(known[0]) ? facts.replace(...known) : `without ${known[0]}`]
    }),
  )
}

beforeEach(requires('linux', 'haproxy'))

it('says of failures what HAProxy says, field by field', async () => {
  const theirs = await startServers()
  const expected = await play(await startReal(theirs), theirs, false)
  const ours = await startServers()
  expect(await play(await startOurs(ours), ours, true)).toEqual(expected)
})
