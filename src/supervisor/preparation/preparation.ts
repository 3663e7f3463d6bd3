import { formatAddress } from '../../base/address.ts'
import { inSlices, type Steps } from '../../base/work-slices.ts'
import type { NameResolution } from '../../discovery/name-resolution.ts'
import { hostNamesOf, placesOf } from '../../discovery/server-addresses.ts'
import type { RowAllocator, RowKey } from '../../memory/rows.ts'
import type { Config } from '../../model/config.ts'
import type {
  Plan,
  PlannedBackend,
  PlannedFrontend,
  PlannedListener,
  PlannedServer,
} from '../../model/plan.ts'
import { type ListeningSocket, openListeningSocket } from '../../net/listening-socket.ts'
import { type DescriptorBudget, grantedBudget } from './descriptor-limit.ts'
import { answersOf, type Gathered, gather, tlsOf } from './gathering.ts'
import { type Lack, lackOf, type Refuse, refusal } from './lacks.ts'
import { namedBinds } from './named-things.ts'
import { OutgoingTlsPlans } from './server-tls/outgoing-tls-plans.ts'
import { stickMemoryOf } from './stick-memory.ts'

/** A plan, the listening sockets that it stands on, by address, and what it may have open. */
export interface Prepared {
  readonly plan: Plan
  readonly descriptors: DescriptorBudget
  readonly sockets: ReadonlyMap<string, ListeningSocket>
  /** What the plan was made of. */
  readonly config: Config
  readonly gathered: Gathered
}

/** What lasts over all plans of a balancer. */
export interface Lasting {
  readonly rows: RowAllocator
  readonly names: NameResolution
}

/** Listening sockets that are bound for a config which is about to run, by address. */
export type Reservation = Map<string, ListeningSocket>

/** What is held for a config that is to run. */
export interface Reserved {
  readonly gathered: Gathered
  /** To be passed to {@link prepare} or to {@link release}. */
  readonly sockets: Reservation
}

/** How a config is prepared. */
export interface PrepareOptions {
  /** What was gathered for it before, and is not read again. Default: nothing. */
  readonly held?: Gathered | null | undefined
  /** Sockets that are bound already; those that the plan stands on are taken out. Default: none. */
  readonly reservation?: Reservation
  /** Says what this host lacks. Default: without places. */
  readonly refuse?: Refuse
}

/**
 * Makes sure that a config can run, and holds what was read and bound for it. Nothing that runs is
 * touched.
 *
 * @param previous what runs now, whose addresses need not be bound
 * @throws SluiceError as {@link prepare}, but for `table-full`
 */
export async function reserve(
  config: Config,
  { names }: Lasting,
  previous: Prepared,
  { refuse = refusal }: Pick<PrepareOptions, 'refuse'> = {},
): Promise<Reserved> {
  const { gathered, lacks } = await gather(config, names, undefined, previous.gathered)
  const bound = await bindAddresses(config, previous.sockets, new Map())
  const all = [...lacks, ...bound.lacks]
  if (all.length === 0) return { gathered, sockets: bound.opened }
  release(bound.opened)
  throw refuse(all)
}

/** Gives up what {@link reserve} has bound and nobody has taken. */
export function release(reservation: Reservation): void {
  for (const socket of reservation.values()) socket.close()
  reservation.clear()
}

/**
 * Turns a config into a plan: gathers what is not held of what it names, binds the addresses that
 * are new, takes rows. Nothing that runs is touched; when it fails, what it opened is closed again.
 *
 * @param previous what runs now, whose sockets are taken over where the address stays
 * @throws SluiceError all that this host lacks at once: `config-unusable`, or the one code that all
 *   have, such as `host-unresolved`, `address-in-use`, `bind-failed`; `table-full`
 */
export async function prepare(
  config: Config,
  lasting: Lasting,
  previous: Prepared | null,
  { held, reservation = new Map(), refuse = refusal }: PrepareOptions = {},
): Promise<Prepared> {
  const before = previous?.gathered
  const { gathered, lacks } = await gather(config, lasting.names, held ?? undefined, before)
  const kept = previous?.sockets ?? new Map<string, ListeningSocket>()
  const { opened, lacks: unbound } = await bindAddresses(config, kept, reservation)
  try {
    if (lacks.length + unbound.length > 0) throw refuse([...lacks, ...unbound])
    const sockets = new Map<string, ListeningSocket>()
    for (const key of addressKeys(config)) {
      sockets.set(
        key,
        (kept.get(key) ?? reservation.get(key) ?? opened.get(key)) as ListeningSocket,
      )
    }
    const made = { config, gathered, sockets, descriptors: grantedBudget(config) }
    const plan = await inSlices(planOf(made, lasting, previous?.plan ?? null))
    for (const socket of sockets.values()) socket.listen()
    for (const key of sockets.keys()) reservation.delete(key)
    return { ...made, plan }
  } catch (error) {
    release(opened)
    // One of them may have begun to listen, and would take clients from what runs.
    release(reservation)
    throw error
  }
}

