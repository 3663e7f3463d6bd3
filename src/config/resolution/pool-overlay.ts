import { type Address, isSameAddress } from '../../base/address.ts'
import type { BackendConfig, Config, ServerConfig } from '../../model/config.ts'
import { parseAddress } from '../values/addresses.ts'

/** What was set at run time of one server; null: as the config has it. */
export interface ServerOverlay {
  readonly backend: string
  readonly server: string
  /** It is not in the config. */
  readonly isAdded: boolean
  /** As a config writes it; never null of an added server. */
  readonly address: string | null
}

/**
 * What was made of a server of a config by each entry. Both are replaced, never changed: of thousands,
 * those that are as they were need not be read again, and make the same object.
 */
const MADE = new WeakMap<ServerConfig, WeakMap<ServerOverlay, ServerConfig>>()

/**
 * A config with servers added and moved as was said at run time. What leads nowhere, such as an
 * address that cannot be read, is passed over: who sets it has it checked before.
 */
export function overlayPool(config: Config, overlay: readonly ServerOverlay[]): Config {
  const byBackend = new Map<string, ServerOverlay[]>()
  for (const entry of overlay) {
    if (entry.address === null) continue
    const entries = byBackend.get(entry.backend)
    if (entries === undefined) byBackend.set(entry.backend, [entry])
    else entries.push(entry)
  }
  if (byBackend.size === 0) return config
  const backends = config.backends.map((backend) => {
    const entries = byBackend.get(backend.name)
    return entries === undefined ? backend : overlayBackend(backend, entries)
  })
  return { ...config, backends }
}

function overlayBackend(backend: BackendConfig, entries: readonly ServerOverlay[]): BackendConfig {
  const moved = new Map(entries.map((entry) => [entry.server, entry]))
  const servers = backend.servers.map((server) => {
    const entry = moved.get(server.name)
    moved.delete(server.name)
    return entry === undefined ? server : (overlaid(entry, server) ?? server)
  })
  for (const entry of moved.values()) {
    const added = entry.isAdded ? overlaid(entry, backend.newServer) : null
    if (added !== null) servers.push(added)
  }
  return { ...backend, servers }
}

/** @returns null where its address cannot be read */
function overlaid(entry: ServerOverlay, from: ServerConfig): ServerConfig | null {
  const known = MADE.get(from)?.get(entry)
  if (known !== undefined) return known
  const address = addressOf(entry)
  if (address === null) return null
  const server = movedServer({ ...from, name: entry.server }, address)
  const made = MADE.get(from) ?? new WeakMap<ServerOverlay, ServerConfig>()
  MADE.set(from, made.set(entry, server))
  return server
}

function addressOf({ address }: ServerOverlay): Address | null {
  const parsed = address === null ? null : parseAddress(address, 'server')
  return parsed !== null && 'value' in parsed ? parsed.value : null
}

/** A server at another address: its check and its agent go along, as far as they were there too. */
function movedServer(server: ServerConfig, address: Address): ServerConfig {
  const { check, agent } = server
  return {
    ...server,
    address,
    check: check && { ...check, address: followed(check.address, server.address, address) },
    agent: agent && { ...agent, address: followed(agent.address, server.address, address) },
  }
}

/** Where something beside a server is once the server has gone from one address to another. */
function followed(beside: Address, from: Address, to: Address): Address {
  if (isSameAddress(beside, from)) return to
  const isOnHost = beside.kind === 'inet' && from.kind === 'inet' && beside.host === from.host
  return isOnHost && to.kind === 'inet' ? { ...beside, host: to.host } : beside
}
