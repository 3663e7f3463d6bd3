import { SluiceError } from '../base/errors.ts'
import type { ReadOptions } from '../operations/operated-node.ts'

/**
 * How a query asks to be answered: with what this node knows, be it old, as `stale`, `stale=true`.
 *
 * @throws SluiceError `request-invalid`
 */
export function readOptionsIn(query: URLSearchParams): ReadOptions {
  return { isStale: flagIn(query, 'stale') }
}

/**
 * A flag in a query, as `stale`, `stale=true`; false where it is not given.
 *
 * @throws SluiceError `request-invalid`
 */
export function flagIn(query: URLSearchParams, name: string): boolean {
  const value = query.get(name) ?? 'false'
  if (value === '' || value === 'true') return true
  if (value === 'false') return false
  throw new SluiceError('request-invalid', `${name} is true or false, not ${JSON.stringify(value)}`)
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
