import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Database, startDatabase } from './database-process.ts'
import { freePort } from './ports.ts'
import { temporaryFolder } from './temporary-folder.ts'

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

/**
 * Starts a PostgreSQL in which everybody but the role `blocked` needs no password; in a temporary
 * folder, on a free port.
 */
export async function startPostgresql(): Promise<Database> {
  const programs = postgresqlPrograms()
  if (programs === null) throw new Error('no PostgreSQL')
  const folder = temporaryFolder()
  const port = await freePort()
  const data = join(folder, 'data')
  return startDatabase({
    folder,
    port,
    user: 'postgres',
    install: {
      program: join(programs, 'initdb'),
      args: ['-D', data, '-U', 'postgres', '-A', 'trust', '--no-sync', '--no-locale'],
    },
    prepare: () => writeFileSync(join(data, 'pg_hba.conf'), ACCESS),
    serve: {
      program: join(programs, 'postgres'),
      args: ['-D', data, '-p', `${port}`, '-k', folder, '-h', '127.0.0.1', '-F'],
    },
    // With SIGQUIT it takes its children along.
    endSignal: 'SIGQUIT',
  })
}
