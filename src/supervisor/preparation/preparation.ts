import { isDeepStrictEqual } from 'node:util'
import { formatAddress } from '../../base/address.ts'
import type { NameResolution } from '../../discovery/name-resolution.ts'
import { hostNamesOf, lookUpServers, placesOf } from '../../discovery/server-addresses.ts'
import type { RowAllocator, RowKey } from '../../memory/rows.ts'
import type { Config } from '../../model/config.ts'
import type {
  Plan,
  PlannedAuthorities,
  PlannedBackend,
  PlannedFrontend,
  PlannedServer,
} from '../../model/plan.ts'
import { type ListeningSocket, openListeningSocket } from '../../net/listening-socket.ts'
import { readAuthorities } from './certificate-authorities.ts'
import { type DescriptorBudget, grantedBudget } from './descriptor-limit.ts'
import { type ErrorAnswersOf, readErrorAnswers } from './error-answer-files.ts'
import { stickMemoryOf } from './stick-memory.ts'

/** A plan, the listening sockets that it stands on, by address, and what it may have open. */
export interface Prepared {
  readonly plan: Plan
  readonly descriptors: DescriptorBudget
  readonly sockets: ReadonlyMap<string, ListeningSocket>
  /** What the plan was made of. */
  readonly config: Config
  readonly files: ReadFiles
}

/** What lasts over all plans of a balancer. */
export interface Lasting {
  readonly rows: RowAllocator
  readonly names: NameResolution
}

/** What was read from files for a plan. */
interface ReadFiles {
  readonly answersFor: ErrorAnswersOf
  readonly authorities: readonly PlannedAuthorities[]
}

/** Listening sockets that are bound for a config which is about to run, by address. */
export type Reservation = Map<string, ListeningSocket>

/**
 * Finds out whether a config could run: reads its error answers and authorities, looks up its host
 * names, binds the addresses that are new. Nothing that runs is touched.
 *
 * @param previous what runs now, whose addresses need not be bound
 * @returns what it has bound, to be passed to {@link prepare} or to {@link release}
 * @throws SluiceError as {@link prepare}, but for `table-full`
 */
export async function reserve(
  config: Config,
  names: NameResolution,
  previous: Prepared,
): Promise<Reservation> {
  await Promise.all([
    readErrorAnswers(config),
    readAuthorities(config),
    lookUpServers(config, names),
  ])
  return bindAddresses(config, previous.sockets, new Map())
}

/** Gives up what {@link reserve} has bound and nobody has taken. */
export function release(reservation: Reservation): void {
  for (const socket of reservation.values()) socket.close()
  reservation.clear()
}

/**
 * Turns a config into a plan: reads error answers and authorities, looks up host names, binds the
 * addresses that are new, takes rows. Nothing that runs is touched; when it fails, what it opened is
 * closed again.
 *
 * @param previous what runs now, whose sockets are taken over where the address stays
 * @param reservation sockets that are bound already; those that the plan stands on are taken out
 * @throws SluiceError `host-unresolved`, `address-in-use`, `bind-failed`, `table-full`, and what
 *   {@link readErrorAnswers} and {@link readAuthorities} throw
 */
