import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { type Daemon, startDaemon } from './support/daemon.ts'
import { startHttpServer } from './support/http-server.ts'
import { shared } from './support/lifetime.ts'
import { expectSamples, scrape } from './support/metrics.ts'
import { freePort } from './support/ports.ts'
import { openSocket, type RawAnswer, readUntil } from './support/raw-client.ts'
import { pour } from './support/source.ts'
import { readRequests, readResponses, statusOf, targetOf } from './support/strict-messages.ts'
import { startTcpServer } from './support/tcp-server.ts'
import { until } from './support/waiting.ts'

/** How a side fails: it ends, it resets, or it says nothing more. */
type Fault = 'FIN' | 'RST' | 'stall'
const FAULTS: readonly Fault[] = ['FIN', 'RST', 'stall']

/** Short enough to wait for, long enough for a side that sends byte by byte on a busy machine. */
const TIMEOUT = '2s'
/** Of exchanges in which nobody stalls: no timeout strikes. */
const NO_TIMEOUT = '20s'
/** Between the last bytes and a fault: a reset may overtake what is still unread. */
const BEFORE_FAULT_MS = 30
/** How long the server thinks before a whole answer: a client that resets is gone by then. */
const THINKING_MS = 150
/** Exchanges at once in which a side sends: a timeout is not to strike while it does. */
const SENDING_AT_ONCE = 16

const HEAD_PART = 'POST /case HTTP/1.1\r\nHo'
const LENGTH_HEAD = 'POST /case HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n'
const CHUNKED_HEAD = 'POST /case HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n'
const GET = 'GET /case HTTP/1.1\r\nHost: a\r\n\r\n'
const OLD_GET = 'GET /case HTTP/1.0\r\n\r\n'
const OK_LENGTH_HEAD = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n'
const OK_CHUNKED_HEAD = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
const OK_CLOSE_HEAD = 'HTTP/1.1 200 OK\r\nX: 1\r\n\r\n'
const CHUNKS = '5\r\nhello\r\n3\r\nabc\r\n0\r\n\r\n'

/** What one side sends before it fails, or all that it has to send. */
interface Script {
  readonly bytes: string
  readonly fault: Fault | null
  /** Byte by byte. */
  readonly slowly?: boolean
}

/** One exchange: what both sides do, and what is to come of it. */
interface Case {
  readonly what: string
  readonly client: Script
  readonly server: Script
  /** Any of these. */
  readonly expected: readonly Outcome[]
}

/** What came of an exchange. */
interface Outcome {
  /**
   * What the client got: the status of a whole response; `cut` for the beginning of one, and an end
   * that no reader takes for its own; `none` for no byte and an end.
   */
  readonly got: number | 'cut' | 'none'
  /** Status and termination of the log line; null without one. */
  readonly logged: string | null
}

interface Exchange {
  readonly answer: RawAnswer
  /** The client's. */
  readonly address: string
}

/** An exchange that waits for its end. */
interface Begun {
  /** What the client asks for: no other exchange of the stage does. */
  readonly target: string
  readonly ended: Promise<Exchange>
}

/** What a server is to do, and who is told when it has. */
interface Part {
  readonly script: Script
  readonly onPlayed: () => void
}

/** A proxy with one server behind it, which plays the scripts that it is given. */
interface Stage {
  readonly daemon: Daemon
  /** Begins an exchange; resolves when both sides have sent what they will. */
  readonly begin: (client: Script, server: Script) => Promise<Begun>
  /** Targets of the whole requests that the server received. */
  readonly delivered: ReadonlySet<string>
}

/** Sends what a script says, then fails as it says. */
async function perform(socket: Socket, { bytes, fault, slowly = false }: Script): Promise<void> {
  for (const piece of slowly ? bytes : [bytes]) {
    if (piece !== '' && socket.writable) socket.write(Buffer.from(piece, 'latin1'))
    if (slowly) await new Promise(setImmediate)
  }
  if (fault === null || fault === 'stall') return
  await sleep(BEFORE_FAULT_MS)
  if (fault === 'FIN') socket.end()
  else socket.resetAndDestroy()
}

function timeoutsOf(duration: string): Record<string, string> {
  const names = ['client', 'server', 'http-request', 'http-keep-alive', 'connect']
  return Object.fromEntries(names.map((name) => [name, duration]))
}

