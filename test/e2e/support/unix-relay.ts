import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import { until } from './waiting.ts'

/**
 * Passes on whoever comes to a port to a Unix socket, once that is there: the way to a process that
 * has a network of its own. Ends when the test is over.
 */
export async function startUnixRelay(port: number, path: string): Promise<void> {
  const open = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const behind = connect({ path, allowHalfOpen: true })
    for (const [from, to] of [
      [client, behind],
      [behind, client],
    ] as const) {
      open.add(from)
      from.on('error', () => to.destroy()).on('close', () => open.delete(from))
      from.pipe(to)
    }
  })
  onTestFinished(() => {
    for (const socket of open) socket.destroy()
    server.close()
  })
  await until(path, () => (existsSync(path) ? true : undefined))
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
}
