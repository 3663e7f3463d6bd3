import { once } from 'node:events'
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { FLAG, FRAME } from '../../src/http/h2/frames/frame-types.ts'
import { type Arrival, H2_CLASSES, type H2Case, type H2Fate } from './h2-smuggling-cases.ts'
import { startDaemon } from './support/daemon.ts'
import { startH2Server } from './support/h2-server.ts'
import { shared } from './support/lifetime.ts'
import { freePort } from './support/ports.ts'
import {
  openRawH2,
  type RawField,
  type RawH2,
  type RawStream,
  rawBlock,
  rawFrame,
  type StringCoding,
} from './support/raw-h2-client.ts'
import { startRecorder } from './support/recorder.ts'
import { type StrictMessage, targetOf } from './support/strict-messages.ts'

/** Between frames that are sent one by one: long enough for each to be read by itself, mostly. */
const PAUSE_MS = 2
/** What would wait for ever is ended, and told of as wrong. */
const TIMEOUT = '5s'
/** What an attempt may be refused with where its stream is not reset. */
const REFUSALS = [400, 405, 431, 501]
/** Streams of an attempt: one that it comes in the midst of, itself, and one behind it. */
const NEIGHBOUR = 1
const ATTEMPT = 3
const NEXT = 5

/** A request as a server has received it. */
interface Received {
  readonly method: string
  readonly target: string
  readonly hosts: readonly string[]
  readonly headers: readonly RawField[]
  readonly body: string
}

/** What a server has received since it was last asked. */
interface Receipts {
  readonly requests: readonly Received[]
  /** More has come than whole requests. */
  readonly hasMore: boolean
  /** What no strict reader takes. */
  readonly wrongs: readonly string[]
}

/** A server that keeps what it receives. */
interface Keeper {
  readonly take: () => Receipts
  /** Requests that have begun, and neither are whole nor have been given up. */
  readonly unfinished: () => number
}

async function startH1Keeper(port: number): Promise<Keeper> {
  const { take, unfinished } = await startRecorder(port)
  return {
    take: () => {
      const { messages, wrongs, bytes } = take()
      const whole = messages.reduce((sum, { text }) => sum + text.length, 0)
      return { requests: messages.map(receivedOf), hasMore: bytes > whole, wrongs }
    },
    unfinished,
  }
}

function receivedOf(message: StrictMessage): Received {
  const { headers, body, startLine } = message
  const hosts = headers.filter(([name]) => name === 'host').map(([, value]) => value)
  return { method: startLine.split(' ')[0] ?? '', target: targetOf(message), hosts, headers, body }
}

async function startH2Keeper(): Promise<Keeper & { readonly address: string }> {
  let requests: Received[] = []
  let hasMore = false
  let open = 0
  const keep = async (stream: ServerHttp2Stream, fields: IncomingHttpHeaders): Promise<void> => {
    let body = ''
    stream.on('data', (chunk: Buffer) => {
      body += chunk.toString('latin1')
    })
    stream.on('end', () => {
      if (stream.destroyed || stream.aborted) return
      stream.respond({ ':status': 200 })
      stream.end('whole')
    })
    open++
    await once(stream, 'close')
    open--
    if (stream.aborted || stream.rstCode !== 0) {
      hasMore = true
      return
    }
    const headers = Object.entries(fields).map(([name, value]): RawField => [name, String(value)])
    const hosts = [fields[':authority'], fields.host].filter((host) => host !== undefined)
    const { ':method': method = '', ':path': target = '' } = fields
    requests.push({ method, target, hosts, headers, body })
  }
  const { address } = await startH2Server((stream, fields) => void keep(stream, fields))
  const take = (): Receipts => {
    const receipts = { requests, hasMore, wrongs: [] }
    requests = []
    hasMore = false
    return receipts
  }
  return { address, take, unfinished: () => open }
}

/** A frontend and the server behind it. */
interface Way {
  readonly port: number
  readonly keeper: Keeper
}

