import { Agent, type IncomingMessage, request as openRequest, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { SluiceError } from '../../base/errors.ts'
import { FRAMING_HEADERS } from '../../http/fields.ts'
import { type AdminLevel, isAdminLevel } from '../../model/admin-level.ts'
import type { Answer } from '../route.ts'
import { AUTHOR_LENGTH_MAX, type ForwardedChange } from './forwarded-change.ts'

/** Bytes of an answer that is read whole. The greatest tells what each node has against a config. */
const ANSWER_BYTES_MAX = 1024 * 1024

/** Who asked, as the node that was asked knows it. Only peers are believed; see {@link authorIn}. */
const AUTHOR_HEADER = 'x-sluice-author'

/** What they may do, as that node has found. A node of an earlier version, which had no levels, says nothing. */
const LEVEL_HEADER = 'x-sluice-level'

/** Present where a client asks for this node through another one; absent where that forwards a change. */
const RELAYED_HEADER = 'x-sluice-relayed'

/** What of a client's head says something to the node that it asks for. */
const RELAYED_REQUEST_HEADERS = ['accept', 'content-type', 'content-length', 'if-none-match']

/** A request of a client for another node. */
export interface RelayedRequest {
  /** Path and query, on that node. */
  readonly url: string
  readonly author: string
  readonly level: AdminLevel
}

/** Who asks over a stream of a peer, as the peer says. */
export function authorIn({ headers }: IncomingMessage): string {
  const author = headers[AUTHOR_HEADER]
  if (typeof author !== 'string') return 'admin API'
  try {
    return decodeURIComponent(author).slice(0, AUTHOR_LENGTH_MAX)
  } catch {
    return 'admin API'
  }
}

/** What who asks over a stream of a peer may do, as the peer says. */
export function levelIn({ headers }: IncomingMessage): AdminLevel {
  const level = headers[LEVEL_HEADER] ?? 'admin'
  return isAdminLevel(level) ? level : 'read'
}

/** Whether what comes over a stream of a peer is a client's request for this very node. */
export function isRelayed({ headers }: IncomingMessage): boolean {
  return headers[RELAYED_HEADER] !== undefined
}

/** Asks for a change over a stream. @returns the answer; rejects with whatever breaks it */
export function askOverStream(stream: Duplex, change: ForwardedChange): Promise<Answer> {
  const { method, url, body } = change
  const headers = {
    ...headersOf(change),
    'content-length': String(body?.bytes.length ?? 0),
    ...(body === null ? {} : { 'content-type': body.contentType }),
  }
  return new Promise<Answer>((resolve, reject) => {
    const asked = openRequest({ agent: agentOver(stream), method, path: url, headers })
    asked.on('response', (answer) => void readAnswer(answer).then(resolve, reject))
    asked.on('error', reject)
    asked.end(body?.bytes)
  })
}

/**
 * Has another node answer a client's request over a stream, as it goes: an answer may be long, and
 * come bit by bit.
 *
 * @throws SluiceError `peer-unreachable`: nothing of an answer has come, and nothing was sent to the
 *   client
 */
export async function relayOverStream(
  stream: Duplex,
  request: IncomingMessage,
  response: ServerResponse,
  relayed: RelayedRequest,
): Promise<void> {
  response.once('close', () => stream.destroy())
  const headers: Record<string, string> = { ...headersOf(relayed), [RELAYED_HEADER]: '1' }
  for (const name of RELAYED_REQUEST_HEADERS) {
    const value = request.headers[name]
    if (typeof value === 'string') headers[name] = value
  }
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const asked = openRequest({
      agent: agentOver(stream),
      ...(request.method === undefined ? {} : { method: request.method }),
      path: relayed.url,
      headers,
    })
    asked.on('response', resolve)
    asked.on('error', (error) => {
      reject(new SluiceError('peer-unreachable', 'the node has broken off', error))
    })
    request.pipe(asked)
  })
  response.writeHead(answer.statusCode ?? 502, answerHeadersOf(answer))
  // What breaks off there breaks off here too: a client sees that its answer is not whole.
  await pipeline(answer, response).catch(() => response.destroy())
}

function headersOf({ author, level }: Pick<RelayedRequest, 'author' | 'level'>) {
  return {
    host: 'peer',
    [AUTHOR_HEADER]: encodeURIComponent(author),
    [LEVEL_HEADER]: level,
  }
}

function agentOver(stream: Duplex): Agent {
  return Object.assign(new Agent(), { createConnection: () => stream })
}

function answerHeadersOf({ rawHeaders }: IncomingMessage): string[] {
  const kept: string[] = []
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const [name = '', value = ''] = rawHeaders.slice(at, at + 2)
    if (!isOfConnection(name.toLowerCase())) kept.push(name, value)
  }
  return kept
}

/** Whether a field is about one connection, or framing that is done anew. A length is kept. */
function isOfConnection(name: string): boolean {
  return name !== 'content-length' && FRAMING_HEADERS.has(name)
}

async function readAnswer(answer: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > ANSWER_BYTES_MAX) {
      throw new SluiceError('peer-refused', `the answer has more than ${ANSWER_BYTES_MAX} bytes`)
    }
    chunks.push(chunk)
  }
  const retryAfterSec = Number(answer.headers['retry-after'])
  return {
    status: answer.statusCode ?? 500,
    contentType: answer.headers['content-type'] ?? null,
    body: Buffer.concat(chunks).toString(),
    ...(retryAfterSec > 0 ? { retryAfterSec } : {}),
  }
}
