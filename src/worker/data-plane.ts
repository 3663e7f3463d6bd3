import type { Address } from '../base/address.ts'
import { assert } from '../base/errors.ts'
import type { TicketKeys } from '../model/bind-tls.ts'
import type { Mode, TuneConfig } from '../model/config.ts'
import type { Plan, PlannedListener } from '../model/plan.ts'
import type { ServersChange } from '../model/servers-change.ts'
import type { AcceptServices } from './accept/accept-services.ts'
import { FrontendListener } from './accept/listener.ts'
import { Places } from './accept/place.ts'
import { proxyHeaderStage } from './accept/proxy-header-acceptance.ts'
import { BindTls, ServerContexts } from './accept/server-contexts.ts'
import { type Begin, inRow, type Stage } from './accept/stages.ts'
import { tlsStage } from './accept/tls-acceptance.ts'
import type { ClientServices } from './clients/client-services.ts'
import { type BecomeH2, H1Client } from './clients/h1-client.ts'
import type { OpenExchange } from './clients/h1-client-stream.ts'
import { H2Client } from './clients/h2/h2-client.ts'
import { type TcpServices, TcpSession } from './clients/tcp-session.ts'
import {
  type CompileServices,
  changeServers,
  compileRuntime,
  enterRuntime,
  type Runtime,
} from './compilation.ts'
import type { ExchangeServices } from './exchange/exchange-services.ts'
import { HttpExchange } from './exchange/http-exchange.ts'
import type { FrontendRuntime } from './exchange/runtime.ts'

/** What all of a worker's parts take of it. One instance a worker. */
export interface DataPlaneServices
  extends AcceptServices,
    ClientServices,
    ExchangeServices,
    TcpServices,
    CompileServices {
  /** Set once the daemon is to stop: answers close their connection. */
  draining: boolean
  readonly tune: TuneConfig
  /** The present keys of session tickets. */
  ticketKeys: TicketKeys
}

/**
 * The data plane of one worker thread: accepts on the plan's listeners and runs a session for each
 * connection. START HERE to follow a request: `FrontendListener` accepts, `H1Client` reads
 * requests, `HttpExchange` sends each to a server and its response back (drawn in
 * `exchange/exchange-phases.ts`).
 */
export class DataPlane {
  readonly #services: DataPlaneServices
  readonly #places: Places
  /** What every connection comes to in the end. */
  readonly #sessionOf: (listener: PlannedListener, mode: Mode) => Begin
  readonly #listeners = new Map<string, FrontendListener>()
  #runtime: Runtime | null = null
  #contexts: ServerContexts | null = null
  #onDrained: (() => void) | null = null

  constructor(services: DataPlaneServices) {
    this.#services = services
    this.#places = new Places(services, () => this.#onPlaceLeft())
    this.#sessionOf = sessionsOf(services)
    services.descriptors.onShort = () => this.#dropIdle()
  }

