import type { ProbeReport, ServerReport, ServersReport } from '../operations/contract/servers.ts'
import { type Column, expectAnswer, show, table } from './command-output.ts'
import { type CliIo, type ReadOptions, readAdmin } from './daemon-connection.ts'

const COLUMNS: readonly Column[] = [
  { title: 'SERVER' },
  { title: 'ADDRESS' },
  { title: 'STATE' },
  { title: 'ADMIN' },
  { title: 'WEIGHT', isNumber: true },
  { title: 'SESSIONS', isNumber: true },
  { title: 'CHECK' },
  { title: 'SET' },
]

/**
 * `sluice server list`: the servers of a daemon, as an aligned table or as JSON.
 *
 * @throws SluiceError as `askAdmin`
 */
export async function serverList(options: ReadOptions, io: CliIo): Promise<void> {
  const answer = await readAdmin<ServersReport | null>({ path: '/api/v1/servers' }, options, io)
  expectAnswer(Array.isArray(answer?.servers), 'list of servers')
  show(answer, serverTable(answer?.servers ?? []), options, io)
}

/**
 * Servers as an aligned table. Column STATE tells how much a server gives of itself while it starts
 * slowly; column SET tells what was set at run time and is not what the config
 * says.
 */
export function serverTable(servers: readonly ServerReport[]): string {
  const rows = servers.map((server) => [
    `${server.backend}/${server.server}`,
    server.address,
    server.throttlePercent === null ? server.state : `${server.state} ${server.throttlePercent}%`,
    server.adminState,
    String(server.weight),
    String(server.sessions),
    server.check === null ? '-' : describeProbe(server.check),
    [...(server.added ? ['added'] : []), ...server.setAtRunTime].join(',') || '-',
  ])
  return table(COLUMNS, rows)
}

function describeProbe({ status, code, durationMs }: ProbeReport): string {
  if (status === 'INI') return status
  return `${status}${code === 0 ? '' : `/${code}`} in ${Math.round(durationMs)}ms`
}
