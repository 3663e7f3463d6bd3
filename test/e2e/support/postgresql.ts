import { once } from 'node:events'
import { chmodSync, existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { freePort } from './ports.ts'
import { runProgram, startProcess } from './processes.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { untilListening } from './waiting.ts'

/**
 * A PostgreSQL in which everybody but the role `blocked` needs no password. It ends when the test is
 * over.
 */
export interface Postgresql {
  /** `127.0.0.1:PORT`, for the config. */
  readonly address: string
  /** Ends it at once. */
  readonly stop: () => Promise<void>
  /** Starts it again on the same port. */
  readonly restart: () => Promise<void>
}

/** Where Debian installs the programs of each version. */
const VERSIONS = '/usr/lib/postgresql'

/** Who may log in, and how: the first line that fits counts. */
const ACCESS = `
  host all blocked 127.0.0.1/32 reject
  host all all 127.0.0.1/32 trust
`

/** The folder of the programs of PostgreSQL, or null. */
export function postgresqlPrograms(): string | null {
  const versions = existsSync(VERSIONS) ? readdirSync(VERSIONS) : []
  const folders = versions.map((version) => join(VERSIONS, version, 'bin'))
  return folders.find((folder) => existsSync(join(folder, 'initdb'))) ?? null
}

/** Makes a cluster in a temporary folder and starts it on a free port. */
export async function startPostgresql(): Promise<Postgresql> {
  const programs = postgresqlPrograms()
  if (programs === null) throw new Error('no PostgreSQL')
  const folder = temporaryFolder()
  const port = await freePort()
  const data = join(folder, 'data')
  const initdb = ['-D', data, '-U', 'postgres', '-A', 'trust', '--no-sync', '--no-locale']
  if (process.getuid?.() === 0) chmodSync(folder, 0o777)
  const [command, args] = withoutRoot(join(programs, 'initdb'), initdb)
  const { code, stdout, stderr } = await runProgram(command, args, { cwd: folder })
  if (code !== 0) throw new Error(`initdb: ${stdout}${stderr}`)
  writeFileSync(join(data, 'pg_hba.conf'), ACCESS)
  let stop = async (): Promise<void> => {}
  const start = async (): Promise<void> => {
    const settings = ['-D', data, '-p', `${port}`, '-k', folder, '-h', '127.0.0.1', '-F']
    const child = startProcess(...withoutRoot(join(programs, 'postgres'), settings), {
      cwd: folder,
      stdio: 'ignore',
    })
    const ended = once(child, 'exit')
    stop = async () => {
      // With SIGQUIT it takes its children along.
      child.kill('SIGQUIT')
      await ended
    }
    onTestFinished(stop)
    await untilListening(port)
  }
  await start()
  return { address: `127.0.0.1:${port}`, stop: () => stop(), restart: start }
}

/** PostgreSQL refuses to run as root: then it runs as the user whom its package brings. */
function withoutRoot(program: string, args: readonly string[]): [string, readonly string[]] {
  if (process.getuid?.() !== 0) return [program, args]
  const user = ['--reuid=postgres', '--regid=postgres', '--clear-groups']
  return ['setpriv', [...user, program, ...args]]
}
