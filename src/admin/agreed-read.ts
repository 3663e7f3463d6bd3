import { SluiceError } from '../base/errors.ts'
import type { Cluster } from '../cluster/cluster.ts'
import type { Handler } from './route.ts'

/**
 * A read of what the cluster agrees on: it tells everything that any node had acknowledged before it
 * was asked, so that nobody misses their own change on another node. With `?stale` it tells what
 * this node knows, which needs no quorum.
 */
export function agreedRead(cluster: Cluster, handler: Handler): Handler {
  return async (question) => {
    if (!isStale(question.query)) await cluster.read()
    return handler(question)
  }
}

/**
 * Whether a query asks for what this node knows, be it old: `stale`, `stale=true`.
 *
 * @throws SluiceError `request-invalid`
 */
export function isStale(query: URLSearchParams): boolean {
  const stale = query.get('stale') ?? 'false'
  if (stale === '' || stale === 'true') return true
  if (stale === 'false') return false
  throw new SluiceError('request-invalid', `stale is true or false, not ${JSON.stringify(stale)}`)
}
