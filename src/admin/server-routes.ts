import { SluiceError } from '../base/errors.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { type AdminLevel, reachesLevel } from '../model/admin-level.ts'
import type { ApiServer, ApiServers } from '../operations/contract/api-contract.ts'
import { parseServerAddition, parseServerChange } from '../operations/inputs/server-inputs.ts'
import { agreedRead, isStale } from './agreed-read.ts'
import { json, NO_CONTENT, type Question, type Route } from './route.ts'

/** The servers as this node runs them. */
export interface ServerSource {
  servers(): ApiServers
  /** @throws SluiceError `server-unknown` */
  server(backend: string, name: string): ApiServer
  /**
   * Resolves when this node runs what it has applied of the cluster's state, or has failed to, or
   * takes too long: then {@link servers} shows it.
   */
  caughtUp(): Promise<void>
}

/** The paths that tell of the servers and change them. */
export function serverRoutes(source: ServerSource, cluster: Cluster): readonly Route[] {
  const changed = async (backend: string, name: string): Promise<ApiServer> => {
    await source.caughtUp()
    try {
      return source.server(backend, name)
    } catch (error) {
      const message = `${backend}/${name} was changed, and this node does not run it yet`
      throw new SluiceError('outcome-unknown', message, error)
    }
  }
  return [
    {
      name: '/api/v1/servers',
      path: /^\/api\/v1\/servers$/,
      GET: agreedRead(cluster, async ({ query }) => {
        if (!isStale(query)) await source.caughtUp()
        return json(source.servers())
      }),
    },
    {
      name: '/api/v1/servers/{backend}',
      path: /^\/api\/v1\/servers\/([^/]+)$/,
      POST: async ({ parts: [backend = ''], body, level }) => {
        const { name, address, weight = null } = parseServerAddition(body)
        checkMayReach(address, level)
        await cluster.addServer(backend, name, address, weight)
        return json(await changed(backend, name), 201)
      },
    },
    {
      name: '/api/v1/servers/{backend}/{name}',
      path: /^\/api\/v1\/servers\/([^/]+)\/([^/]+)$/,
      GET: agreedRead(cluster, async ({ parts, query }) => {
        if (!isStale(query)) await source.caughtUp()
        return json(source.server(...serverIn(parts)))
      }),
      PATCH: async ({ parts, body, level }) => {
        const [backend, name] = serverIn(parts)
        const change = parseServerChange(body)
        checkMayReach(change.address, level)
        await cluster.setServer(backend, name, change)
        return json(await changed(backend, name))
      },
      DELETE: async ({ parts }) => {
        await cluster.removeServer(...serverIn(parts))
        return NO_CONTENT
      },
    },
  ]
}

/**
 * A socket of this host, such as that of a container engine, may give who is led there more rights
 * than an operator of the balancer has.
 *
 * @throws SluiceError `level-too-low`
 */
function checkMayReach(address: string | undefined, level: AdminLevel): void {
  if (address === undefined || reachesLevel(level, 'admin') || !/^(unix@)?\//.test(address)) return
  throw new SluiceError('level-too-low', 'the Unix socket of a server takes level admin')
}

function serverIn([backend = '', name = '']: Question['parts']): [string, string] {
  return [backend, name]
}
