import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type ServerOptions } from 'node:https'
import type { TLSSocket } from 'node:tls'
import { onTestFinished } from 'vitest'
import { freePort } from './ports.ts'

/** A request as an HTTPS server received it. */
export interface SecureRequest {
  readonly url: string
  readonly headers: IncomingMessage['headers']
  /** What was asked for by SNI; false where nothing was. */
  readonly serverName: string | false
  readonly alpn: string | false
  readonly protocol: string | null
  readonly isResumed: boolean
  /** Common name of the certificate that the client has shown; null: none. */
  readonly clientName: string | null
  /** The peer's port: requests with the same one came over one connection. */
  readonly remotePort: number
}

/** An HTTPS server in the test's process. It is closed when the test is over. */
export interface HttpsServer {
  readonly port: number
  /** `127.0.0.1:PORT`, for the config. */
  readonly address: string
  readonly requests: SecureRequest[]
  /** Shows another certificate from now on. */
  readonly show: (options: ServerOptions) => void
}

/** What it answers; default: `secure`. */
type Answer = (request: IncomingMessage, response: ServerResponse) => void

/** Starts an HTTPS server on 127.0.0.1 that records what it is asked. */
export async function startHttpsServer(
  options: ServerOptions,
  answer: Answer = (request, response) => {
    request.resume().on('end', () => response.end('secure'))
  },
): Promise<HttpsServer> {
  const port = await freePort()
  const requests: SecureRequest[] = []
  const server = createServer({ keepAliveTimeout: 0, ...options }, (request, response) => {
    requests.push(record(request))
    answer(request, response)
  })
  // A client that refuses the certificate is part of the tests.
  server.on('tlsClientError', () => {})
  server.listen(port, '127.0.0.1', 4096)
  await once(server, 'listening')
  onTestFinished(async () => {
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
  })
  const show = (next: ServerOptions): void => server.setSecureContext(next)
  return { port, address: `127.0.0.1:${port}`, requests, show }
}

function record({ url = '', headers, socket }: IncomingMessage): SecureRequest {
  const tls = socket as TLSSocket & { readonly servername?: string | false }
  const { subject } = tls.getPeerCertificate() as { subject?: { CN?: string } }
  return {
    url,
    headers,
    serverName: tls.servername ?? false,
    alpn: tls.alpnProtocol ?? false,
    protocol: tls.getProtocol(),
    isResumed: tls.isSessionReused(),
    clientName: subject?.CN ?? null,
    remotePort: tls.remotePort ?? 0,
  }
}
