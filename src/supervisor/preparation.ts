import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { SluiceError } from '../errors.ts'
import { type Address, formatAddress } from '../model/address.ts'
import type { Config } from '../model/config.ts'
import type { Plan, PlannedFrontend, PlannedServer } from '../model/plan.ts'
import type { RowAllocator, RowKey } from '../model/rows.ts'
import { type ListeningSocket, openListeningSocket } from '../net/listening-socket.ts'
import { descriptorBudget } from './descriptor-limit.ts'
import { type ErrorAnswersOf, readErrorAnswers } from './error-answers.ts'
import { stickMemoryOf } from './stick-memory.ts'

/** Host names that are looked up at once. */
const LOOKUPS_MAX = 32

/** A plan and the listening sockets that it stands on, by address. */
export interface Prepared {
  readonly plan: Plan
  readonly sockets: ReadonlyMap<string, ListeningSocket>
}

/**
 * Turns a config into a plan: reads error answers, resolves host names, binds the addresses that
 * are new, takes rows. Nothing that runs is touched; when it fails, what it opened is closed again.
 *
 * @param previous what runs now, whose sockets are taken over where the address stays
 * @throws SluiceError `host-unresolved`, `address-in-use`, `bind-failed`, `table-full`, and what
 *   {@link readErrorAnswers} throws
 */
export async function prepare(
  config: Config,
  rows: RowAllocator,
  previous: Prepared | null,
): Promise<Prepared> {
  const answersFor = await readErrorAnswers(config)
  const resolve = await resolveHosts(config)
  const sockets = new Map<string, ListeningSocket>()
  const opened: ListeningSocket[] = []
  try {
    for (const { address, backlog } of config.frontends.flatMap(({ binds }) => binds)) {
      const key = formatAddress(address)
      let socket = previous?.sockets.get(key)
      if (socket === undefined) {
        socket = await openListeningSocket(address, backlog)
        opened.push(socket)
      }
      sockets.set(key, socket)
    }
    const settled = { sockets, resolve, answersFor }
    return { plan: planOf(config, rows, settled, previous?.plan ?? null), sockets }
  } catch (error) {
    for (const socket of opened) socket.close()
    throw error
  }
}

/** Closes the sockets that the successor has not taken over, and gives up rows of gone names. */
export function retire(previous: Prepared, successor: Prepared, rows: RowAllocator): void {
  rows.keepOnly(keysOf(successor.plan))
  const kept = new Set(successor.sockets.values())
  for (const socket of previous.sockets.values()) if (!kept.has(socket)) socket.close()
}

/** What was found out for a plan outside of its config. */
interface Settled {
  readonly sockets: ReadonlyMap<string, ListeningSocket>
  readonly resolve: (address: Address) => Address
  readonly answersFor: ErrorAnswersOf
}

function planOf(config: Config, rows: RowAllocator, settled: Settled, previous: Plan | null): Plan {
  const serial = (previous?.serial ?? 0) + 1
  const { sockets, resolve, answersFor } = settled
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
  const backends = config.backends.map((backend) => ({
    ...backend,
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
  }))
  const { connectionsMax } = descriptorBudget(config.global.maxconn)
  return { serial, maxconn: connectionsMax, tune: config.global.tune, frontends, backends }
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