/**
 * A daemon in front of one server.
 *
 * @param idleMax server connections that are kept; default: each serves one exchange
 */
async function startProxy(
  server: string,
  changes: Readonly<Record<string, unknown>> = {},
  idleMax = 0,
): Promise<{ daemon: Daemon; port: number }> {
  const port = await freePort()
  const daemon = await startDaemon({
    config: {
      global: { nbthread: 1, grace: '500ms' },
      defaults: {
        mode: 'http',
        retries: 0,
        timeout: timeoutsOf(TIMEOUT),
        'default-server': { 'pool-max-conn': idleMax },
        ...changes,
      },
      frontends: { web: { bind: `127.0.0.1:${port}`, default_backend: 'app' } },
      backends: { app: { servers: { s1: server } } },
    },
  })
  return { daemon, port }
}

async function startStage(timeout: string): Promise<Stage> {
  const parts = new Map<string, Part>()
  const delivered = new Set<string>()
  let exchanges = 0
  const server = await startTcpServer((socket) => {
    let text = ''
    let isPlaying = false
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
      for (const message of readRequests(text).messages) delivered.add(targetOf(message))
      const target = / (\/\S+) /.exec(text)?.[1] ?? ''
      const part = parts.get(target)
      if (isPlaying || part === undefined) return
      const { script, onPlayed } = part
      // A server that fails does so once it has seen the head, any other one reads all.
      if (script.fault === null && !delivered.has(target)) return
      isPlaying = true
      void sleep(script.fault === null ? THINKING_MS : 0)
        .then(() => perform(socket, script))
        .then(onPlayed)
    })
    socket.on('end', () => socket.end())
  })
  const { daemon, port } = await startProxy(server.address, { timeout: timeoutsOf(timeout) })
  return {
    daemon,
    delivered,
    begin: async (client, server) => {
      const n = ++exchanges
      const target = `/${String(n).padStart(4, '0')}`
      const played = new Promise<void>((onPlayed) => {
        parts.set(target, { script: server, onPlayed })
      })
      // Ports come again while the daemon runs; addresses do not.
      const address = `127.1.${n >> 8}.${n & 0xff}`
      const socket = await openSocket(port, true, address)
      const ended = readUntil(socket, isWhole).then((answer) => {
        socket.destroy()
        return { answer, address }
      })
      await perform(socket, { ...client, bytes: client.bytes.replace('/case', target) })
      // A server that does not fail may never be asked.
      if (server.fault !== null) await Promise.race([played, ended])
      return { target, ended }
    },
  }
}

/** Whether no more is to come: a final response on a connection that is kept. */
function isWhole(text: string): boolean {
  const { messages } = readResponses(text)
  return (
    messages.some((message) => statusOf(message) >= 200) && !/^connection: close\r$/im.test(text)
  )
}

const stages = shared(() => Promise.all([startStage(TIMEOUT), startStage(NO_TIMEOUT)]))

/** Plays all cases, and tells what is not as expected. */
async function play(cases: readonly Case[]): Promise<string[]> {
  const others = cases.filter((one) => !waitsForTimeout(one))
  const [impatient, patient] = stages()
  const problems = await Promise.all([
    playOn(impatient, cases.filter(waitsForTimeout)),
    playOn(patient, others),
  ])
  return problems.flat()
}

/** Whether a case has its end by a timeout alone. */
function waitsForTimeout({ client, server }: Case): boolean {
  const isHalfAsked = client.fault === null && !isWholeRequest(client.bytes)
  return isHalfAsked || client.fault === 'stall' || server.fault === 'stall'
}

