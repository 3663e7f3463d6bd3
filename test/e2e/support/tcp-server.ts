import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { whenOver } from './lifetime.ts'
import { freePort } from './ports.ts'

/** A TCP server in the test's process. It is closed when the test is over. */
export interface TcpServer {
  readonly port: number
  /** `127.0.0.1:PORT`, for the config. */
  readonly address: string
  /** Every connection that was accepted, in order. */
  readonly sockets: Socket[]
}

/**
 * Starts a TCP server on 127.0.0.1. Its connections stay half open until the handler ends them.
 *
 * @param givenPort default: a free one
 */
export async function startTcpServer(
  handle: (socket: Socket) => void,
  givenPort?: number,
): Promise<TcpServer> {
  const port = givenPort ?? (await freePort())
  const sockets: Socket[] = []
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket)
    // A reset is part of many tests, and shows in their assertions.
    socket.on('error', () => socket.destroy())
    handle(socket)
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  whenOver(async () => {
    server.close()
    for (const socket of sockets) socket.destroy()
    await once(server, 'close')
  })
  return { port, address: `127.0.0.1:${port}`, sockets }
}

/** Starts a TCP server that sends back what it receives, and ends when its peer does. */
export function startEchoServer(port?: number): Promise<TcpServer> {
  return startTcpServer((socket) => socket.pipe(socket), port)
}
