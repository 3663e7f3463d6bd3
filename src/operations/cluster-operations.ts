import { ALARM_HINTS } from '../cluster/alarms.ts'
import type { ClusterStatus } from '../cluster/cluster.ts'
import type { ClusterReport, Member, Removal, Transfer } from './contract/cluster.ts'
import type { OperatedNode, ReadOptions } from './operated-node.ts'

/** The cluster as this node sees it, with or without a quorum. */
export async function showCluster({ cluster }: OperatedNode): Promise<ClusterReport> {
  return describe(await cluster.status())
}

/**
 * All that the cluster has agreed on, as a file to be kept.
 *
 * @throws SluiceError `no-quorum`
 */
export async function backUpCluster(
  { cluster }: OperatedNode,
  { isStale }: ReadOptions,
): Promise<string> {
  return Buffer.from(await cluster.backUp(isStale)).toString()
}

/**
 * Lets a node join.
 *
 * @throws SluiceError `cluster-absent`, `member-exists`
 */
export async function addNode({ cluster }: OperatedNode, member: Member): Promise<Member> {
  await cluster.addNode(member.name, member.address)
  return member
}

/**
 * Takes a node out, running or not.
 *
 * @throws SluiceError `cluster-absent`, `member-unknown`, `member-last`, `quorum-at-risk`
 */
export async function removeNode({ cluster }: OperatedNode, removal: Removal): Promise<void> {
  const { name, isForced } = removal
  await cluster.removeNode(name, { isForced })
}

/**
 * Hands the leadership over.
 *
 * @throws SluiceError `cluster-absent`, `member-unknown`, `transfer-failed`
 */
export async function transferLeadership(
  { cluster }: OperatedNode,
  transfer: Transfer,
): Promise<Transfer> {
  await cluster.transfer(transfer.node)
  return transfer
}

function describe({ nodes, ...status }: ClusterStatus): ClusterReport {
  return {
    engine: status.engine,
    clusterId: status.clusterId,
    node: status.node,
    leader: status.leader,
    epoch: status.epoch,
    hasQuorum: status.hasQuorum,
    missing: status.missing,
    configVersion: status.configVersion,
    format: status.format,
    alarms: status.alarms.map(({ code, node, sinceMs, message }) => {
      const since = new Date(sinceMs).toISOString()
      return { code, node, since, message, hint: ALARM_HINTS[code] }
    }),
    nodes: nodes.map(({ isReachable, ...node }) => ({
      name: node.name,
      address: node.address,
      role: node.role,
      reachable: isReachable,
      epoch: node.epoch,
      appliedIndex: node.appliedIndex,
      lagEntries: node.lagEntries,
      configVersion: node.configVersion,
      formatMin: node.formatMin,
      formatMax: node.formatMax,
      configHash: node.configHash,
      stateHash: node.stateHash,
      uptimeSeconds: node.uptimeSeconds,
      note: node.note,
    })),
  }
}
