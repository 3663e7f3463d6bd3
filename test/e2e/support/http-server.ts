import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { whenOver } from './lifetime.ts'
import { freePort } from './ports.ts'

/** How a server of a test answers. */
export interface HttpServerOptions {
  /** Sent as header `X-Server`, and as the body when nothing else is said. */
  readonly name?: string
  readonly port?: number
  /** Default: 127.0.0.1. */
  readonly host?: string
  /** Closes connections that rest for so long; default: never. */
  readonly keepAliveTimeoutMs?: number
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Buffer
  /** Between the request's end and the answer. */
  readonly delayMs?: number
  /** Sends half of the body, then goes silent or resets the connection. */
  readonly midBody?: 'stall' | 'reset'
  /** Answers instead of the above. */
  readonly answer?: (request: RecordedRequest, response: ServerResponse) => void | Promise<void>
}

/** A request as the server received it. */
export interface RecordedRequest {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  /** Names and values in turn, as they came. */
  readonly rawHeaders: readonly string[]
  readonly body: Buffer
  readonly trailers: IncomingMessage['trailers']
  /** The peer's port: requests with the same one came over one connection. */
  readonly remotePort: number
}

/** An HTTP server in the test's process. It is closed when the test is over. */
export interface HttpServer {
  readonly name: string
  readonly port: number
  /** `HOST:PORT`, for the config. */
  readonly address: string
  readonly requests: RecordedRequest[]
  /** Closes the listening socket and cuts every connection. */
  readonly stop: () => Promise<void>
  /** Listens again on the same port. */
  readonly restart: () => Promise<void>
}

/** Starts an HTTP server on this host that records what it is asked. */
export async function startHttpServer(options: HttpServerOptions = {}): Promise<HttpServer> {
  const name = options.name ?? 'server'
  const { host = '127.0.0.1' } = options
  const port = options.port ?? (await freePort())
  const requests: RecordedRequest[] = []
  const keepAliveTimeout = options.keepAliveTimeoutMs ?? 0
  const server = createServer({ keepAliveTimeout, requestTimeout: 0 }, (incoming, response) => {
    // A peer that aborts is part of many tests; what it left undone shows in their assertions.
    answer(incoming, response).catch(() => response.destroy())
  })
  const answer = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const request = await record(incoming)
    requests.push(request)
    if (options.answer === undefined) await answerAsTold(name, options, response)
    else await options.answer(request, response)
  }
  const stop = async (): Promise<void> => {
    if (!server.listening) return
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
  }
  const restart = (): Promise<void> => listen(server, port, host)
  await restart()
  whenOver(stop)
  return { name, port, address: `${host}:${port}`, requests, stop, restart }
}

async function listen(server: Server, port: number, host: string): Promise<void> {
  server.listen(port, host, 4096)
  await once(server, 'listening')
}

async function record(incoming: IncomingMessage): Promise<RecordedRequest> {
  // Trailers are there once the body has been read.
  const body = await buffer(incoming)
  return {
    method: incoming.method ?? '',
    url: incoming.url ?? '',
    headers: incoming.headers,
    rawHeaders: incoming.rawHeaders,
    remotePort: incoming.socket.remotePort ?? 0,
    trailers: incoming.trailers,
    body,
  }
}

async function answerAsTold(
  name: string,
  options: HttpServerOptions,
  response: ServerResponse,
): Promise<void> {
  if (options.delayMs !== undefined) await sleep(options.delayMs)
  const body = Buffer.from(options.body ?? name)
  response.writeHead(options.status ?? 200, {
    'X-Server': name,
    'Content-Length': body.length,
    ...options.headers,
  })
  if (options.midBody === undefined) {
    response.end(body)
    return
  }
  response.write(body.subarray(0, body.length / 2), () => {
    if (options.midBody === 'reset') response.socket?.resetAndDestroy()
  })
}
