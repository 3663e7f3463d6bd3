import { Agent, type IncomingMessage, type ServerResponse } from 'node:http'
import { type Duplex, Readable } from 'node:stream'
import type HttpProxy from 'http-proxy'
import { SluiceError } from '../base/errors.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { type AdminLevel, isAdminLevel } from '../model/admin-level.ts'
import type { RequestBody } from './request-body.ts'
import type { Answer } from './route.ts'

/** For a change to be carried out: every node prepares a config, which may resolve host names. */
export const CHANGE_TIMEOUT_MS = 60_000

/** Bytes of the leader's answer. The greatest tells what each node has against a config. */
const ANSWER_BYTES_MAX = 1024 * 1024

/** Who asked, as the node that forwards knows it. Only peers are believed; see {@link authorIn}. */
const AUTHOR_HEADER = 'x-sluice-author'

/** What they may do, as that node has found. A node of an earlier version, which had no levels, says nothing. */
const LEVEL_HEADER = 'x-sluice-level'

/** Characters of an author, for the history. */
const AUTHOR_LENGTH_MAX = 200

/** A change on its way to the leader. */
export interface ForwardedChange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** Null: it has none. */
  readonly body: RequestBody | null
  readonly author: string
  /** What the author may do. */
  readonly level: AdminLevel
  /** Name of the leader. */
  readonly to: string
}

/**
 * Has a change made by the leader, over a stream that both nodes have authenticated. Of the client's
 * headers only those of the body go along: this node has checked the others.
 *
 * @returns the leader's answer
 * @throws SluiceError `peer-unreachable`: the leader has not been told; `outcome-unknown`: it may
 *   have been
 */
export async function forwardChange(cluster: Cluster, change: ForwardedChange): Promise<Answer> {
  // A single node needs it never. Invariant: nothing is waited for while nobody listens to the stream.
  const { default: httpProxy } = await import('http-proxy')
  const stream = await cluster.openStream(change.to).catch((error: unknown) => {
    if (error instanceof SluiceError) throw error
    throw new SluiceError('peer-unreachable', `there is no way to ${change.to}`, error)
  })
  const late = setTimeout(() => stream.destroy(), CHANGE_TIMEOUT_MS)
  try {
    return await exchange(httpProxy.createProxyServer(), stream, change)
  } catch (error) {
    const message = `${change.to} was told of the change, and its answer has been lost`
    throw new SluiceError('outcome-unknown', message, error)
  } finally {
    clearTimeout(late)
    stream.destroy()
  }
}

/** Who asks for a change that a peer forwards, as the peer says. */
export function authorIn({ headers }: IncomingMessage): string {
  const author = headers[AUTHOR_HEADER]
  if (typeof author !== 'string') return 'admin API'
  try {
    return decodeURIComponent(author).slice(0, AUTHOR_LENGTH_MAX)
  } catch {
    return 'admin API'
  }
}

/** What who asks for a change that a peer forwards may do, as the peer says. */
export function levelIn({ headers }: IncomingMessage): AdminLevel {
  const level = headers[LEVEL_HEADER] ?? 'admin'
  return isAdminLevel(level) ? level : 'read'
}

function exchange(
  proxy: HttpProxy,
  stream: Duplex,
  { request, response, body, author, level }: ForwardedChange,
): Promise<Answer> {
  request.headers = {
    host: 'leader',
    'content-length': String(body?.bytes.length ?? 0),
    [AUTHOR_HEADER]: encodeURIComponent(author),
    [LEVEL_HEADER]: level,
    ...(body === null ? {} : { 'content-type': body.contentType }),
  }
  const agent = Object.assign(new Agent(), { createConnection: () => stream })
  return new Promise<Answer>((resolve, reject) => {
    proxy.once('proxyRes', (answer) => void readAnswer(answer).then(resolve, reject))
    // The client has gone: nobody hears what came of it.
    proxy.once('econnreset', reject)
    proxy.web(
      request,
      response,
      {
        target: { protocol: 'http:', host: 'leader', port: 80 },
        agent,
        buffer: Readable.from(body === null ? [] : [body.bytes]),
        selfHandleResponse: true,
        toProxy: true,
      },
      reject,
    )
  })
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
