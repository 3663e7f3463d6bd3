import { isDeepStrictEqual } from 'node:util'
import type { Steps } from '../../base/work-slices.ts'
import type { BackendConfig, Config, ServerConfig } from '../../model/config.ts'

/**
 * A config in which whatever says the same as in another one is the object of that one, so that who
 * goes over to it sees by that what it need not look at.
 *
 * @param config nothing of it is changed
 */
export function* sharingWith(config: Config, other: Config): Steps<Config> {
  const known = new Map(other.backends.map((backend) => [backend.name, backend]))
  const backends: BackendConfig[] = []
  for (const backend of config.backends) {
    const before = known.get(backend.name)
    backends.push(before === undefined ? backend : sharedBackend(backend, before))
    yield
  }
  const frontends = config.frontends.map((frontend) => {
    const before = other.frontends.find(({ name }) => name === frontend.name)
    return before !== undefined && isDeepStrictEqual(frontend, before) ? before : frontend
  })
  return { ...withShared(config, other), frontends, backends }
}

/**
 * Whether two configs, of which one shares what it can with the other, differ in the servers of
 * their backends alone.
 */
export function differInServersAlone(config: Config, other: Config): boolean {
  return (
    config.global === other.global &&
    hasSameEntries(config.frontends, other.frontends) &&
    config.backends.length === other.backends.length &&
    config.backends.every((backend, i) => {
      const before = other.backends[i] as BackendConfig
      if (backend === before) return true
      const keys = Object.keys(backend) as (keyof BackendConfig)[]
      return keys.every((key) => key === 'servers' || backend[key] === before[key])
    })
  )
}

function sharedBackend(backend: BackendConfig, before: BackendConfig): BackendConfig {
  const known = new Map(before.servers.map((server) => [server.name, server]))
  const servers = backend.servers.map((server): ServerConfig => {
    const same = known.get(server.name)
    return same !== undefined && isDeepStrictEqual(server, same) ? same : server
  })
  const shared = {
    ...withShared(backend, before),
    servers: hasSameEntries(servers, before.servers) ? before.servers : servers,
  }
  const keys = Object.keys(shared) as (keyof BackendConfig)[]
  return keys.every((key) => shared[key] === before[key]) ? before : shared
}

/** The same members, those that say the same as the other's taken from there. */
function withShared<T extends object>(one: T, other: T): T {
  const entries = Object.entries(one).map(([key, value]) => {
    const before = other[key as keyof T]
    // They are long, and are gone through one by one.
    const isLong = key === 'backends' || key === 'servers'
    return [key, !isLong && isDeepStrictEqual(value, before) ? before : value]
  })
  return Object.fromEntries(entries) as T
}

function hasSameEntries(one: readonly object[], other: readonly object[]): boolean {
  return one.length === other.length && one.every((entry, i) => entry === other[i])
}
