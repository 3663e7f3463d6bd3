import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import {
  type Fate,
  REQUEST_CLASSES,
  RESPONSE_CLASSES,
  type RequestCase,
  type ResponseCase,
} from './smuggling-cases.ts'
import { sharedLanes } from './support/lanes.ts'
import { openSocket, type RawAnswer, readUntil } from './support/raw-client.ts'
import { answerTo, type Recorder, type Recording, startRecorder } from './support/recorder.ts'
import { readRequests, readResponses, statusOf, targetOf } from './support/strict-messages.ts'
import { startTcpServer } from './support/tcp-server.ts'

/** Follows every attempt on its connection. It arrives as it is sent, or not at all. */
const NEXT = 'GET /next HTTP/1.1\r\nHost: next\r\n\r\n'
const NEXT_BODY = 'GET /next'
/** What an attempt may be refused with. */
const REFUSALS = [400, 405, 414, 431, 501, 505]
/** Between the pieces of an attempt: long enough for each to be read by itself, mostly. */
const PAUSE_MS = 2
/** Attempts of a test at once: those that end by a timeout hold the others up no longer. */
const LANES = 8
const TIMEOUT = '2s'

/** Of one thread, so that server connections are reused. */
const takeLane = sharedLanes({
  count: LANES * (REQUEST_CLASSES.length + RESPONSE_CLASSES.length),
  threads: 1,
  defaults: { timeout: { 'client': TIMEOUT, 'http-request': TIMEOUT, 'server': TIMEOUT } },
})

/** A frontend before one server that nobody else uses, so that what arrives tells of one attempt. */
interface Lane<Server> {
  readonly server: Server
  readonly port: number
}

/** Starts a server behind each of the lanes of one test. */
function startLanes<Server>(
  startServer: (port: number) => Promise<Server>,
): Promise<readonly Lane<Server>[]> {
  return Promise.all(
    Array.from({ length: LANES }, async () => {
      const { port, serverPorts } = takeLane()
      return { server: await startServer(serverPorts[0]), port }
    }),
  )
}

/** Has the lanes take the cases, each the next one when it is done; returns what all found wrong. */
async function inLanes<Server, Case>(
  lanes: readonly Lane<Server>[],
  cases: readonly Case[],
  problemsIn: (lane: Lane<Server>, one: Case) => Promise<readonly string[]>,
): Promise<string[]> {
  const problems: string[] = []
  const left = [...cases]
  const run = async (lane: Lane<Server>): Promise<void> => {
    for (let one = left.shift(); one !== undefined; one = left.shift()) {
      problems.push(...(await problemsIn(lane, one)))
    }
  }
  await Promise.all(lanes.map(run))
  return problems
}

/** Sends pieces on a new connection; reads until the answer to {@link NEXT} or the end. */
async function deliver(port: number, pieces: readonly string[]): Promise<RawAnswer> {
  const socket = await openSocket(port)
  const answer = readUntil(socket, (text) => text.endsWith(NEXT_BODY))
  for (const [n, piece] of pieces.entries()) {
    if (n > 0) await sleep(PAUSE_MS)
    if (!socket.writable) break
    socket.write(Buffer.from(piece, 'latin1'))
  }
  const settled = await answer
  socket.destroy()
  return settled
}

/** The whole, cut in two, and cut in three. */
function cutsOf(bytes: string): Record<string, readonly string[]> {
  const cut = (...places: number[]): string[] =>
    [0, ...places].map((place, n) => bytes.slice(place, places[n] ?? bytes.length))
  const { length } = bytes
  return {
    'at once': [bytes],
    'cut in two': cut(length >> 1),
    'cut in three': cut(Math.floor(length / 3), length - 3),
  }
}

/** An attempt with the next request behind it, at once and cut, and one after the other. */
function deliveriesOf(bytes: string): Record<string, readonly string[]> {
  const deliveries = Object.entries(cutsOf(bytes)).map(([name, pieces]) => {
    const last = pieces.length - 1
    return [name, [...pieces.slice(0, last), `${pieces[last]}${NEXT}`]]
  })
  return { ...Object.fromEntries(deliveries), 'apart': [bytes, NEXT] }
}

