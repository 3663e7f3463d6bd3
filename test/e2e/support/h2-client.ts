import { once } from 'node:events'
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2'
import { onTestFinished } from 'vitest'

/** A response in HTTP/2 that has come whole. */
export interface H2Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  /** The interim responses that came before it. */
  readonly interim: readonly number[]
  /** Null: there were none. */
  readonly trailers: IncomingHttpHeaders | null
}

/** Opens a connection to an address of 127.0.0.1 by Node's own client; closed after the test. */
export async function openH2(
  port: number,
  options: Parameters<typeof connect>[1] = {},
  scheme: 'http' | 'https' = 'http',
): Promise<ClientHttp2Session> {
  const session = connect(`${scheme}://127.0.0.1:${port}`, options)
  // What breaks it is told by its streams, too.
  session.on('error', () => {})
  onTestFinished(() => session.destroy())
  await once(session, 'connect')
  return session
}

/** Sends a request, with a body where one is given, and waits for the whole response. */
export async function askH2(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  body?: string | Buffer,
): Promise<H2Answer> {
  const stream = session.request(headers, { endStream: body === undefined })
  if (body !== undefined) stream.end(body)
  return await answerOf(stream)
}

/**
 * Waits for the response on a stream.
 *
 * @throws what has broken it off
 */
export async function answerOf(stream: ClientHttp2Stream): Promise<H2Answer> {
  const interim: number[] = []
  const chunks: Buffer[] = []
  let headers: IncomingHttpHeaders = {}
  let trailers: IncomingHttpHeaders | null = null
  stream.on('headers', (fields) => interim.push(Number(fields[':status'])))
  stream.on('response', (fields) => {
    headers = fields
  })
  stream.on('trailers', (fields) => {
    trailers = fields
  })
  stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  await once(stream, 'end')
  const status = Number((headers as Record<string, unknown>)[':status'])
  return { status, headers, body: Buffer.concat(chunks), interim, trailers }
}
