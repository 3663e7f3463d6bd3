import type { ClusterState } from '../cluster/state-machine/state.ts'
import type { OperatedNode, ReadOptions } from './operated-node.ts'

/** What the cluster agrees on, as {@link ReadOptions} say. */
export async function agreedState(
  { cluster }: OperatedNode,
  { isStale }: ReadOptions,
): Promise<ClusterState> {
  if (!isStale) await cluster.read()
  return cluster.state()
}
