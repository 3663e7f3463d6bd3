import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { SluiceError } from '../errors.ts'
import { type Address, formatAddress } from '../model/address.ts'
import type { Config } from '../model/config.ts'
import type {
  Plan,
  PlannedAuthorities,
  PlannedBackend,
  PlannedFrontend,
  PlannedServer,
} from '../model/plan.ts'
import type { RowAllocator, RowKey } from '../model/rows.ts'
import { type ListeningSocket, openListeningSocket } from '../net/listening-socket.ts'
import { readAuthorities } from './certificate-authorities.ts'
import { type DescriptorBudget, grantedBudget } from './descriptor-limit.ts'
import { type ErrorAnswersOf, readErrorAnswers } from './error-answers.ts'
import { stickMemoryOf } from './stick-memory.ts'

/** Host names that are looked up at once. */
const LOOKUPS_MAX = 32

/** A plan, the listening sockets that it stands on, by address, and what it may have open. */
export interface Prepared {
  readonly plan: Plan
  readonly descriptors: DescriptorBudget
  readonly sockets: ReadonlyMap<string, ListeningSocket>
}

/** Listening sockets that are bound for a config which is about to run, by address. */
export type Reservation = Map<string, ListeningSocket>

/**
 * Finds out whether a config could run: reads its error answers and authorities, resolves its host
 * names, binds the addresses that are new. Nothing that runs is touched.
 *
 * @param previous what runs now, whose addresses need not be bound
 * @returns what it has bound, to be passed to {@link prepare} or to {@link release}
 * @throws SluiceError as {@link prepare}, but for `table-full`
 */
export async function reserve(config: Config, previous: Prepared): Promise<Reservation> {
  await Promise.all([readErrorAnswers(config), readAuthorities(config), resolveHosts(config)])
  return bindAddresses(config, previous.sockets, new Map())
}

/** Gives up what {@link reserve} has bound and nobody has taken. */
export function release(reservation: Reservation): void {
  for (const socket of reservation.values()) socket.close()
  reservation.clear()
}

/**
 * Turns a config into a plan: reads error answers and authorities, resolves host names, binds the
 * addresses that are new, takes rows. Nothing that runs is touched; when it fails, what it opened is closed again.
 *
 * @param previous what runs now, whose sockets are taken over where the address stays
 * @param reservation sockets that are bound already; those that the plan stands on are taken out
 * @throws SluiceError `host-unresolved`, `address-in-use`, `bind-failed`, `table-full`, and what
 *   {@link readErrorAnswers} and {@link readAuthorities} throw
 */
export async function prepare(
  config: Config,
  rows: RowAllocator,
  previous: Prepared | null,
  reservation: Reservation = new Map(),
): Promise<Prepared> {
  const answersFor = await readErrorAnswers(config)
  const authorities = await readAuthorities(config, previous?.plan.authorities)
  const resolve = await resolveHosts(config)
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
    const descriptors = grantedBudget(config)
    const settled = { sockets, descriptors, resolve, answersFor, authorities }
    const plan = planOf(config, rows, settled, previous?.plan ?? null)
    for (const socket of sockets.values()) socket.listen()
    for (const key of sockets.keys()) reservation.delete(key)
    return { plan, descriptors, sockets }
  } catch (error) {
    release(opened)
    // One of them may have begun to listen, and would take clients from what runs.
    release(reservation)
    throw error
  }
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

/** Closes the sockets that the successor has not taken over, and gives up rows of gone names. */
export function retire(previous: Prepared, successor: Prepared, rows: RowAllocator): void {
  rows.keepOnly(keysOf(successor.plan))
  const kept = new Set(successor.sockets.values())
  for (const socket of previous.sockets.values()) if (!kept.has(socket)) socket.close()
}

/** What was found out for a plan outside of its config. */
interface Settled {
  readonly descriptors: DescriptorBudget
  readonly sockets: ReadonlyMap<string, ListeningSocket>
  readonly resolve: (address: Address) => Address
  readonly answersFor: ErrorAnswersOf
  readonly authorities: readonly PlannedAuthorities[]
}

function planOf(config: Config, rows: RowAllocator, settled: Settled, previous: Plan | null): Plan {
  const serial = (previous?.serial ?? 0) + 1
  const { sockets, descriptors, resolve, answersFor, authorities } = settled
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
      servers: backend.servers.map(
        (server): PlannedServer => ({
          ...server,
          row: rows.take(`server ${backend.name}/${server.name}`),
          address: resolve(server.address),
          check: server.check && { ...server.check, address: resolve(server.check.address) },
          agent: server.agent && { ...server.agent, address: resolve(server.agent.address) },
        }),
      ),
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

/** Looks every host name up once, as HAProxy does at start (`init-addr libc`). */
async function resolveHosts(config: Config): Promise<(address: Address) => Address> {
  const hosts = new Set<string>()
  for (const server of config.backends.flatMap(({ servers }) => servers)) {
    for (const address of [server.address, server.check?.address, server.agent?.address]) {
      if (address?.kind === 'inet' && isIP(address.host) === 0) hosts.add(address.host)
    }
  }
  const resolved = new Map<string, string>()
  const names = [...hosts]
  for (let at = 0; at < names.length; at += LOOKUPS_MAX) {
    await Promise.all(
      names.slice(at, at + LOOKUPS_MAX).map(async (host) => {
        resolved.set(host, await resolveHost(host))
      }),
    )
  }
  return (address) => {
    const host = address.kind === 'inet' ? resolved.get(address.host) : undefined
    return host === undefined ? address : { ...address, host }
  }
}

async function resolveHost(host: string): Promise<string> {
  try {
    return (await lookup(host)).address
  } catch (error) {
    throw new SluiceError('host-unresolved', `the host name ${host} cannot be resolved`, error)
  }
}
