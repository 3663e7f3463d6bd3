import { SluiceError } from '../base/errors.ts'
import type {
  AlarmReport,
  ClusterNodeReport,
  ClusterReport,
  Member,
  Transfer,
} from '../operations/contract/cluster.ts'
import { type Column, cell, expectAnswer, show, table } from './command-output.ts'
import { askAdmin, type CliIo, type ConnectionOptions } from './daemon-connection.ts'

const NODE_COLUMNS: readonly Column[] = [
  { title: 'NODE' },
  { title: 'ADDRESS' },
  { title: 'ROLE' },
  { title: 'REACHED' },
  { title: 'EPOCH', isNumber: true },
  { title: 'APPLIED', isNumber: true },
  { title: 'LAG', isNumber: true },
  { title: 'CONFIG', isNumber: true },
  { title: 'UPTIME', isNumber: true },
  { title: 'NOTE' },
]

/** Options of `sluice cluster remove`. */
export interface ClusterRemoveOptions extends ConnectionOptions {
  /** `--force`: also where the voters that are left have no majority that answers. */
  readonly force?: boolean | undefined
}

/**
 * `sluice cluster status`: the cluster as the asked node sees it, with or without a quorum.
 *
 * @throws SluiceError as {@link askAdmin}; `no-quorum` once it has been shown, where there is none
 */
export async function clusterStatus(options: ConnectionOptions, io: CliIo): Promise<void> {
  const cluster = await askAdmin<ClusterReport | null>({ path: '/api/v1/cluster' }, options, io)
  expectAnswer(Array.isArray(cluster?.nodes), 'list of nodes')
  show(cluster, cluster === null ? '' : statusText(cluster), options, io)
  if (cluster?.hasQuorum === false) throw new SluiceError('no-quorum', quorumLackText(cluster))
}

/**
 * `sluice cluster add`: lets a node join the cluster.
 *
 * @param address of its peer links
 * @throws SluiceError as {@link askAdmin}
 */
export async function clusterAdd(
  name: string,
  address: string,
  options: ConnectionOptions,
  io: CliIo,
): Promise<void> {
  const body: Member = { name, address }
  const asked = { method: 'POST', path: '/api/v1/cluster/nodes', body } as const
  const answer = await askAdmin<Member | null>(asked, options, io)
  show(answer, `${name} may join: start it, and see sluice cluster status\n`, options, io)
}

/**
 * `sluice cluster remove`: takes a node out of the cluster, running or not.
 *
 * @throws SluiceError as {@link askAdmin}
 */
export async function clusterRemove(
  name: string,
  options: ClusterRemoveOptions,
  io: CliIo,
): Promise<void> {
  const path = `/api/v1/cluster/nodes/${encodeURIComponent(name)}`
  const query = { force: options.force === true ? 'true' : undefined }
  const answer = await askAdmin<unknown>({ method: 'DELETE', path, query }, options, io)
  show(answer, `${name} is removed\n`, options, io)
}

/**
 * `sluice cluster transfer`: hands the leadership over.
 *
 * @param name of the node that is to lead
 * @throws SluiceError as {@link askAdmin}
 */
export async function clusterTransfer(
  name: string,
  options: ConnectionOptions,
  io: CliIo,
): Promise<void> {
  const body: Transfer = { node: name }
  const asked = { method: 'POST', path: '/api/v1/cluster/transfer', body } as const
  const answer = await askAdmin<Transfer | null>(asked, options, io)
  show(answer, `${name} leads\n`, options, io)
}

function statusText(cluster: ClusterReport): string {
  const leader = cluster.leader === null ? 'no leader' : `leader ${cluster.leader}`
  const quorum = cluster.hasQuorum ? '' : ', NO QUORUM'
  const head = `${cluster.engine}: ${leader}, epoch ${cluster.epoch}${quorum}; config version ${cluster.configVersion}; ${formatText(cluster)}\n`
  return (
    head + table(NODE_COLUMNS, cluster.nodes.map(nodeRow)) + cluster.alarms.map(alarmText).join('')
  )
}

/** Which format is agreed in and, where some nodes know a newer one, who does not yet. */
function formatText({ format, nodes }: ClusterReport): string {
  const newest = Math.max(format, ...nodes.map(({ formatMax }) => formatMax ?? format))
  const waiting = nodes.filter(({ role, formatMax }) => {
    return role !== 'invited' && (formatMax ?? format) < newest
  })
  const names = waiting.map(({ name }) => name).join(', ')
  return names === '' ? `format ${format}` : `format ${format}, ${newest} waits for ${names}`
}

function alarmText({ code, node, since, message, hint }: AlarmReport): string {
  return `ALARM ${code} ${cell(node)} since ${since}: ${cell(message)}\n      ${hint}\n`
}

function quorumLackText({ node, missing }: ClusterReport): string {
  if (missing.length === 0) return `${node} knows no leader`
  return `${node} knows no leader, and does not reach ${missing.join(', ')}`
}

function nodeRow(node: ClusterNodeReport): string[] {
  return [
    node.name,
    node.address,
    node.role,
    node.reachable ? 'yes' : 'no',
    numberCell(node.epoch),
    numberCell(node.appliedIndex),
    numberCell(node.lagEntries),
    numberCell(node.configVersion),
    node.uptimeSeconds === null ? '-' : `${Math.floor(node.uptimeSeconds)}s`,
    cell(node.note),
  ]
}

function numberCell(value: number | null): string {
  return value === null ? '-' : String(value)
}