/** One daemon for all attempts, of one thread so that server connections are reused. */
const ways = shared(async (): Promise<Readonly<Record<'h1' | 'h2', Way>>> => {
  const [h1Port, h2Port, serverPort] = [await freePort(), await freePort(), await freePort()]
  const h1Keeper = await startH1Keeper(serverPort)
  const h2Keeper = await startH2Keeper()
  await startDaemon({
    config: {
      global: { nbthread: 1 },
      defaults: {
        mode: 'http',
        timeout: { 'client': TIMEOUT, 'http-request': TIMEOUT, 'server': TIMEOUT },
      },
      frontends: {
        h1: { bind: { address: `127.0.0.1:${h1Port}`, proto: 'h2' }, default_backend: 'h1' },
        h2: { bind: { address: `127.0.0.1:${h2Port}`, proto: 'h2' }, default_backend: 'h2' },
      },
      backends: {
        h1: { servers: { s1: `127.0.0.1:${serverPort}` } },
        h2: { servers: { s1: { address: h2Keeper.address, proto: 'h2' } } },
      },
    },
  })
  return { h1: { port: h1Port, keeper: h1Keeper }, h2: { port: h2Port, keeper: h2Keeper } }
})

/** How an attempt is sent. */
interface Delivery {
  readonly name: string
  readonly coding: StringCoding
  /** Header blocks are cut in two, and each frame is sent by itself. */
  readonly isCut: boolean
}

const DELIVERIES: readonly Delivery[] = [
  { name: 'at once', coding: 'plain', isCut: false },
  { name: 'in Huffman code', coding: 'huffman', isCut: false },
  { name: 'frame by frame', coding: 'plain', isCut: true },
]

/** The frames of a header block. */
function headerFrames(
  id: number,
  fields: readonly RawField[],
  isLast: boolean,
  { coding, isCut }: Delivery,
): Buffer[] {
  const block = rawBlock(fields, coding)
  const flags = isLast ? FLAG.endStream : 0
  if (!isCut) return [rawFrame(FRAME.headers, flags | FLAG.endHeaders, id, block)]
  const half = block.length >> 1
  return [
    rawFrame(FRAME.headers, flags, id, block.subarray(0, half)),
    rawFrame(FRAME.continuation, FLAG.endHeaders, id, block.subarray(half)),
  ]
}

function dataFrame(id: number, text: string, isLast: boolean): Buffer {
  return rawFrame(FRAME.data, isLast ? FLAG.endStream : 0, id, Buffer.from(text, 'latin1'))
}

/** The frames of an attempt, the last of which ends its stream. */
function framesOf({ fields, content, trailers }: H2Case, delivery: Delivery): Buffer[] {
  const isBare = content.length === 0 && trailers === null
  const last = content.length - 1
  return [
    ...headerFrames(ATTEMPT, fields, isBare, delivery),
    ...content.map((text, n) => dataFrame(ATTEMPT, text, n === last && trailers === null)),
    ...(trailers === null ? [] : headerFrames(ATTEMPT, trailers, true, delivery)),
  ]
}

/** A request that nothing is wrong with. */
function plain(id: number, method: string, path: string, isLast: boolean): Buffer {
  const fields: RawField[] = [
    [':method', method],
    [':scheme', 'http'],
    [':path', path],
    [':authority', 'n'],
  ]
  return rawFrame(
    FRAME.headers,
    FLAG.endHeaders | (isLast ? FLAG.endStream : 0),
    id,
    rawBlock(fields, 'plain'),
  )
}

/** Makes an attempt in the midst of another request, and asks for more behind it. */
async function deliver(port: number, one: H2Case, delivery: Delivery): Promise<RawH2> {
  const client = await openRawH2(port)
  const isOver = (id: number) => () =>
    client.ended() !== null || client.stream(id).ending !== 'open'
  const frames = [
    plain(NEIGHBOUR, 'POST', '/neighbour', false),
    dataFrame(NEIGHBOUR, 'hello', false),
    ...framesOf(one, delivery),
  ]
  if (!delivery.isCut) client.send(...frames)
  for (const frame of delivery.isCut ? frames : []) {
    client.send(frame)
    await sleep(PAUSE_MS)
  }
  await client.settled(isOver(ATTEMPT))
  client.send(dataFrame(NEIGHBOUR, 'world', true))
  await client.settled(isOver(NEIGHBOUR))
  client.send(plain(NEXT, 'GET', '/next', true))
  await client.settled(isOver(NEXT))
  return client
}