/** Plays cases, waits until everything is given up, and tells what is not as expected. */
async function playOn(stage: Stage, cases: readonly Case[]): Promise<string[]> {
  const { daemon } = stage
  const begun = new Map<Case, Begun>()
  const left = [...cases]
  const worker = async (): Promise<void> => {
    for (let one = left.shift(); one !== undefined; one = left.shift()) {
      begun.set(one, await stage.begin(one.client, one.server))
    }
  }
  await Promise.all(Array.from({ length: SENDING_AT_ONCE }, worker))
  await Promise.all([...begun.values()].map(({ ended }) => ended))
  await untilReleased(daemon)
  const fine = { bytes: GET, fault: null }
  const last = await (await stage.begin(fine, answerWhole)).ended
  expect(outcomeOf(last.answer)).toBe(200)
  // Lines are written in the order of the ends, so that all are there when the last one is.
  await until('the log', () => lineOf(daemon, last.address))
  const problems: string[] = []
  for (const [it, { target, ended }] of begun) {
    const { answer, address } = await ended
    const outcome = { got: outcomeOf(answer), logged: loggedIn(lineOf(daemon, address)) }
    const isExpected = it.expected.some(
      ({ got, logged }) => got === outcome.got && logged === outcome.logged,
    )
    if (!isExpected)
      problems.push(
        `${it.what}: ${outcome.got} ${outcome.logged} ${JSON.stringify(answer.text.slice(0, 60))} ${answer.ending}`,
      )
    const delivered = stage.delivered.has(target)
    if (delivered && it.client.fault !== null && !isWholeRequest(it.client.bytes))
      problems.push(`${it.what}: delivered`)
  }
  await untilReleased(daemon)
  return problems
}

function isWholeRequest(bytes: string): boolean {
  return readRequests(bytes).messages.length > 0
}

/** Every gauge of sessions is back at zero: each was given up, and none twice. */
function untilReleased(daemon: Daemon): Promise<void> {
  return expectSamples(daemon, {
    sluice_frontend_current_sessions: 0,
    sluice_backend_current_sessions: 0,
    sluice_server_current_sessions: 0,
    sluice_process_current_connections: 0,
  })
}

function outcomeOf({ text, ending }: RawAnswer): Outcome['got'] {
  if (text === '') return 'none'
  // A connection that was reset ends no response.
  const { messages } = readResponses(text, { ended: ending === 'ended' })
  const final = messages.find((message) => statusOf(message) >= 200)
  return final === undefined ? 'cut' : statusOf(final)
}

/** The line of a client, by its address, with its port or without. */
function lineOf({ accessLog }: Daemon, client: string): string | undefined {
  return accessLog.find((line) => line.startsWith(`${client}:`) || line.startsWith(`${client} `))
}

function loggedIn(line: string | undefined): string | null {
  if (line === undefined) return null
  const [, status, termination] = / (-?\d+) \d+ - - (..)-- /.exec(line) ?? []
  return `${status} ${termination}`
}

const answerWhole: Script = { bytes: `${OK_LENGTH_HEAD}hello`, fault: null }
const askWhole: Script = { bytes: GET, fault: null }

function outcome(got: Outcome['got'], logged: string | null): Outcome {
  return { got, logged }
}

type Moment = readonly [what: string, bytes: string]

/** Moments of a request, by how far it has come. */
const requestMoments: Readonly<Record<'nothing' | 'head' | 'body' | 'whole', readonly Moment[]>> = {
  nothing: [['before the head', '']],
  head: [['within the head', HEAD_PART]],
  body: [
    ['after the head', LENGTH_HEAD],
    ['within a body of known length', `${LENGTH_HEAD}hel`],
    ['before the first chunk', CHUNKED_HEAD],
    ['within a chunk-size line', `${CHUNKED_HEAD}5`],
    ['within a chunk', `${CHUNKED_HEAD}5\r\nhel`],
    ['before the last CRLF', `${CHUNKED_HEAD}5\r\nhello\r\n0\r\n`],
  ],
  whole: [
    ['after a body of known length', `${LENGTH_HEAD}hello`],
    ['after the last chunk', `${CHUNKED_HEAD}${CHUNKS}`],
  ],
}

/** A reset may overtake what the proxy has not read: then it has seen less, down to nothing. */
const overtakenByClient = [
  outcome('none', null),
  outcome('none', '-1 CR'),
  outcome('none', '-1 CC'),
]
const overtakenByServer = [outcome(502, '502 SH'), outcome('cut', '200 SD')]

