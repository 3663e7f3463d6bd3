import { once } from 'node:events'
import { chmodSync } from 'node:fs'
import { onTestFinished } from 'vitest'
import { runProgram, startProcess } from './processes.ts'
import { untilListening } from './waiting.ts'

/** A database server of a test. It ends when the test is over. */
export interface Database {
  /** `127.0.0.1:PORT`, for the config. */
  readonly address: string
  /** Ends it at once. */
  readonly stop: () => Promise<void>
  /** Starts it again on the same port. */
  readonly restart: () => Promise<void>
}

/** A program and its arguments. */
export interface ProgramCall {
  readonly program: string
  readonly args: readonly string[]
}

/** How a database server is made and run. */
export interface DatabaseOptions {
  /** Of its own, removed by the caller. */
  readonly folder: string
  readonly port: number
  /** Whom its package brings: database servers refuse to run as root. */
  readonly user: string
  /** Makes the files that it serves. */
  readonly install: ProgramCall
  /** What else is to be done before it starts. */
  readonly prepare?: () => void
  readonly serve: ProgramCall
  /** What ends it at once, with its children. */
  readonly endSignal: NodeJS.Signals
}

/**
 * Makes a database in a folder and serves it.
 *
 * @throws Error with what the program wrote, when it cannot be made
 */
export async function startDatabase(options: DatabaseOptions): Promise<Database> {
  const { folder, port, user, install, prepare, serve, endSignal } = options
  if (process.getuid?.() === 0) chmodSync(folder, 0o777)
  const { code, stdout, stderr } = await runProgram(...withoutRoot(user, install), { cwd: folder })
  if (code !== 0) throw new Error(`${install.program}: ${stdout}${stderr}`)
  prepare?.()
  let stop = async (): Promise<void> => {}
  const start = async (): Promise<void> => {
    const child = startProcess(...withoutRoot(user, serve), { cwd: folder, stdio: 'ignore' })
    const ended = once(child, 'exit')
    stop = async () => {
      child.kill(endSignal)
      await ended
    }
    onTestFinished(stop)
    await untilListening(port)
  }
  await start()
  return { address: `127.0.0.1:${port}`, stop: () => stop(), restart: start }
}

function withoutRoot(user: string, { program, args }: ProgramCall): [string, readonly string[]] {
  if (process.getuid?.() !== 0) return [program, args]
  const dropped = [`--reuid=${user}`, `--regid=${user}`, '--clear-groups']
  return ['setpriv', [...dropped, program, ...args]]
}