/** What is wrong with the answer to an attempt. */
function answerProblems(fate: H2Fate, { status, ending }: RawStream): string[] {
  const said = `${status} and ${ending}`
  if (typeof fate !== 'string') return status === 200 && ending === 'ended' ? [] : [said]
  if (ending === 'reset' && status === null) return []
  return REFUSALS.includes(status ?? 0) ? [] : [said]
}

/** What is wrong with the requests of an attempt. */
function requestProblems(one: H2Case, requests: readonly Received[]): string[] {
  const { fate } = one
  if (fate === 'refused' || fate === 'cut') return requests.map(({ target }) => `got ${target}`)
  const { body, host, headers }: Arrival =
    fate === 'emptied' ? { body: '', host: 'a', headers: [] } : fate
  const [request, more] = requests
  if (request === undefined) return fate === 'emptied' ? [] : ['got nothing']
  const sent = new Map(one.fields)
  const problems: string[] = []
  if (more !== undefined) problems.push(`got ${more.target} too`)
  if (request.method !== sent.get(':method')) problems.push(`got the method ${request.method}`)
  if (request.target !== sent.get(':path')) problems.push(`got the target ${request.target}`)
  if (request.hosts.join() !== host) problems.push(`got the hosts ${request.hosts}`)
  if (request.body !== body) problems.push(`got the body ${JSON.stringify(request.body)}`)
  const valuesOf = (name: string) => request.headers.filter((field) => field[0] === name)
  for (const field of headers) {
    const values = valuesOf(field[0])
    if (values.length !== 1 || values[0]?.[1] !== field[1]) problems.push(`got ${values}`)
  }
  return problems
}

/** What is not as it should be after one attempt. */
function problemsOf(one: H2Case, client: RawH2, receipts: Receipts): string[] {
  const { requests, hasMore, wrongs } = receipts
  const problems = [...wrongs, ...answerProblems(one.fate, client.stream(ATTEMPT))]
  if (client.ended() !== null) problems.push(`the connection has ended: ${client.ended()}`)
  for (const [id, target, body] of [
    [NEIGHBOUR, '/neighbour', 'helloworld'],
    [NEXT, '/next', ''],
  ] as const) {
    if (client.stream(id).status !== 200) problems.push(`${target} had ${client.stream(id).status}`)
    const [own, ...others] = requests.filter((request) => request.target === target)
    if (own?.body !== body || others.length > 0) problems.push(`${target} came as ${own?.body}`)
  }
  const others = requests.filter(({ target }) => !['/neighbour', '/next'].includes(target))
  problems.push(...requestProblems(one, others))
  if (hasMore && one.fate !== 'cut' && one.fate !== 'emptied') problems.push('got more')
  return problems
}

/** Makes an attempt in every delivery; returns what went wrong. */
async function attempt({ port, keeper }: Way, one: H2Case): Promise<string[]> {
  const problems: string[] = []
  for (const delivery of DELIVERIES) {
    const client = await deliver(port, one, delivery)
    for (let n = 0; n < 100 && keeper.unfinished() > 0; n++) await sleep(PAUSE_MS)
    const found = problemsOf(one, client, keeper.take())
    if (keeper.unfinished() > 0) found.push('unfinished at the server')
    problems.push(...found.map((problem) => `${one.what}, ${delivery.name}: ${problem}`))
  }
  return problems
}

/** Makes attempts one after the other; returns what went wrong. */
async function attemptAll(way: Way, cases: readonly H2Case[]): Promise<string[]> {
  const problems: string[] = []
  for (const one of cases) problems.push(...(await attempt(way, one)))
  return problems
}

describe('requests in HTTP/2 of two readings are refused, or arrive in one', () => {
  it.each(H2_CLASSES)('%s', async (_, cases) => {
    expect(await attemptAll(ways().h1, cases)).toEqual([])
  })

  /** What is refused meets no server, whatever that speaks. */
  const passing = H2_CLASSES.map(([title, cases]) => {
    return [title, cases.filter(({ fate }) => fate !== 'refused')] as const
  })
  it.each(passing.filter(([, cases]) => cases.length > 0))('%s, in HTTP/2', async (_, cases) => {
    expect(await attemptAll(ways().h2, cases)).toEqual([])
  })
})
