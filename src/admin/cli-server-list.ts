import { SluiceError } from '../errors.ts'
import type { ApiCheck, ApiServer, ApiServers } from './api-contract.ts'
import { askAdmin, type CliIo, type ConnectionOptions } from './cli-connection.ts'

/** The columns, and whether they are numbers, which are aligned to the right. */
const COLUMNS = [
  { title: 'SERVER', isNumber: false },
  { title: 'ADDRESS', isNumber: false },
  { title: 'STATE', isNumber: false },
  { title: 'ADMIN', isNumber: false },
  { title: 'WEIGHT', isNumber: true },
  { title: 'SESSIONS', isNumber: true },
  { title: 'CHECK', isNumber: false },
  { title: 'SET', isNumber: false },
] as const

/**
 * `sluice server list`: the servers of a daemon, as an aligned table or as JSON.
 *
 * @throws SluiceError as {@link askAdmin}
 */
export async function serverList(options: ConnectionOptions, io: CliIo): Promise<void> {
  const answer = await askAdmin<ApiServers | null>({ path: '/api/v1/servers' }, options, io)
  if (!Array.isArray(answer?.servers)) {
    throw new SluiceError('admin-refused', 'the answer holds no list of servers')
  }
  if (options.json === true) {
    io.write(`${JSON.stringify(answer, null, 2)}\n`)
    return
  }
  io.write(serverTable(answer.servers))
}

/**
 * Servers as an aligned table. Column SET tells what was set at run time and is not what the config
 * says.
 */
export function serverTable(servers: readonly ApiServer[]): string {
  const rows = servers.map((server) => [
    `${server.backend}/${server.server}`,
    server.address,
    server.state,
    server.adminState,
    String(server.weight),
    String(server.sessions),
    server.check === null ? '-' : describeCheck(server.check),
    server.setAtRunTime.join(',') || '-',
  ])
  return table([COLUMNS.map(({ title }) => title), ...rows])
}

function describeCheck({ status, code, durationMs }: ApiCheck): string {
  if (status === 'INI') return status
  return `${status}${code === 0 ? '' : `/${code}`} in ${Math.round(durationMs)}ms`
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = COLUMNS.map((_, column) =>
    rows.reduce((width, row) => Math.max(width, row[column]?.length ?? 0), 0),
  )
  const lines = rows.map((row) =>
    COLUMNS.map(({ isNumber }, column) => {
      const cell = row[column] ?? ''
      const width = widths[column] ?? 0
      return isNumber ? cell.padStart(width) : cell.padEnd(width)
    })
      .join('  ')
      .trimEnd(),
  )
  return `${lines.join('\n')}\n`
}
