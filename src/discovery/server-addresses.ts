import { isIP } from 'node:net'
import type { Address } from '../base/address.ts'
import { SluiceError } from '../base/errors.ts'
import { settlesWithin } from '../base/time-limit.ts'
import type { BackendConfig, Config, InitAddress, ServerConfig } from '../model/config.ts'
import type { NameResolution } from './name-resolution.ts'

/**
 * How long a config waits for look-ups that it can do without: a resolver that does not answer
 * takes its time (resolv.conf(5): twice five seconds for each server), and a cluster waits as long
 * as this for all nodes and more.
 */
const LOOKUP_WAIT_MS = 2_000

/** Where the data plane and the checks find a server. */
export type ServerPlaces = Pick<ServerConfig, 'address' | 'check' | 'agent'>

/** Whether a planned address is still a host name: nothing was found for it. */
export function isUnresolved(address: Address): boolean {
  return address.kind === 'inet' && isIP(address.host) === 0
}

/** The host names of all servers, their checks and their agents. */
export function hostNamesOf({ backends }: Pick<Config, 'backends'>): ReadonlySet<string> {
  return new Set(backends.flatMap((backend) => namesIn(backend)))
}

/** A change looks at all backends several times, and hardly any of them names a host. */
const NAMES = new WeakMap<BackendConfig, readonly string[]>()

function namesIn(backend: BackendConfig): readonly string[] {
  const known = NAMES.get(backend)
  if (known !== undefined) return known
  const names: string[] = []
  const look = (place: Address | undefined): void => {
    if (place?.kind === 'inet' && isUnresolved(place)) names.push(place.host)
  }
  for (const { address, check, agent } of backend.servers) {
    look(address)
    look(check?.address)
    look(agent?.address)
  }
  NAMES.set(backend, names)
  return names
}

/**
 * Looks up the host names of a config: those that a server cannot begin without (its `init-addr`
 * has no other way) as long as it takes, the others for a moment. {@link placesOf} says then what
 * was found.
 *
 * @param known names that are not looked up again
 */
export async function lookUpServers(
  config: Config,
  names: NameResolution,
  known: ReadonlySet<string> = new Set(),
): Promise<void> {
  const backends = config.backends.filter((backend) => namesIn(backend).length > 0)
  const servers = backends.flatMap(({ servers }) => servers)
  const needed = new Set<string>()
  for (const { address, initAddress } of servers) {
    if (address.kind !== 'inet' || !isUnresolved(address) || known.has(address.host)) continue
    if (withoutLookup(address.host, initAddress, names) === null) needed.add(address.host)
  }
  const wanted = [...hostNamesOf(config)].filter((name) => !known.has(name))
  const all = names.lookUp(wanted)
  await Promise.all([names.lookUp(needed), settlesWithin(all, LOOKUP_WAIT_MS)])
}

/**
 * Where a server is to be found, with the host names replaced that have an address: its own by
 * `init-addr`, until a look-up has found one. A host name that is left has none yet.
 *
 * @throws SluiceError `host-unresolved`
 */
export function placesOf(server: ServerConfig, names: NameResolution): ServerPlaces {
  const { address, check, agent, initAddress } = server
  const own = addressOf(address, initAddress, names)
  const beside = (place: Address): Address => {
    if (place.kind !== 'inet' || !isUnresolved(place)) return place
    if (address.kind === 'inet' && own.kind === 'inet' && place.host === address.host) {
      return { ...place, host: own.host }
    }
    return { ...place, host: names.last(place.host) ?? place.host }
  }
  return {
    address: own,
    check: check && { ...check, address: beside(check.address) },
    agent: agent && { ...agent, address: beside(agent.address) },
  }
}

function addressOf(
  address: Address,
  methods: readonly InitAddress[],
  names: NameResolution,
): Address {
  if (address.kind !== 'inet' || !isUnresolved(address)) return address
  const host = names.found(address.host) ?? withoutLookup(address.host, methods, names)
  if (host !== null) return { ...address, host }
  throw new SluiceError('host-unresolved', `the host name ${address.host} cannot be resolved`)
}

/** What a name begins with where no look-up has found anything; null: with nothing else. */
function withoutLookup(
  name: string,
  methods: readonly InitAddress[],
  names: NameResolution,
): string | null {
  for (const method of methods) {
    const host = method === 'last' ? names.last(name) : method === 'none' ? name : null
    if (host !== null) return host
    if (typeof method === 'object') return method.host
  }
  return null
}