const clientFaults: Record<keyof typeof requestMoments, Record<Fault, readonly Outcome[]>> = {
  nothing: {
    FIN: [outcome('none', '-1 CR')],
    RST: [outcome('none', '-1 CR')],
    stall: [outcome(408, '408 cR')],
  },
  head: {
    FIN: [outcome('none', '-1 CR')],
    RST: overtakenByClient,
    stall: [outcome(408, '408 cR')],
  },
  body: {
    // The second: before a server was connected to.
    FIN: [outcome(400, '400 CH'), outcome(400, '400 CC')],
    RST: [outcome('none', '-1 CH'), ...overtakenByClient],
    stall: [outcome(408, '408 cH')],
  },
  whole: {
    FIN: [outcome(200, '200 --')],
    RST: [outcome('none', '-1 CH'), ...overtakenByClient],
    stall: [outcome(200, '200 --')],
  },
}

const responseMoments: Readonly<
  Record<'head' | 'body' | 'untilClose' | 'whole', readonly Moment[]>
> = {
  head: [
    ['before the head', ''],
    ['within the head', 'HTTP/1.1 200 OK\r\nCont'],
    ['after an interim response', 'HTTP/1.1 103 Early Hints\r\n\r\n'],
  ],
  body: [
    ['after the head', OK_LENGTH_HEAD],
    ['within a body of known length', `${OK_LENGTH_HEAD}hel`],
    ['before the first chunk', OK_CHUNKED_HEAD],
    ['within a chunk-size line', `${OK_CHUNKED_HEAD}5`],
    ['within a chunk', `${OK_CHUNKED_HEAD}5\r\nhel`],
    ['before the last CRLF', `${OK_CHUNKED_HEAD}5\r\nhello\r\n0\r\n`],
  ],
  untilClose: [['within a body that the end of the connection ends', `${OK_CLOSE_HEAD}hel`]],
  whole: [
    ['after a body of known length', `${OK_LENGTH_HEAD}hello`],
    ['after the last chunk', `${OK_CHUNKED_HEAD}${CHUNKS}`],
    ['after a response without body', 'HTTP/1.1 204 No Content\r\n\r\n'],
  ],
}

const serverFaults: Record<keyof typeof responseMoments, Record<Fault, readonly Outcome[]>> = {
  head: {
    FIN: [outcome(502, '502 SH')],
    RST: [outcome(502, '502 SH')],
    stall: [outcome(504, '504 sH')],
  },
  body: {
    FIN: [outcome('cut', '200 SD')],
    RST: overtakenByServer,
    stall: [outcome('cut', '200 sD')],
  },
  untilClose: {
    FIN: [outcome(200, '200 --')],
    RST: overtakenByServer,
    stall: [outcome('cut', '200 sD')],
  },
  whole: {
    FIN: [outcome(200, '200 --'), outcome(204, '204 --')],
    RST: [outcome(200, '200 --'), outcome(204, '204 --'), ...overtakenByServer],
    stall: [outcome(200, '200 --'), outcome(204, '204 --')],
  },
}

/** A case for each moment and each fault of one side. */
function casesOf<K extends string>(
  moments: Readonly<Record<K, readonly Moment[]>>,
  faults: Readonly<Record<K, Record<Fault, readonly Outcome[]>>>,
  sides: (script: Script) => Pick<Case, 'client' | 'server'>,
): Case[] {
  return Object.entries<readonly Moment[]>(moments).flatMap(([stage, found]) =>
    found.flatMap(([what, bytes]) =>
      FAULTS.map((fault) => ({
        what: `${fault} ${what}`,
        ...sides({ bytes, fault }),
        expected: faults[stage as K][fault],
      })),
    ),
  )
}

/** A case for each place in a message at which one side fails, in one piece and byte by byte. */
function cutsOf(
  what: string,
  bytes: string,
  expected: (sent: string, fault: Fault) => readonly Outcome[],
  sides: (script: Script) => Pick<Case, 'client' | 'server'>,
): Case[] {
  const cases: Case[] = []
  for (let length = 0; length <= bytes.length; length++) {
    const sent = bytes.slice(0, length)
    for (const fault of FAULTS) {
      for (const slowly of [false, true]) {
        const pace = slowly ? ', byte by byte' : ''
        cases.push({
          what: `${what}: ${fault} after ${length} bytes${pace}`,
          ...sides({ bytes: sent, fault, slowly }),
          expected: expected(sent, fault),
        })
      }
    }
  }
  return cases
}

function ofClient(script: Script): Pick<Case, 'client' | 'server'> {
  return { client: script, server: answerWhole }
}

