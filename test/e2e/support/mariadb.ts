import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Database, startDatabase } from './database-process.ts'
import { freePort } from './ports.ts'
import { temporaryFolder } from './temporary-folder.ts'

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

/**
 * Starts a MariaDB with the users `lb`, who needs no password, and `guarded`, who does; in a
 * temporary folder, on a free port.
 */
export async function startMariadb(): Promise<Database> {
  const folder = temporaryFolder()
  const port = await freePort()
  const init = join(folder, 'users.sql')
  writeFileSync(init, USERS)
  const place = [`--datadir=${join(folder, 'data')}`, `--tmpdir=${folder}`]
  const net = [`--port=${port}`, '--bind-address=127.0.0.1', '--skip-name-resolve']
  const own = [`--socket=${join(folder, 'socket')}`, `--init-file=${init}`]
  const install = ['--skip-test-db', '--auth-root-authentication-method=normal']
  return startDatabase({
    folder,
    port,
    user: 'mysql',
    install: {
      program: 'mariadb-install-db',
      args: ['--no-defaults', ...place, ...install, ...SIZES.slice(0, 2)],
    },
    serve: { program: 'mariadbd', args: ['--no-defaults', ...place, ...net, ...own, ...SIZES] },
    endSignal: 'SIGKILL',
  })
}
