import { SluiceError } from '../base/errors.ts'
import type { EngineStatus, NodeStatus } from '../consensus/engine-status.ts'
import type { PeerBus } from '../consensus/peer-bus.ts'
import type { Alarm } from './alarms.ts'
import type { ClusterNodeStatus, ClusterStatus } from './cluster.ts'
import { decodeReport, encodeMessage, type NodeReport } from './peer-requests.ts'
import type { ClusterState } from './state-machine/state.ts'

/** A node that says nothing of itself by then is shown without it. */
const STATUS_TIMEOUT_MS = 500

interface Answer {
  readonly isReachable: boolean
  readonly report: NodeReport | null
}

const SILENCE: Answer = { isReachable: false, report: null }

/**
 * The cluster as this node sees it. Every other node is asked for what it says of itself, all at
 * once; it needs no quorum.
 *
 * @param status the engine's
 * @param peers null: no other node can be asked
 * @param own what this node says of itself
 * @param state as this node has applied it
 */
export async function clusterStatus(
  status: EngineStatus,
  peers: PeerBus | null,
  own: NodeReport,
  state: Pick<ClusterState, 'activeVersion' | 'format'>,
): Promise<ClusterStatus> {
  const nodes = withSelf(status)
  const answers = await Promise.all(
    nodes.map(async (node): Promise<Answer> => {
      return node.name === status.name ? { isReachable: true, report: own } : ask(peers, node)
    }),
  )
  const leader = nodes.findIndex(({ name }) => name === status.leader)
  const leaderIndex = answers[leader]?.report?.lastIndex ?? null
  return {
    engine: status.engine,
    clusterId: status.clusterId,
    node: status.name,
    leader: status.leader,
    epoch: status.epoch,
    hasQuorum: status.hasQuorum,
    missing: nodes.filter((node, n) => isMissing(status, node, answers[n])).map(({ name }) => name),
    configVersion: state.activeVersion,
    format: state.format,
    alarms: alarmsOf([own, ...answers.map(({ report }) => report)]),
    nodes: nodes.map((node, n) => describe(node, answers[n] ?? SILENCE, leaderIndex)),
  }
}

/** Whether a node that agreement needs, now or to begin with, is not reached. */
function isMissing(
  { clusterId }: EngineStatus,
  { membership, isReachable }: NodeStatus,
  answer: Answer | undefined,
): boolean {
  if (clusterId === null) return isReachable === false
  if (membership !== 'voter') return false
  // One that takes no part any more, as for a disk that has failed, answers this and no election.
  return answer?.isReachable !== true || answer.report?.role === 'outsider'
}

/** What several nodes raise the same alarm for is told once, as the first of them says it. */
function alarmsOf(reports: readonly (NodeReport | null)[]): readonly Alarm[] {
  const byKind = new Map<string, Alarm>()
  for (const alarm of reports.flatMap((report) => report?.alarms ?? [])) {
    const kind = `${alarm.code} ${alarm.node}`
    if (!byKind.has(kind)) byKind.set(kind, alarm)
  }
  return [...byKind.values()]
}

/** An outsider is in nobody's list. */
function withSelf({ nodes, name, id }: EngineStatus): readonly NodeStatus[] {
  if (nodes.some((node) => node.name === name)) return nodes
  const self: NodeStatus = {
    name,
    id,
    address: '',
    membership: 'learner',
    isReachable: true,
    matchIndex: null,
  }
  return [self, ...nodes]
}

/** An answer that cannot be read, and a refusal, are answers too: of another version. */
async function ask(peers: PeerBus | null, { name, membership }: NodeStatus): Promise<Answer> {
  if (peers === null || membership === 'invited') return SILENCE
  try {
    const answer = await peers.ask(name, 'status', encodeMessage({}), STATUS_TIMEOUT_MS)
    return { isReachable: true, report: decodeReport(answer) }
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error
    const isThere = error.code === 'peer-refused' || error.code === 'overloaded'
    return { isReachable: isThere, report: null }
  }
}

function describe(
  { name, address, membership }: NodeStatus,
  { isReachable, report }: Answer,
  leaderIndex: number | null,
): ClusterNodeStatus {
  if (report === null) {
    return {
      name,
      address,
      role: membership === 'voter' ? 'unknown' : membership,
      isReachable,
      epoch: null,
      appliedIndex: null,
      lagEntries: null,
      configVersion: null,
      formatMin: null,
      formatMax: null,
      configHash: null,
      stateHash: null,
      uptimeSeconds: null,
      note: '',
    }
  }
  const { role, epoch, appliedIndex, configVersion, configHash, stateHash, uptimeSeconds, note } =
    report
  const { formatMin, format: formatMax } = report
  return {
    name,
    address,
    role,
    isReachable,
    epoch,
    appliedIndex,
    lagEntries: leaderIndex === null ? null : Math.max(leaderIndex - appliedIndex, 0),
    configVersion,
    formatMin,
    formatMax,
    configHash,
    stateHash,
    uptimeSeconds,
    note,
  }
}