/** What is not as it should be after one attempt. */
function problemsOf(fate: Fate, { text, ending }: RawAnswer, recording: Recording): string[] {
  const { messages, wrongs, bytes } = recording
  const responses = readResponses(text, { ended: ending !== 'open' })
  const problems = [...wrongs]
  if (responses.wrong !== null) problems.push(`the client was sent ${responses.wrong}`)
  if (responses.rest !== '') problems.push(`the client was left with ${responses.rest}`)
  if (messages.some((message) => targetOf(message) === '/smuggled')) problems.push('smuggled')
  const statuses = responses.messages.map(statusOf)
  const targets = messages.map(targetOf)
  if (typeof fate === 'string') {
    if (statuses.length !== 1 || !REFUSALS.includes(statuses[0] ?? 0))
      problems.push(`answered ${statuses}`)
    if (ending === 'open') problems.push('left open')
    if (messages.length > 0) problems.push(`forwarded ${targets}`)
    if (fate === 'refused' && bytes > 0) problems.push(`forwarded ${bytes} bytes`)
    return problems
  }
  const [first, next] = messages
  if (first === undefined || !targetOf(first).startsWith('/case'))
    problems.push(`forwarded ${targets}`)
  else if (first.body !== fate.body)
    problems.push(`forwarded the body ${JSON.stringify(first.body)}`)
  if (next === undefined ? ending === 'open' : next.text !== NEXT)
    problems.push(`next was ${next?.text}`)
  if (messages.length > 2) problems.push(`forwarded ${targets}`)
  if (statuses.join() !== messages.map(() => 200).join()) problems.push(`answered ${statuses}`)
  return problems
}

/** Makes an attempt in every delivery; returns what went wrong. */
async function attempt(
  { server: recorder, port }: Lane<Recorder>,
  [what, bytes, fate]: RequestCase,
): Promise<string[]> {
  const problems: string[] = []
  for (const [delivery, pieces] of Object.entries(deliveriesOf(bytes))) {
    const answer = await deliver(port, pieces)
    for (let n = 0; n < 100 && recorder.unfinished() > 0; n++) await sleep(PAUSE_MS)
    if (recorder.unfinished() > 0) problems.push(`${what}, ${delivery}: unfinished at the server`)
    for (const problem of problemsOf(fate, answer, recorder.take())) {
      problems.push(`${what}, ${delivery}: ${problem}`)
    }
  }
  return problems
}

describe('requests of two readings are refused, or arrive in one', () => {
  it.each(REQUEST_CLASSES)('%s', async (_, cases) => {
    expect(await inLanes(await startLanes(startRecorder), cases, attempt)).toEqual([])
  })
})

/** A server that answers `/case` as it is told, and `/next` as it should. */
interface Player {
  /** Sets how `/case` is answered from now on. */
  readonly play: (response: ResponseCase, pieces: readonly string[]) => void
  /** Sends what is to come late to the connection that `/case` came over. */
  readonly sendLater: () => void
  /** Whether that connection is still open. */
  readonly isOpen: () => boolean
}

async function startPlayer(port: number): Promise<Player> {
  let response: ResponseCase = { what: '', bytes: '', fate: 'cut' }
  let pieces: readonly string[] = []
  let socket: Socket | undefined
  const answerCase = async (to: Socket): Promise<void> => {
    socket = to
    for (const [n, piece] of pieces.entries()) {
      if (n > 0) await sleep(PAUSE_MS)
      to.write(Buffer.from(piece, 'latin1'))
    }
    if (response.ends === true) to.end()
  }
  await startTcpServer((connection) => {
    connection.on('data', (chunk) => {
      for (const message of readRequests(chunk.toString('latin1')).messages) {
        if (targetOf(message) === '/next') connection.write(answerTo(message))
        else void answerCase(connection)
      }
    })
    connection.on('end', () => connection.end())
  }, port)
  return {
    play: (next, cut) => {
      response = next
      pieces = cut
      socket = undefined
    },
    sendLater: () => void (response.later && socket?.write(Buffer.from(response.later, 'latin1'))),
    isOpen: () => socket !== undefined && !socket.destroyed,
  }
}

