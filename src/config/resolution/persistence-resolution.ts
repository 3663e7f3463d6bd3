import type { Mode } from '../../model/config.ts'
import type { CookieConfig, PersistenceConfig } from '../../model/persistence-config.ts'
import type { ConfigInput } from '../schema/schema.ts'

type Defaults = NonNullable<ConfigInput['defaults']>
type Backend = NonNullable<ConfigInput['backends']>[string]

/** Settles what makes clients of a backend come back to their server; null where nothing does. */
export function resolvePersistence(
  backend: Backend,
  defaults: Defaults,
  mode: Mode,
): PersistenceConfig | null {
  const cookie = mode === 'http' ? resolveCookie(backend, defaults) : null
  const stickTable = backend['stick-table'] ?? null
  const stick = stickTable === null ? [] : (backend.stick ?? [])
  if (cookie === null && stick.length === 0) return null
  return {
    cookie,
    persist: backend.option?.persist ?? defaults.option?.persist ?? false,
    forcePersist: mode === 'http' ? (backend['force-persist'] ?? []) : [],
    ignorePersist: mode === 'http' ? (backend['ignore-persist'] ?? []) : [],
    stickTable: stick.length === 0 ? null : stickTable,
    stick,
  }
}

function resolveCookie(backend: Backend, defaults: Defaults): CookieConfig | null {
  const line = backend.cookie ?? defaults.cookie
  if (line === undefined) return null
  const { dynamic, ...cookie } = line
  const secret = backend['dynamic-cookie-key'] ?? defaults['dynamic-cookie-key'] ?? null
  return { ...cookie, dynamicKey: dynamic ? secret : null }
}
