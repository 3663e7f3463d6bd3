import type {
  ServerChange,
  ServerReport,
  ServersReport,
} from '../../../src/operations/contract/servers.ts'
import { ADMIN_HEADERS, type Daemon } from './daemon.ts'
import { until } from './waiting.ts'

/** Sets a server's state or weight over the API; `key` is `backend/server`. */
export function patchServer(
  daemon: Daemon,
  key: string,
  change: ServerChange,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  return fetch(`${daemon.adminUrl}/api/v1/servers/${key}`, {
    method: 'PATCH',
    headers: { ...ADMIN_HEADERS, 'content-type': 'application/json', ...headers },
    body: JSON.stringify(change),
  })
}

/** What the API tells of a server. */
export async function describeServer(daemon: Daemon, key: string): Promise<ServerReport> {
  const response = await fetch(`${daemon.adminUrl}/api/v1/servers`, { headers: ADMIN_HEADERS })
  const { servers } = (await response.json()) as ServersReport
  const found = servers.find(({ backend, server }) => `${backend}/${server}` === key)
  if (found === undefined) throw new Error(`no server ${key}`)
  return found
}

/** Waits until a server has no session any more. */
export function untilIdle(daemon: Daemon, key: string): Promise<true> {
  return until(`${key} to have no session`, async () =>
    (await describeServer(daemon, key)).sessions === 0 ? true : undefined,
  )
}