/** Asks for one response; returns what came, and the connection. */
async function ask(
  port: number,
  method: string,
): Promise<{ readonly socket: Socket; readonly answer: RawAnswer }> {
  const socket = await openSocket(port)
  socket.write(`${method} /case HTTP/1.1\r\nHost: a\r\n\r\n`)
  const answer = await readUntil(socket, (text) =>
    readResponses(text, { methods: [method] }).messages.some((message) => statusOf(message) >= 200),
  )
  return { socket, answer }
}

/** What is wrong with what a client got of a response. */
function problemsOfResponse({ fate, method = 'GET' }: ResponseCase, answer: RawAnswer): string[] {
  const { text, ending } = answer
  // A connection that was reset ends no response.
  const reading = readResponses(text, { methods: [method], ended: ending === 'ended' })
  const problems = reading.wrong === null ? [] : [`the client was sent ${reading.wrong}`]
  const finals = reading.messages.filter((message) => statusOf(message) >= 200)
  const got = finals.map((message) => `${statusOf(message)} ${message.body}`).join()
  if (fate === 'cut') {
    if (finals.length > 0 || ending === 'open') problems.push(`not cut: ${got} ${ending}`)
  } else if (fate === 'bad gateway') {
    const [final] = finals
    if (finals.length !== 1 || final === undefined || statusOf(final) !== 502)
      problems.push(`answered ${JSON.stringify(text.slice(0, 200))}`)
  } else if (got !== `${fate.status} ${fate.body}`) problems.push(`answered ${got}`)
  if (fate !== 'cut' && reading.rest !== '')
    problems.push(`the client was left with ${reading.rest}`)
  return problems
}

/** What is wrong with the answer to the next request on a connection. */
async function problemsOfNext(who: string, socket: Socket, mayEnd: boolean): Promise<string[]> {
  if (socket.writable) socket.write(NEXT)
  const { text } = await readUntil(socket, (sofar) => sofar.endsWith(NEXT_BODY))
  socket.destroy()
  if (text === '' && mayEnd) return []
  const expected = answerTo({
    startLine: NEXT.slice(0, NEXT.indexOf('\r')),
    text: '',
    headers: [],
    body: '',
  })
  return text === expected ? [] : [`${who} got ${JSON.stringify(text.slice(0, 200))}`]
}

/** Plays a response in every cut; returns what went wrong. */
async function play(
  { server: player, port }: Lane<Player>,
  response: ResponseCase,
): Promise<string[]> {
  const problems: string[] = []
  const { what, bytes, fate, method = 'GET' } = response
  for (const [cut, pieces] of Object.entries(cutsOf(bytes))) {
    player.play(response, pieces)
    const { socket, answer } = await ask(port, method)
    const found = problemsOfResponse(response, answer)
    player.sendLater()
    const mustClose = typeof fate === 'string' || fate.leftover === true
    for (let n = 0; n < 100 && mustClose && player.isOpen(); n++) await sleep(PAUSE_MS)
    if (mustClose && player.isOpen()) found.push('the server connection stays open')
    found.push(...(await problemsOfNext('the client', socket, true)))
    found.push(...(await problemsOfNext('another client', await openSocket(port), false)))
    problems.push(...found.map((problem) => `${what}, ${cut}: ${problem}`))
  }
  return problems
}

describe('responses of two readings are not passed on, or arrive in one', () => {
  it.each(RESPONSE_CLASSES)('%s', async (_, cases) => {
    expect(await inLanes(await startLanes(startPlayer), cases, play)).toEqual([])
  })
})
