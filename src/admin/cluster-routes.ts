import {
  addNode,
  backUpCluster,
  removeNode,
  showCluster,
  transferLeadership,
} from '../operations/cluster-operations.ts'
import { parseMember, parseTransfer } from '../operations/inputs/member-inputs.ts'
import type { OperatedNode } from '../operations/operated-node.ts'
import { flagIn, readOptionsIn } from './query.ts'
import { json, NO_CONTENT, type Route, text } from './route.ts'

/** The paths that tell of the cluster's nodes and change them. */
export function clusterRoutes(node: OperatedNode): readonly Route[] {
  return [
    {
      name: '/api/v1/cluster',
      path: /^\/api\/v1\/cluster$/,
      GET: async () => json(await showCluster(node)),
    },
    {
      name: '/api/v1/cluster/backup',
      path: /^\/api\/v1\/cluster\/backup$/,
      GET: async ({ query }) => text(await backUpCluster(node, readOptionsIn(query))),
    },
    {
      name: '/api/v1/cluster/nodes',
      path: /^\/api\/v1\/cluster\/nodes$/,
      POST: async ({ body }) => json(await addNode(node, parseMember(body)), 201),
    },
    {
      name: '/api/v1/cluster/nodes/{name}',
      path: /^\/api\/v1\/cluster\/nodes\/([^/]+)$/,
      DELETE: async ({ parts: [name = ''], query }) => {
        await removeNode(node, { name, isForced: flagIn(query, 'force') })
        return NO_CONTENT
      },
    },
    {
      name: '/api/v1/cluster/transfer',
      path: /^\/api\/v1\/cluster\/transfer$/,
      POST: async ({ body }) => json(await transferLeadership(node, parseTransfer(body))),
    },
  ]
}
