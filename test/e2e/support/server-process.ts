import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { freePort } from './ports.ts'
import { startProcess } from './processes.ts'

const PROGRAM = fileURLToPath(new URL('server-process.mjs', import.meta.url))

/** An HTTP server in a process of its own. It is killed when the test is over. */
export interface ServerProcess {
  readonly name: string
  /** `127.0.0.1:PORT`, for the config. */
  readonly address: string
  /** SIGKILL: its connections end with what the kernel sends for it. */
  readonly kill: () => Promise<void>
}

/**
 * Starts a server that answers every request with its name, after a delay.
 *
 * @param launcher a program with arguments that the whole command is given to; default: none
 */
export async function startServerProcess(
  name: string,
  delayMs = 0,
  launcher: readonly string[] = [],
): Promise<ServerProcess> {
  const port = await freePort()
  const command = [...launcher, process.execPath, PROGRAM, name, String(port), String(delayMs)]
  const [program = process.execPath, ...words] = command
  const child = startProcess(program, words, {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  await once(child, 'message')
  const kill = async (): Promise<void> => {
    const closed = once(child, 'close')
    child.kill('SIGKILL')
    await closed
  }
  return { name, address: `127.0.0.1:${port}`, kill }
}