export async function prepare(
  config: Config,
  lasting: Lasting,
  previous: Prepared | null,
  reservation: Reservation = new Map(),
): Promise<Prepared> {
  const answersFor = await readErrorAnswers(config)
  const authorities = await readAuthorities(config, previous?.plan.authorities)
  await lookUpServers(config, lasting.names)
  const kept = previous?.sockets ?? new Map<string, ListeningSocket>()
  const opened = await bindAddresses(config, kept, reservation)
  try {
    const sockets = new Map<string, ListeningSocket>()
    for (const key of addressKeys(config)) {
      sockets.set(
        key,
        (kept.get(key) ?? reservation.get(key) ?? opened.get(key)) as ListeningSocket,
      )
    }
    const files = { answersFor, authorities }
    const made = { config, files, sockets, descriptors: grantedBudget(config) }
    const plan = planOf(made, lasting, previous?.plan ?? null)
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

/**
 * The same with the addresses that host names have by now.
 *
 * @returns null where that changes nothing
 */
export function readdress(previous: Prepared, lasting: Lasting): Prepared | null {
  const plan = planOf(previous, lasting, previous.plan)
  const isSame = isDeepStrictEqual(addressesIn(plan), addressesIn(previous.plan))
  return isSame ? null : { ...previous, plan }
}

function addressesIn({ backends }: Plan): unknown {
  return backends.map(({ servers }) =>
    servers.map(({ address, check, agent }) => [address, check?.address, agent?.address]),
  )
}

/** Binds the addresses that are neither kept nor reserved. */
async function bindAddresses(
  config: Config,
  kept: ReadonlyMap<string, ListeningSocket>,
  reserved: ReadonlyMap<string, ListeningSocket>,
): Promise<Reservation> {
  const opened: Reservation = new Map()
  try {
    for (const { address, backlog } of config.frontends.flatMap(({ binds }) => binds)) {
      const key = formatAddress(address)
      if (kept.has(key) || reserved.has(key)) continue
      opened.set(key, await openListeningSocket(address, backlog, kept.values()))
    }
    return opened
  } catch (error) {
    release(opened)
    throw error
  }
}

function addressKeys({ frontends }: Config): string[] {
  return frontends.flatMap(({ binds }) => binds.map(({ address }) => formatAddress(address)))
}

/**
 * Closes the sockets that the successor has not taken over, and gives up the rows and host names
 * that are gone.
 */
export function retire(previous: Prepared, successor: Prepared, { rows, names }: Lasting): void {
  rows.keepOnly(keysOf(successor.plan))
  names.watch(hostNamesOf(successor.config))
  const kept = new Set(successor.sockets.values())
  for (const socket of previous.sockets.values()) if (!kept.has(socket)) socket.close()
}

function planOf(
  { config, files, sockets, descriptors }: Omit<Prepared, 'plan'>,
  { rows, names }: Lasting,
  previous: Plan | null,
): Plan {
  const serial = (previous?.serial ?? 0) + 1
  const { answersFor, authorities } = files
  const frontends = config.frontends.map(({ binds, ...frontend }): PlannedFrontend => {
    const listeners = binds.map(({ address, backlog, acceptProxy }) => {
      const key = formatAddress(address)
      const { fd } = sockets.get(key) as ListeningSocket
      const protocol = acceptProxy ? `proxy ${frontend.mode}` : frontend.mode
      return { key: `${protocol} ${key}`, fd, kind: address.kind, backlog, acceptProxy }
    })
    const row = rows.take(`frontend ${frontend.name}`)
    return { ...frontend, row, listeners, errorAnswers: answersFor(frontend) }
  })
  const backends = config.backends.map((backend): PlannedBackend => {
    // What only the control plane needs is not sent to the workers.
    const { newServer: _, healthAgreement: __, checkSharding: ___, ...planned } = backend
    return {
      ...planned,
      row: rows.take(`backend ${backend.name}`),
      errorAnswers: answersFor(backend),
      stickMemory: stickMemoryOf(backend, previous),
      servers: backend.servers.map((server): PlannedServer => {
        const { initAddress: _, ...planned } = server
        const row = rows.take(`server ${backend.name}/${server.name}`)
        return { ...planned, ...placesOf(server, names), row }
      }),
    }
  })
  return {
    serial,
    maxconn: descriptors.connectionsMax,
    trafficNumbersMax: descriptors.trafficNumbersMax,
    tune: config.global.tune,
    authorities,
    frontends,
    backends,
  }
}

function keysOf(plan: Plan): Set<RowKey> {
  return new Set<RowKey>([
    ...plan.frontends.map(({ name }): RowKey => `frontend ${name}`),
    ...plan.backends.map(({ name }): RowKey => `backend ${name}`),
    ...plan.backends.flatMap(({ name, servers }) =>
      servers.map((server): RowKey => `server ${name}/${server.name}`),
    ),
  ])
}
