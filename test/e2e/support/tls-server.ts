import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createServer, type TLSSocket } from 'node:tls'
import { onTestFinished } from 'vitest'
import type { Certificate } from '../../fixtures/certificates.ts'
import { freePort } from './ports.ts'
import { startProcess } from './processes.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { untilListening } from './waiting.ts'

/** A server that speaks TLS. It ends when the test is over. */
export interface TlsServer {
  /** `127.0.0.1:PORT`, for the config. */
  readonly address: string
  /** Shows another certificate from now on. */
  readonly show: (certificate: Certificate) => void
}

/** Writes a file in PEM form and returns its path. */
export function writePem(text: string): string {
  const path = join(temporaryFolder(), 'file.pem')
  writeFileSync(path, text)
  return path
}

/** Starts a TLS server in the test's process. */
export async function startTlsServer(
  certificate: Certificate,
  handle: (socket: TLSSocket) => void,
): Promise<TlsServer> {
  const port = await freePort()
  const sockets = new Set<TLSSocket>()
  const server = createServer(certificate, (socket) => {
    sockets.add(socket)
    socket.on('error', () => socket.destroy()).on('close', () => sockets.delete(socket))
    handle(socket)
  })
  // A client that refuses the certificate is part of the tests.
  server.on('tlsClientError', () => {})
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    server.close()
    for (const socket of sockets) socket.destroy()
    await once(server, 'close')
  })
  return { address: `127.0.0.1:${port}`, show: (next) => server.setSecureContext(next) }
}

/** Starts `openssl s_server`, which answers a request for `/` of HTTP with a page. */
export async function startOpenssl({ cert, key }: Certificate): Promise<{ address: string }> {
  const port = await freePort()
  const pems = ['-cert', writePem(cert), '-key', writePem(key)]
  startProcess('openssl', ['s_server', '-accept', `127.0.0.1:${port}`, ...pems, '-www', '-quiet'], {
    stdio: 'ignore',
  })
  await untilListening(port)
  return { address: `127.0.0.1:${port}` }
}
