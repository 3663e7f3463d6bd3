import type { AdminLevel } from '../model/admin-level.ts'

/** Methods that a path can have a handler for; HEAD is GET without the body. */
export const METHODS = ['GET', 'POST', 'PATCH', 'DELETE'] as const

/** One of {@link METHODS}. */
export type Method = (typeof METHODS)[number]

/**
 * What a request over TCP takes: a token of this level; `open`: nothing; `scrape`: nothing where
 * only this host can connect, elsewhere a token of level `read`.
 */
export type Access = AdminLevel | 'open' | 'scrape'

/** What there is, by the name of its path, and what each method of it takes. */
export const ACCESS = {
  // Probes of orchestrators bring no token, and these tell no secret.
  '/healthz': { GET: 'open' },
  '/readyz': { GET: 'open' },
  '/metrics': { GET: 'scrape' },
  '/stats;csv': { GET: 'read' },
  '/api/v1/': { GET: 'read' },
  '/api/v1/info': { GET: 'read' },
  '/api/v1/servers': { GET: 'read' },
  '/api/v1/servers/{backend}': { POST: 'operate' },
  '/api/v1/servers/{backend}/{name}': { GET: 'read', PATCH: 'operate', DELETE: 'operate' },
  '/api/v1/config': { GET: 'read', POST: 'admin' },
  '/api/v1/config/text': { GET: 'read' },
  '/api/v1/config/versions': { GET: 'read' },
  '/api/v1/config/versions/{version}': { GET: 'read' },
  '/api/v1/config/diff': { GET: 'read' },
  '/api/v1/config/confirm': { POST: 'operate' },
  '/api/v1/config/rollback': { POST: 'admin' },
  '/api/v1/certificates': { GET: 'read' },
  '/api/v1/certificates/reload': { POST: 'operate' },
  '/api/v1/cluster': { GET: 'read' },
  // Texts as they were written, where reading them one by one leaves out what is secret.
  '/api/v1/cluster/backup': { GET: 'admin' },
  '/api/v1/cluster/nodes': { POST: 'admin' },
  '/api/v1/cluster/nodes/{name}': { DELETE: 'admin' },
  '/api/v1/cluster/transfer': { POST: 'operate' },
} as const satisfies Readonly<Record<string, Partial<Readonly<Record<Method, Access>>>>>

/** The name of a path. */
export type RouteName = keyof typeof ACCESS

/** What a request takes. What is not there shows itself to whoever may read. */
export function accessTo(route: RouteName | undefined, method: Method | undefined): Access {
  if (route === undefined || method === undefined) return 'read'
  const byMethod: Partial<Readonly<Record<Method, Access>>> = ACCESS[route]
  return byMethod[method] ?? 'read'
}
