import { once } from 'node:events'
import {
  createSecureServer,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type SecureServerOptions,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { Address } from '../../../src/base/address.ts'

/** One call as the server took it. */
export interface GrpcCall {
  readonly headers: IncomingHttpHeaders
  /** The service that was asked for. */
  readonly service: string
  readonly stream: ServerHttp2Stream
}

/** A server of gRPC's health service that takes nothing but calls that are right. */
export interface GrpcServer {
  readonly address: Address
  readonly calls: GrpcCall[]
  /** What was wrong with calls that it refused. */
  readonly problems: string[]
  readonly close: () => Promise<void>
}

/** The frame of a message, and the message. */
export function framed(message: Buffer, flag = 0): Buffer {
  const prefix = Buffer.alloc(5)
  prefix[0] = flag
  prefix.writeUInt32BE(message.length, 1)
  return Buffer.concat([prefix, message])
}

/** A `HealthCheckResponse` with this status. */
export function healthResponse(status: number): Buffer {
  return framed(Buffer.from(status === 0 ? [] : [0x08, status]))
}

/** Answers a call with a body and with trailers, as gRPC servers do. */
export function reply(
  { stream }: GrpcCall,
  body: Buffer,
  trailers: Readonly<Record<string, string>> = { 'grpc-status': '0' },
): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers(trailers))
  stream.end(body)
}

/**
 * Starts the server on a free port.
 *
 * @param tls null: over HTTP/2 without TLS
 */
export async function startGrpcServer(
  answer: (call: GrpcCall) => void,
  tls: SecureServerOptions | null = null,
): Promise<GrpcServer> {
  const calls: GrpcCall[] = []
  const problems: string[] = []
  const sessions = new Set<ServerHttp2Session>()
  const server: Http2Server = tls === null ? createServer() : createSecureServer(tls)
  server.on('session', (session) => {
    sessions.add(session)
    session.on('error', () => {}).on('close', () => sessions.delete(session))
  })
  server.on('stream', (stream, headers) => {
    const chunks: Buffer[] = []
    stream.on('error', () => {})
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('end', () => {
      const problem = problemOf(headers, Buffer.concat(chunks))
      if (problem === null) {
        const call = { headers, service: serviceOf(Buffer.concat(chunks)), stream }
        calls.push(call)
        answer(call)
      } else {
        problems.push(problem)
        stream.respond({ ':status': 400 }, { endStream: true })
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  return {
    address: { kind: 'inet', host: '127.0.0.1', port },
    calls,
    problems,
    close: async () => {
      server.close()
      for (const session of sessions) session.destroy()
      if (server.listening) await once(server, 'close')
    },
  }
}

/** What is wrong with a call (grpc/grpc, doc/PROTOCOL-HTTP2.md); null where nothing is. */
function problemOf(headers: IncomingHttpHeaders, body: Buffer): string | null {
  const expected: Record<string, RegExp> = {
    ':method': /^POST$/,
    ':scheme': /^https?$/,
    ':path': /^\/grpc\.health\.v1\.Health\/Check$/,
    ':authority': /^[a-z0-9.[\]:-]+$/,
    te: /^trailers$/,
    'content-type': /^application\/grpc$/,
    'grpc-timeout': /^[0-9]{1,8}[HMSmun]$/,
    'user-agent': /./,
  }
  for (const [name, pattern] of Object.entries(expected)) {
    if (!pattern.test(String(headers[name]))) return `${name}: ${String(headers[name])}`
  }
  const unknown = Object.keys(headers).filter((name) => !(name in expected))
  if (unknown.length > 0) return `unexpected ${unknown.join()}`
  if (body[0] !== 0 || body.length < 5 || body.readUInt32BE(1) !== body.length - 5) {
    return `framed as ${body.toString('hex')}`
  }
  if (body.length === 5) return null
  return body[5] === 0x0a && serviceOf(body) !== '' ? null : `message ${body.toString('hex')}`
}

/** Field 1, whose length has one byte or two. */
function serviceOf(body: Buffer): string {
  if (body.length < 7) return ''
  const low = body[6] as number
  const [start, length] = low < 128 ? [7, low] : [8, low - 128 + 128 * (body[7] as number)]
  return body.length === start + length ? body.toString('utf8', start) : ''
}
