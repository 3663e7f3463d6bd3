import { SluiceError } from '../base/errors.ts'
import type { ReadOptions } from '../operations/operated-node.ts'

/**
 * How a query asks to be answered: with what this node knows, be it old, as `stale`, `stale=true`.
 *
 * @throws SluiceError `request-invalid`
 */
export function readOptionsIn(query: URLSearchParams): ReadOptions {
  const stale = query.get('stale') ?? 'false'
  if (stale === '' || stale === 'true') return { isStale: true }
  if (stale === 'false') return { isStale: false }
  throw new SluiceError('request-invalid', `stale is true or false, not ${JSON.stringify(stale)}`)
}

/**
 * The number of a version in a query.
 *
 * @returns null where it is not given
 * @throws SluiceError `request-invalid`
 */
export function versionIn(query: URLSearchParams, name: string): number | null {
  const digits = query.get(name)
  if (digits === null) return null
  if (/^\d{1,15}$/.test(digits)) return Number(digits)
  throw new SluiceError('request-invalid', `${name} is the number of a version, not ${digits}`)
}
