import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { whenOver } from './lifetime.ts'

/** The command under test. */
export const SLUICE = fileURLToPath(new URL('../../../bin/sluice', import.meta.url))

/** The Node.js that runs it: `SLUICE_TEST_NODE`, or the one that runs the tests. */
export const NODE = process.env['SLUICE_TEST_NODE'] ?? process.execPath

const living = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of living) child.kill('SIGKILL')
})

/** Starts a program that is killed when the test is over, however it ends. */
export function startProcess(
  command: string,
  args: readonly string[],
  options: SpawnOptions,
): ChildProcess {
  const child = spawn(command, args, options)
  living.add(child)
  const closed = once(child, 'close').then(() => living.delete(child))
  whenOver(async () => {
    child.kill('SIGKILL')
    await closed
  })
  return child
}

/** How a command ended, and what it printed. */
export interface Finished {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** What a program that runs to its end is given. */
export interface RunOptions extends Pick<SpawnOptions, 'cwd' | 'env'> {
  /** Default: nothing. */
  readonly stdin?: string
}

/** Runs a program with arguments to its end. It inherits the environment unless given one. */
export async function runProgram(
  command: string,
  args: readonly string[],
  { stdin, ...options }: RunOptions = {},
): Promise<Finished> {
  const input = stdin === undefined ? 'ignore' : 'pipe'
  const child = startProcess(command, args, { ...options, stdio: [input, 'pipe', 'pipe'] })
  child.stdin?.end(stdin)
  let stdout = ''
  let stderr = ''
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk
  })
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk
  })
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, stdout, stderr }
}

/** Runs `sluice` with arguments to its end. */
export function runSluice(...args: readonly string[]): Promise<Finished> {
  return runProgram(NODE, [SLUICE, ...args])
}
