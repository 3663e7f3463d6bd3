import { once } from 'node:events'
import { connect } from 'node:net'
import { onTestFinished } from 'vitest'
import { freePort } from './ports.ts'
import { untilStopped } from './process-state.ts'
import { startProcess } from './processes.ts'
import { queuedFor } from './tcp-table.ts'

const BACKLOG = 1

const PROGRAM = `
  const { createServer } = require('node:http')
  const server = createServer((request, response) => response.end('served'))
  server.listen(Number(process.argv[1]), '127.0.0.1', ${BACKLOG}, () => process.send('listening'))
`

/** An HTTP server that can be brought to a state in which no connection to it comes about. */
export interface SleepingServer {
  readonly port: number
  /**
   * Stops its process and fills its backlog, so that the kernel ignores whoever knocks from now on.
   * Who knocks again after {@link wake} gets in.
   */
  readonly fallAsleep: () => Promise<void>
  readonly wake: () => void
}

/** Starts one on 127.0.0.1, awake. Needs Linux. */
export async function startSleepingServer(): Promise<SleepingServer> {
  const port = await freePort()
  const child = startProcess(process.execPath, ['-e', PROGRAM, String(port)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  await once(child, 'message')
  const fallAsleep = async (): Promise<void> => {
    child.kill('SIGSTOP')
    await untilStopped(child.pid as number)
    // Linux ignores who knocks once more are queued than the backlog says.
    while (queuedFor(port) <= BACKLOG) {
      const socket = connect(port, '127.0.0.1').on('error', () => {})
      onTestFinished(() => void socket.destroy())
      await once(socket, 'connect')
    }
  }
  return { port, fallAsleep, wake: () => void child.kill('SIGCONT') }
}

/**
 * Starts a server that a connection is never established to, on Linux.
 *
 * @returns `127.0.0.1:PORT`, for the config
 */
export async function startStuckServer(): Promise<string> {
  const { port, fallAsleep } = await startSleepingServer()
  await fallAsleep()
  return `127.0.0.1:${port}`
}
