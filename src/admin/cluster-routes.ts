import type { Cluster, ClusterStatus } from '../cluster/cluster.ts'
import type { ApiCluster, ApiTransfer } from '../operations/contract/api-contract.ts'
import { parseMember, parseTransfer } from '../operations/inputs/member-inputs.ts'
import { json, NO_CONTENT, type Route } from './route.ts'

/** The paths that tell of the cluster's nodes and change them. */
export function clusterRoutes(cluster: Cluster): readonly Route[] {
  return [
    {
      name: '/api/v1/cluster',
      path: /^\/api\/v1\/cluster$/,
      GET: async () => json(describeCluster(await cluster.status())),
    },
    {
      name: '/api/v1/cluster/nodes',
      path: /^\/api\/v1\/cluster\/nodes$/,
      POST: async ({ body }) => {
        const member = parseMember(body)
        await cluster.addNode(member.name, member.address)
        return json(member, 201)
      },
    },
    {
      name: '/api/v1/cluster/nodes/{name}',
      path: /^\/api\/v1\/cluster\/nodes\/([^/]+)$/,
      DELETE: async ({ parts: [name = ''] }) => {
        await cluster.removeNode(name)
        return NO_CONTENT
      },
    },
    {
      name: '/api/v1/cluster/transfer',
      path: /^\/api\/v1\/cluster\/transfer$/,
      POST: async ({ body }) => {
        const { node } = parseTransfer(body)
        await cluster.transfer(node)
        return json({ node } satisfies ApiTransfer)
      },
    },
  ]
}

function describeCluster({ nodes, ...status }: ClusterStatus): ApiCluster {
  return {
    engine: status.engine,
    clusterId: status.clusterId,
    node: status.node,
    leader: status.leader,
    epoch: status.epoch,
    hasQuorum: status.hasQuorum,
    configVersion: status.configVersion,
    nodes: nodes.map(({ isReachable, ...node }) => ({
      name: node.name,
      address: node.address,
      role: node.role,
      reachable: isReachable,
      epoch: node.epoch,
      appliedIndex: node.appliedIndex,
      lagEntries: node.lagEntries,
      configVersion: node.configVersion,
      configHash: node.configHash,
      stateHash: node.stateHash,
      uptimeSeconds: node.uptimeSeconds,
      note: node.note,
    })),
  }
}