/** Binds the addresses that are neither kept nor reserved, as far as they can be. */
async function bindAddresses(
  config: Config,
  kept: ReadonlyMap<string, ListeningSocket>,
  reserved: ReadonlyMap<string, ListeningSocket>,
): Promise<{ readonly opened: Reservation; readonly lacks: readonly Lack[] }> {
  const opened: Reservation = new Map()
  const lacks: Lack[] = []
  for (const { named, backlog } of namedBinds(config)) {
    const key = formatAddress(named.address)
    if (kept.has(key) || reserved.has(key) || opened.has(key)) continue
    try {
      opened.set(key, await openListeningSocket(named.address, backlog, kept.values()))
    } catch (error) {
      lacks.push(lackOf(named, 'unusable-address', error))
    }
  }
  return { opened, lacks }
}

function addressKeys({ frontends }: Config): string[] {
  return frontends.flatMap(({ binds }) => binds.map(({ address }) => formatAddress(address)))
}

/**
 * Closes the sockets that the successor has not taken over, and gives up the rows and host names
 * that are gone.
 */
export async function retire(
  previous: Prepared,
  successor: Prepared,
  { rows, names }: Lasting,
): Promise<void> {
  rows.keepOnly(await inSlices(keysOf(successor.plan)))
  names.watch(hostNamesOf(successor.config))
  const kept = new Set(successor.sockets.values())
  for (const socket of previous.sockets.values()) if (!kept.has(socket)) socket.close()
}

function* planOf(
  { config, gathered, sockets, descriptors }: Omit<Prepared, 'plan'>,
  { rows, names }: Lasting,
  previous: Plan | null,
): Steps<Plan> {
  const serial = (previous?.serial ?? 0) + 1
  const frontends = config.frontends.map(({ binds, ...frontend }): PlannedFrontend => {
    const listeners = binds.map(
      ({ address, backlog, acceptProxy, proto, tls }): PlannedListener => {
        const key = formatAddress(address)
        const { fd } = sockets.get(key) as ListeningSocket
        const stages = `${acceptProxy ? 'proxy ' : ''}${tls === null ? '' : 'tls '}`
        return {
          key: `${stages}${frontend.mode} ${key}`,
          fd,
          kind: address.kind,
          backlog,
          acceptProxy,
          proto,
          tls: tlsOf(gathered, tls),
        }
      },
    )
    const row = rows.take(`frontend ${frontend.name}`)
    return { ...frontend, row, listeners, errorAnswers: answersOf(gathered, frontend.errorAnswers) }
  })
  const outgoing = new OutgoingTlsPlans(gathered, previous)
  const backends: PlannedBackend[] = []
  for (const backend of config.backends) {
    // What only the control plane needs is not sent to the workers.
    const { newServer: _, healthAgreement: __, checkSharding: ___, ...planned } = backend
    const row = rows.take(`backend ${backend.name}`)
    const servers: PlannedServer[] = []
    for (const server of backend.servers) {
      const { initAddress: _, ...planned } = server
      const row = rows.take(`server ${backend.name}/${server.name}`)
      servers.push({ ...planned, ...placesOf(server, names), tls: outgoing.of(server.tls), row })
      yield
    }
    const errorAnswers = answersOf(gathered, backend.errorAnswers)
    const stickMemory = stickMemoryOf(backend, previous)
    backends.push({ ...planned, row, errorAnswers, stickMemory, servers })
  }
  return {
    serial,
    maxconn: descriptors.connectionsMax,
    trafficNumbersMax: descriptors.trafficNumbersMax,
    tune: config.global.tune,
    frontends,
    backends,
  }
}

function* keysOf({ frontends, backends }: Plan): Steps<Set<RowKey>> {
  const keys = new Set<RowKey>()
  for (const { name } of frontends) keys.add(`frontend ${name}`)
  for (const { name, servers } of backends) {
    keys.add(`backend ${name}`)
    for (const server of servers) keys.add(`server ${name}/${server.name}`)
    yield
  }
  return keys
}