function ofServer(script: Script): Pick<Case, 'client' | 'server'> {
  return { client: askWhole, server: script }
}

function afterRequestBytes(sent: string, fault: Fault): readonly Outcome[] {
  if (sent === '') return clientFaults.nothing[fault]
  if (!sent.includes('\r\n\r\n')) return clientFaults.head[fault]
  return clientFaults[isWholeRequest(sent) ? 'whole' : 'body'][fault]
}

function afterResponseBytes(sent: string, fault: Fault): readonly Outcome[] {
  if (!sent.includes('\r\n\r\n')) return serverFaults.head[fault]
  return serverFaults[readResponses(sent).messages.length > 0 ? 'whole' : 'body'][fault]
}

describe('a client that fails', () => {
  it('at each moment of its request', async () => {
    expect(await play(casesOf(requestMoments, clientFaults, ofClient))).toEqual([])
  })

  it.each([
    ['of known length', `${LENGTH_HEAD}hello`],
    ['in chunks', `${CHUNKED_HEAD}3\r\nabc\r\n0\r\n\r\n`],
  ])('at every byte of a request %s', async (what, bytes) => {
    expect(await play(cutsOf(what, bytes, afterRequestBytes, ofClient))).toEqual([])
  })
})

describe('a server that fails', () => {
  it('at each moment of its response', async () => {
    expect(await play(casesOf(responseMoments, serverFaults, ofServer))).toEqual([])
  })

  it('at each moment of its response to an HTTP/1.0 client', async () => {
    const sides = (server: Script) => ({ client: { bytes: OLD_GET, fault: null }, server })
    expect(await play(casesOf(responseMoments, serverFaults, sides))).toEqual([])
  })

  it('while the request is still coming', async () => {
    const sides = (server: Script) => ({
      client: { bytes: `${LENGTH_HEAD}hel`, fault: null },
      server,
    })
    const { head } = responseMoments
    const { FIN, RST } = serverFaults.head
    // A server that waits for the rest of the request is not late: the client is.
    const stall = [outcome(408, '408 cH')]
    expect(await play(casesOf({ head }, { head: { FIN, RST, stall } }, sides))).toEqual([])
  })

  it.each([
    ['of known length', `${OK_LENGTH_HEAD}hello`],
    ['in chunks', `${OK_CHUNKED_HEAD}3\r\nabc\r\n0\r\n\r\n`],
  ])('at every byte of a response %s', async (what, bytes) => {
    expect(await play(cutsOf(what, bytes, afterResponseBytes, ofServer))).toEqual([])
  })
})

/** Starts a server in front of a proxy; returns what a test needs to see of both. */
async function startLone(
  handle: (socket: Socket) => void,
  changes: Readonly<Record<string, unknown>> = {},
  idleMax = 0,
): Promise<{ daemon: Daemon; port: number }> {
  const server = await startTcpServer(handle)
  return startProxy(server.address, changes, idleMax)
}

/** The status and termination that the exchange of a client's port was logged with. */
function untilLogged(daemon: Daemon, port: number | undefined): Promise<string | null> {
  return until('the log', () => loggedIn(lineOf(daemon, `127.0.0.1:${port ?? 0}`)) ?? undefined)
}

