import { once } from 'node:events'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { freePort } from './ports.ts'
import { runProgram, startProcess } from './processes.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { untilListening } from './waiting.ts'

/**
 * A MariaDB with the users `lb`, who needs no password, and `guarded`, who does. It ends when the
 * test is over.
 */
export interface Mariadb {
  /** `127.0.0.1:PORT`, for the config. */
  readonly address: string
  /** Ends it at once. */
  readonly stop: () => Promise<void>
  /** Starts it again on the same port. */
  readonly restart: () => Promise<void>
}

const USERS = `
  CREATE USER IF NOT EXISTS 'lb'@'127.0.0.1';
  CREATE USER IF NOT EXISTS 'guarded'@'127.0.0.1' IDENTIFIED BY 'secret';
`

/** What keeps it small. */
const SIZES = [
  '--innodb-buffer-pool-size=8M',
  '--innodb-log-file-size=4M',
  '--performance-schema=0',
]

/** Makes a database in a temporary folder and starts it on a free port. */
export async function startMariadb(): Promise<Mariadb> {
  const folder = temporaryFolder()
  const port = await freePort()
  const data = join(folder, 'data')
  const init = join(folder, 'users.sql')
  writeFileSync(init, USERS)
  if (process.getuid?.() === 0) chmodSync(folder, 0o777)
  const install = ['--no-defaults', `--datadir=${data}`, '--skip-test-db', `--tmpdir=${folder}`]
  const installDb = [...install, '--auth-root-authentication-method=normal', ...SIZES.slice(0, 2)]
  const [command, args] = withoutRoot('mariadb-install-db', installDb)
  const { code, stdout, stderr } = await runProgram(command, args, { cwd: folder })
  if (code !== 0) throw new Error(`mariadb-install-db: ${stdout}${stderr}`)
  let stop = async (): Promise<void> => {}
  const start = async (): Promise<void> => {
    const place = [`--datadir=${data}`, `--socket=${join(folder, 'socket')}`, `--tmpdir=${folder}`]
    const net = [`--port=${port}`, '--bind-address=127.0.0.1', '--skip-name-resolve']
    const settings = ['--no-defaults', ...place, ...net, `--init-file=${init}`, ...SIZES]
    const child = startProcess(...withoutRoot('mariadbd', settings), {
      cwd: folder,
      stdio: 'ignore',
    })
    const ended = once(child, 'exit')
    stop = async () => {
      child.kill('SIGKILL')
      await ended
    }
    onTestFinished(stop)
    await untilListening(port)
  }
  await start()
  return { address: `127.0.0.1:${port}`, stop: () => stop(), restart: start }
}

/** It refuses to run as root: then it runs as the user whom its package brings. */
function withoutRoot(program: string, args: readonly string[]): [string, readonly string[]] {
  if (process.getuid?.() !== 0) return [program, args]
  const user = ['--reuid=mysql', '--regid=mysql', '--clear-groups']
  return ['setpriv', [...user, program, ...args]]
}
