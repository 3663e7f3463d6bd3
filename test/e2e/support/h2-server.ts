import {
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type ServerOptions,
} from 'node:http2'
import type { AddressInfo } from 'node:net'
import { whenOver } from './lifetime.ts'

/** Answers a stream. */
export type OnStream = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void

/** A server of Node.js that speaks HTTP/2. */
export interface H2Server {
  readonly address: string
  /** Connections that have come so far. */
  readonly sessions: ServerHttp2Session[]
  close(): Promise<void>
}

/**
 * Starts one on a free port of the loopback, until what it is started for is over.
 *
 * @param tls its certificate and key; default: it speaks clear text
 */
export async function startH2Server(
  onStream: OnStream,
  options: ServerOptions & { readonly cert?: string; readonly key?: string } = {},
): Promise<H2Server> {
  const server: Http2Server | Http2SecureServer =
    options.cert === undefined
      ? createServer(options)
      : createSecureServer({ allowHTTP1: true, ...options })
  const sessions: ServerHttp2Session[] = []
  server.on('session', (session) => {
    sessions.push(session)
    session.on('error', () => {})
  })
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {})
    onStream(stream, headers)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const close = async (): Promise<void> => {
    for (const session of sessions) session.destroy()
    await new Promise<void>((resolve) => {
      server.close(() => resolve())
    })
  }
  whenOver(close)
  return { address: `127.0.0.1:${port}`, sessions, close }
}
