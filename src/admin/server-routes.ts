import { parseServerAddition, parseServerChange } from '../operations/inputs/server-inputs.ts'
import type { OperatedNode } from '../operations/operated-node.ts'
import {
  addServer,
  listServers,
  removeServer,
  type ServerKey,
  setServer,
  showServer,
} from '../operations/server-operations.ts'
import { readOptionsIn } from './query.ts'
import { json, listJson, NO_CONTENT, type Question, type Route } from './route.ts'

/** The paths that tell of the servers and change them. */
export function serverRoutes(node: OperatedNode): readonly Route[] {
  return [
    {
      name: '/api/v1/servers',
      path: /^\/api\/v1\/servers$/,
      GET: async ({ query }) => {
        const { servers } = await listServers(node, readOptionsIn(query))
        return listJson('servers', servers)
      },
    },
    {
      name: '/api/v1/servers/{backend}',
      path: /^\/api\/v1\/servers\/([^/]+)$/,
      POST: async (asked) => {
        const [backend = ''] = asked.parts
        return json(await addServer(node, backend, parseServerAddition(asked.body), asked), 201)
      },
    },
    {
      name: '/api/v1/servers/{backend}/{name}',
      path: /^\/api\/v1\/servers\/([^/]+)\/([^/]+)$/,
      GET: async ({ parts, query }) =>
        json(await showServer(node, serverIn(parts), readOptionsIn(query))),
      PATCH: async (asked) => {
        const change = parseServerChange(asked.body)
        return json(await setServer(node, serverIn(asked.parts), change, asked))
      },
      DELETE: async (asked) => {
        await removeServer(node, serverIn(asked.parts), asked)
        return NO_CONTENT
      },
    },
  ]
}

function serverIn([backend = '', server = '']: Question['parts']): ServerKey {
  return { backend, server }
}