describe('what is left of an exchange', () => {
  it('is given up when the client resets within the response', async () => {
    const { daemon, port } = await startLone((socket) => {
      socket.once('data', () => socket.write(`${OK_LENGTH_HEAD}hel`))
    })
    const client = await openSocket(port)
    const { localPort } = client
    client.write(GET)
    await readUntil(client, (text) => text.endsWith('hel'))
    client.resetAndDestroy()
    expect(await untilLogged(daemon, localPort)).toBe('200 CD')
    await untilReleased(daemon)
  })

  it('is given up when the client does not read the response', async () => {
    const { daemon, port } = await startLone((socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n')
        pour(socket, 100_000_000)
      })
    })
    const client = await openSocket(port)
    const { localPort } = client
    client.write(GET)
    expect(await untilLogged(daemon, localPort)).toBe('200 cD')
    client.destroy()
    await untilReleased(daemon)
  })

  it('is given up when the client leaves while a server is looked for', async () => {
    const changes = { retries: 50 }
    const { daemon, port } = await startProxy(`127.0.0.1:${await freePort()}`, changes)
    const client = await openSocket(port)
    const { localPort } = client
    client.write(GET)
    await until('a try', async () => {
      const sample = await scrape(daemon)
      return sample('sluice_backend_retry_warnings_total') > 0 ? true : undefined
    })
    client.resetAndDestroy()
    expect(await untilLogged(daemon, localPort)).toBe('-1 CC')
    await untilReleased(daemon)
  })

  it('is 503 where no server can be reached', async () => {
    const { daemon, port } = await startProxy(`127.0.0.1:${await freePort()}`)
    const client = await openSocket(port)
    const { localPort } = client
    client.write(GET)
    const { text, ending } = await readUntil(client)
    expect([outcomeOf({ text, ending }), ending]).toEqual([503, 'ended'])
    expect(await untilLogged(daemon, localPort)).toBe('503 SC')
    await untilReleased(daemon)
  })

  it('is 408 where the client stalls, also when its server was long looked for', async () => {
    const serverPort = await freePort()
    const { daemon, port } = await startProxy(`127.0.0.1:${serverPort}`, { retries: 50 })
    const client = await openSocket(port)
    const { localPort } = client
    client.write(LENGTH_HEAD)
    // Longer than the client's timeout, which is not to run meanwhile.
    await until('two tries', async () => {
      const sample = await scrape(daemon)
      return sample('sluice_backend_retry_warnings_total') > 1 ? true : undefined
    })
    await startHttpServer({ port: serverPort })
    const { text, ending } = await readUntil(client)
    expect([outcomeOf({ text, ending }), ending]).toEqual([408, 'ended'])
    expect(await untilLogged(daemon, localPort)).toBe('408 cH')
    await untilReleased(daemon)
  })

  it.each([
    ['framed', 'HTTP/1.1', OK_LENGTH_HEAD],
    ['until the end of its connection', 'HTTP/1.1', OK_CLOSE_HEAD],
    ['in chunks for an HTTP/1.0 client', 'HTTP/1.0', `${OK_CHUNKED_HEAD}5\r\n`],
  ])('is cut at the end of a drain: a response %s', async (_, version, head) => {
    const { daemon, port } = await startLone(
      (socket) => {
        socket.once('data', () => socket.write(`${head}hel`))
      },
      { timeout: { client: '1m', server: '1m' } },
    )
    const client = await openSocket(port)
    const { localPort } = client
    client.write(`GET / ${version}\r\nHost: a\r\n\r\n`)
    const begun = await readUntil(client, (text) => text.endsWith('hel'))
    const stopped = daemon.stop()
    const rest = await readUntil(client)
    expect(outcomeOf({ text: begun.text + rest.text, ending: rest.ending })).toBe('cut')
    await stopped
    expect(loggedIn(lineOf(daemon, `127.0.0.1:${localPort ?? 0}`))).toBe('200 KD')
  })
})

describe('a server that closes a connection which rests', () => {
  /** Answers the first request of each connection, and fails at the second one. */
  async function startTired(fault: Fault): Promise<{ daemon: Daemon; port: number }> {
    return startLone(
      (socket) => {
        let requests = 0
        socket.on('data', () => {
          if (requests++ === 0) socket.write(`${OK_LENGTH_HEAD}hello`)
          else if (fault === 'FIN') socket.end()
          else socket.resetAndDestroy()
        })
        socket.on('end', () => socket.end())
      },
      { retries: 1 },
      10,
    )
  }

  it.each(['FIN', 'RST'] as const)(
    'by %s is replaced where the request may be repeated',
    async (fault) => {
      const { daemon, port } = await startTired(fault)
      const client = await openSocket(port)
      for (let n = 0; n < 4; n++) {
        client.write(GET)
        expect(outcomeOf(await readUntil(client, isWhole))).toBe(200)
      }
      client.destroy()
      await untilReleased(daemon)
    },
  )

  it.each(['FIN', 'RST'] as const)('by %s is 502 where it may not', async (fault) => {
    const { daemon, port } = await startTired(fault)
    const client = await openSocket(port)
    client.write(GET)
    await readUntil(client, isWhole)
    client.write(`${LENGTH_HEAD}hello`)
    expect(outcomeOf(await readUntil(client))).toBe(502)
    await untilReleased(daemon)
  })
})
