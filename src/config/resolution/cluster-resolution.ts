import type { Address } from '../../base/address.ts'
import { formatAddress } from '../../base/address.ts'
import type { ClusterConfig } from '../../model/cluster-config.ts'
import type { ConfigInput } from '../schema/schema.ts'
import type { Cursor } from '../text/tree.ts'
import { DEFAULT_CLUSTER } from '../values/default-values.ts'

/**
 * Settles section `cluster`. That the node is one of the peers, and these no Unix sockets,
 * cluster-validation.ts has seen to.
 *
 * @param at the section in the tree, which keeps the order of the peers
 */
export function resolveCluster(
  cluster: NonNullable<ConfigInput['cluster']>,
  at: Cursor,
): ClusterConfig {
  const { node, tls } = cluster
  const names = at.at('peers').values()
  return {
    node,
    engine: cluster.engine ?? DEFAULT_CLUSTER.engine,
    bind: cluster.bind ?? (cluster.peers[node] as Address),
    peers: names.map(({ name }) => {
      return { name, address: formatAddress(cluster.peers[name] as Address) }
    }),
    dataDir: cluster['data-dir'],
    secretFile: cluster['secret-file'] ?? null,
    tls: tls === undefined ? null : { caFile: tls.ca, crtFile: tls.crt, keyFile: tls.key },
    heartbeatIntervalMs: cluster['heartbeat-interval'] ?? DEFAULT_CLUSTER.heartbeatIntervalMs,
    electionTimeoutMs: cluster['election-timeout'] ?? DEFAULT_CLUSTER.electionTimeoutMs,
    reads: cluster.reads ?? DEFAULT_CLUSTER.reads,
    rejoinAfterLoss: cluster['rejoin-after-loss'] ?? DEFAULT_CLUSTER.rejoinAfterLoss,
  }
}
