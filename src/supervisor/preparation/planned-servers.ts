import { type Address, isSameAddress } from '../../base/address.ts'
import { assert } from '../../base/errors.ts'
import { hostNamesOf, placesOf } from '../../discovery/server-addresses.ts'
import type { BackendConfig, Config, ServerConfig } from '../../model/config.ts'
import type { Plan, PlannedBackend, PlannedServer } from '../../model/plan.ts'
import type {
  BackendServersChange,
  PlacedServer,
  ServersChange,
} from '../../model/servers-change.ts'
import { grantedBudget } from './descriptor-limit.ts'
import { type Gathered, gather } from './gathering.ts'
import { refusal } from './lacks.ts'
import type { Lasting, Prepared } from './preparation.ts'
import { OutgoingTlsPlans } from './server-tls/outgoing-tls-plans.ts'

/** What is to run, and what leads to it from what runs. */
export interface PreparedChange {
  readonly prepared: Prepared
  readonly change: ServersChange
}

/**
 * Prepares a config that differs from the one that runs in the servers of its backends alone. Only
 * what is new of these is looked at: a server that is the same object stays as it was planned.
 * Nothing that runs is touched.
 *
 * @returns null where nothing changes for the workers and the checks
 * @throws SluiceError what this host lacks for the servers that are new, such as `host-unresolved`;
 *   `table-full`
 */
export async function prepareServers(
  config: Config,
  lasting: Lasting,
  previous: Prepared,
): Promise<PreparedChange | null> {
  const part = { ...config, frontends: [], backends: newServersIn(config, previous.config) }
  const { names } = lasting
  const { gathered: more, lacks } = await gather(part, names, previous.gathered, previous.gathered)
  if (lacks.length > 0) throw refusal(lacks)
  const gathered = { ...more, names: hostNamesOf(config) }
  return changeTo(config, gathered, lasting, previous)
}

/**
 * The same config with the addresses that host names have by now.
 *
 * @returns null where that changes nothing
 */
export function readdress(previous: Prepared, lasting: Lasting): PreparedChange | null {
  return changeTo(previous.config, previous.gathered, lasting, previous)
}

function changeTo(
  config: Config,
  gathered: Gathered,
  lasting: Lasting,
  previous: Prepared,
): PreparedChange | null {
  const { plan: before } = previous
  const outgoing = new OutgoingTlsPlans(gathered, before)
  const backends = config.backends.map((backend, i) => {
    const planned = before.backends[i]
    const known = previous.config.backends[i]
    assert(planned?.name === backend.name && known !== undefined, 'a backend came or went')
    if (backend === known && hostNamesOf({ backends: [backend] }).size === 0) return planned
    return backendPlanOf(backend, known, planned, lasting, outgoing)
  })
  const changes = backends.flatMap((backend, i) => {
    const planned = before.backends[i] as PlannedBackend
    return backend === planned ? [] : (changeOf(planned, backend) ?? [])
  })
  if (changes.length === 0) return null
  const descriptors = grantedBudget(config)
  const plan: Plan = {
    ...before,
    serial: before.serial + 1,
    maxconn: descriptors.connectionsMax,
    trafficNumbersMax: descriptors.trafficNumbersMax,
    backends,
  }
  const { serial, maxconn, trafficNumbersMax } = plan
  return {
    prepared: { ...previous, config, gathered, descriptors, plan },
    change: { serial, maxconn, trafficNumbersMax, backends: changes },
  }
}

/** The backends with the servers alone that have not run so far. */
function newServersIn({ backends }: Config, previous: Config): BackendConfig[] {
  return backends.map((backend, i) => {
    const known = new Set(previous.backends[i]?.servers)
    return {
      ...backend,
      errorAnswers: [],
      servers: backend.servers.filter((one) => !known.has(one)),
    }
  })
}

/** A server that is as it was is the same object. */
function backendPlanOf(
  backend: BackendConfig,
  known: BackendConfig,
  planned: PlannedBackend,
  { rows, names }: Lasting,
  outgoing: OutgoingTlsPlans,
): PlannedBackend {
  const before = new Map<ServerConfig, PlannedServer>()
  known.servers.forEach((server, i) => {
    before.set(server, planned.servers[i] as PlannedServer)
  })
  const servers = backend.servers.map((server): PlannedServer => {
    const { initAddress: _, ...rest } = server
    const places = placesOf(server, names)
    const same = before.get(server)
    if (same !== undefined && isAt(same, places)) return same
    const row = rows.take(`server ${backend.name}/${server.name}`)
    return { ...rest, ...places, tls: outgoing.of(server.tls), row }
  })
  return { ...planned, servers }
}

function isAt(
  server: PlannedServer,
  { address, check, agent }: ReturnType<typeof placesOf>,
): boolean {
  return (
    isSamePlace(server.address, address) &&
    isSamePlace(server.check?.address, check?.address) &&
    isSamePlace(server.agent?.address, agent?.address)
  )
}

/** Where no name is looked up, both are what the config has. */
function isSamePlace(one: Address | undefined, other: Address | undefined): boolean {
  if (one === other) return true
  return one !== undefined && other !== undefined && isSameAddress(one, other)
}

/** How the servers of a backend change; null: not at all. */
export function changeOf(
  { name, servers: before }: PlannedBackend,
  { servers: after }: Pick<PlannedBackend, 'servers'>,
): BackendServersChange | null {
  const left = new Set(after)
  const rows = new Set(after.map(({ row }) => row))
  const removed = before.filter(({ row }) => !rows.has(row)).map(({ row }) => row)
  const stay = before.filter((server) => left.has(server))
  const placed: PlacedServer[] = []
  const known = new Set(stay)
  let next = 0
  after.forEach((server, place) => {
    // What stood before it and does not any more comes again further behind.
    if (known.has(server)) {
      while (next < stay.length && stay[next] !== server)
        known.delete(stay[next++] as PlannedServer)
      next++
    } else placed.push({ place, server })
  })
  return removed.length + placed.length === 0 ? null : { backend: name, removed, placed }
}
