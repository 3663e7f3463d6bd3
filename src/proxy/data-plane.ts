import type { Plan, PlannedFrontend, PlannedListener } from '../model/plan.ts'
import type { Conn } from '../net/conn.ts'
import { HttpSession } from './http-session.ts'
import { FrontendListener } from './listener.ts'
import { compileRuntime, type FrontendRuntime, type Runtime, retireRuntime } from './runtime.ts'
import type { Services } from './services.ts'
import { SessionRegistry } from './session-registry.ts'
import { TcpSession } from './tcp-session.ts'

/** How long a server connection may rest unused. nginx keeps its upstream connections as long. */
const IDLE_SERVER_CONN_MS = 60_000

/**
 * The data plane of one worker thread: accepts on the plan's listeners and runs a session for each
 * connection. START HERE to follow a request: `FrontendListener` accepts, `HttpSession` reads
 * requests, `HttpExchange` sends each to a server and its response back.
 */
export class DataPlane {
  readonly #services: Services
  readonly #registry: SessionRegistry
  readonly #listeners = new Map<string, FrontendListener>()
  #runtime: Runtime | null = null
  #onDrained: (() => void) | null = null

  constructor(services: Services) {
    this.#services = services
    this.#registry = new SessionRegistry((delta) => {
      services.table.addConnections(services.worker, delta)
      if (delta < 0) this.#onSessionEnd()
    })
  }

  /**
   * Runs a plan from now on: compiles it aside, then swaps it in. Listeners of addresses that stay
   * live on, and so do all sessions.
   */
  apply(plan: Plan): void {
    const previous = this.#runtime
    const runtime = compileRuntime(plan, this.#services, previous)
    this.#runtime = runtime
    const wanted = new Set<string>()
    for (const frontend of runtime.frontends.values()) {
      for (const listener of frontend.plan.listeners) {
        wanted.add(listener.key)
        this.#listen(listener, frontend)
      }
    }
    for (const [key, listener] of this.#listeners) {
      if (wanted.has(key)) continue
      this.#listeners.delete(key)
      listener.close()
    }
    if (previous !== null) retireRuntime(previous, runtime)
  }

  /** Accepts no more and lets sessions finish; `onDrained` is called when the last has ended. */
  drain(onDrained: () => void): void {
    this.#services.draining = true
    this.#onDrained = onDrained
    for (const listener of this.#listeners.values()) listener.close()
    this.#registry.drain()
    this.#onSessionEnd()
  }

  /** Ends every session now. */
  cut(): void {
    this.#registry.cut()
  }

  /** Housekeeping, about once a second. */
  sweep(): void {
    for (const listener of this.#listeners.values()) listener.resumeIfFree()
    const beforeMs = this.#services.wheel.nowMs - IDLE_SERVER_CONN_MS
    for (const backend of this.#runtime?.backends.values() ?? []) backend.pool.expireIdle(beforeMs)
  }

  #listen(planned: PlannedListener, frontend: FrontendRuntime): void {
    const known = this.#listeners.get(planned.key)
    if (known !== undefined) {
      known.frontend = frontend
      known.resumeIfFree()
      return
    }
    const start = (conn: Conn, listener: FrontendListener): void => {
      startSession(listener.frontend.plan, conn, listener, this.#services, this.#registry)
    }
    const connectionsMax = (): number => this.#runtime?.plan.maxconn ?? 0
    const listener = new FrontendListener(planned, frontend, this.#services, connectionsMax, start)
    this.#listeners.set(planned.key, listener)
  }

  #onSessionEnd(): void {
    if (this.#services.draining) {
      if (this.#registry.size === 0) this.#onDrained?.()
      return
    }
    for (const listener of this.#listeners.values()) listener.resumeIfFree()
  }
}

function startSession(
  frontend: PlannedFrontend,
  conn: Conn,
  listener: FrontendListener,
  services: Services,
  registry: SessionRegistry,
): void {
  switch (frontend.mode) {
    case 'http':
      new HttpSession(conn, listener, services, registry)
      return
    case 'tcp':
      new TcpSession(conn, listener, services, registry)
      return
    default:
      frontend.mode satisfies never
  }
}