  /**
   * Runs a plan from now on: compiles it aside, then swaps it in. Listeners of addresses that stay
   * live on, and so do all sessions.
   *
   * @param onApplied called once, when who waited at the addresses that are gone is accepted: at
   *   once where nobody does
   */
  apply(plan: Plan, onApplied: () => void): void {
    const previous = this.#runtime
    const runtime = compileRuntime(plan, this.#services, previous)
    this.#runtime = runtime
    this.#services.descriptors.numbersMax = plan.trafficNumbersMax
    const wanted = new Set<string>()
    const sockets = new Set<number>()
    const { ticketKeys, tune } = this.#services
    const contexts = new ServerContexts(ticketKeys, tune.sslLifetimeMs, this.#contexts)
    this.#contexts = contexts
    for (const frontend of runtime.frontends.values()) {
      for (const [n, listener] of frontend.plan.listeners.entries()) {
        wanted.add(listener.key)
        sockets.add(listener.fd)
        const stages = stagesOf(listener, n + 1, contexts, this.#services)
        const session = this.#sessionOf(listener, frontend.plan.mode)
        this.#listen(listener, frontend, inRow(stages, session))
      }
    }
    const removed: FrontendListener[] = []
    for (const [key, listener] of this.#listeners) {
      if (wanted.has(key)) continue
      this.#listeners.delete(key)
      // Where only its mode or protocol has changed, who waits is for its successor.
      if (sockets.has(listener.fd)) listener.close()
      else removed.push(listener)
    }
    enterRuntime(runtime, previous, this.#services.table)
    drainAll(removed, onApplied)
  }

  /** Seals and opens session tickets by these from now on. */
  renewTicketKeys(keys: TicketKeys): void {
    this.#services.ticketKeys = keys
    this.#contexts?.renewTicketKeys(keys)
  }

  /** Goes over to a plan that differs from the one that it runs in servers alone. */
  changeServers(change: ServersChange): void {
    const runtime = this.#runtime
    assert(runtime !== null, 'servers of a plan changed before there was one')
    this.#runtime = changeServers(runtime, change, this.#services.table)
    this.#services.descriptors.numbersMax = change.trafficNumbersMax
    for (const listener of this.#listeners.values()) listener.resumeIfFree()
  }

  /**
   * Takes in who has come, accepts no more and lets sessions finish; `onDrained` is called when the
   * last has ended.
   */
  drain(onDrained: () => void): void {
    this.#services.draining = true
    drainAll([...this.#listeners.values()], () => {
      this.#onDrained = onDrained
      this.#places.drain()
      this.#onPlaceLeft()
    })
  }

  /** Ends every session now. */
  cut(): void {
    this.#places.cut()
  }

  /** Housekeeping, about once a second. */
  sweep(): void {
    this.#services.shortages.sweep()
    if (this.#services.descriptors.isShort()) this.#dropIdle()
    for (const listener of this.#listeners.values()) listener.resumeIfFree()
    const { nowMs } = this.#services.wheel
    this.#services.handshakeFailures.sweep(nowMs)
    for (const { pool } of this.#runtime?.backends.values() ?? []) pool.purgeIdle(nowMs)
  }

  /**
   * Stops accepting while no descriptor is left, to be called some times a second. Nothing else would
   * tell: a loop of libuv that cannot accept for want of one says nothing, and tries again at once
   * and for ever.
   */
  watchDescriptors(): void {
    if (!this.#services.descriptors.look()) return
    for (const listener of this.#listeners.values()) listener.pauseIfFull()
  }

  /** Gives up the idle connections to an address, so that their local ports are free. */
  freePorts(address: Address): void {
    for (const { pool } of this.#runtime?.backends.values() ?? []) pool.freePorts(address)
  }

  #listen(planned: PlannedListener, frontend: FrontendRuntime, begin: Begin): void {
    const services = this.#services
    const known = this.#listeners.get(planned.key)
    if (known !== undefined) {
      known.enter(frontend, begin)
      return
    }
    const connectionsMax = (): number => this.#runtime?.maxconn ?? 0
    const places = this.#places
    const listener = new FrontendListener(
      planned,
      frontend,
      begin,
      services,
      places,
      connectionsMax,
    )
    this.#listeners.set(planned.key, listener)
  }

  /**
   * Gives up idle server connections: what sessions need comes before what they may need. HAProxy,
   * too, closes them when descriptors get short (tune.pool-high-fd-ratio).
   */
  #dropIdle(): void {
    for (const { pool } of this.#runtime?.backends.values() ?? []) pool.dropIdle()
  }

  #onPlaceLeft(): void {
    if (this.#services.draining) {
      if (this.#places.size === 0) this.#onDrained?.()
      return
    }
    for (const listener of this.#listeners.values()) listener.resumeIfFree()
  }
}

/**
 * What a connection of this listener goes through before its session begins, in order.
 *
 * @param bind its number in its frontend, from 1
 */
function stagesOf(
  { acceptProxy, tls }: PlannedListener,
  bind: number,
  contexts: ServerContexts,
  services: DataPlaneServices,
): Stage[] {
  const stages: Stage[] = []
  if (acceptProxy) stages.push(proxyHeaderStage(services))
  if (tls !== null) stages.push(tlsStage(new BindTls(tls, contexts), bind, services))
  return stages
}

/** What connections come to in the end, by their listener and the mode of its frontend. */
function sessionsOf(services: DataPlaneServices): (listener: PlannedListener, mode: Mode) => Begin {
  const open: OpenExchange = (stream, door) => new HttpExchange(stream, door, services)
  const becomeH2: BecomeH2 = (conn, place) => new H2Client(conn, place, services, open, true)
  const tcp: Begin = (conn, place) => {
    new TcpSession(conn, place, services)
  }
  const h1: Begin = (conn, place) => {
    new H1Client(conn, place, services, open)
  }
  const h2: Begin = (conn, place) => {
    new H2Client(conn, place, services, open)
  }
  const either: Begin = (conn, place) => {
    if (conn.tls?.alpn === 'h2') new H2Client(conn, place, services, open)
    else new H1Client(conn, place, services, open, becomeH2)
  }
  const byProto = { h1, h2, either }
  return ({ proto }, mode) => (mode === 'tcp' ? tcp : byProto[proto ?? 'either'])
}

/** @param onDrained called once, when the last is drained: at once where there is none */
function drainAll(listeners: readonly FrontendListener[], onDrained: () => void): void {
  let left = listeners.length
  if (left === 0) onDrained()
  for (const listener of listeners) {
    listener.drain(() => {
      left--
      if (left === 0) onDrained()
    })
  }
}
