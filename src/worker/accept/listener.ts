import type { PlannedListener } from '../../model/plan.ts'
import type { Listener } from '../../net/conn.ts'
import type { Door } from '../clients/client-services.ts'
import type { FrontendRuntime } from '../exchange/runtime.ts'
import type { AcceptServices } from './accept-services.ts'
import type { Places } from './place.ts'
import type { Begin } from './stages.ts'

/**
 * Accepts for one bind address in this worker. It lives on over reloads that keep its address;
 * sessions reach the current config through {@link frontend}.
 *
 * A full frontend or process (`maxconn`, or descriptors that are short) stops accepting: clients
 * wait in the kernel's queue of the shared socket, where another worker may take them.
 */
export class FrontendListener implements Door {
  readonly key: string
  /** Of the socket, which the control plane holds. */
  readonly fd: number
  readonly #services: AcceptServices
  readonly #connectionsMax: () => number
  readonly #listener: Listener
  #frontend: FrontendRuntime
  #begin: Begin
  #closed = false

  /** @param begin the row of stages that every connection goes through */
  constructor(
    planned: PlannedListener,
    frontend: FrontendRuntime,
    begin: Begin,
    services: AcceptServices,
    places: Places,
    connectionsMax: () => number,
  ) {
    this.key = planned.key
    this.fd = planned.fd
    this.#frontend = frontend
    this.#begin = begin
    this.#services = services
    this.#connectionsMax = connectionsMax
    const { fd, kind, backlog } = planned
    this.#listener = services.engine.listen(
      fd,
      kind,
      (conn) => {
        this.#begin(conn, places.take(this))
        if (this.#isFull()) this.#listener.pause()
      },
      backlog,
    )
    if (this.#isFull()) this.#listener.pause()
  }

  /** The frontend as of the last reload. */
  get frontend(): FrontendRuntime {
    return this.#frontend
  }

  /** True once the address has been removed or the worker drains: sessions end when they can. */
  get closed(): boolean {
    return this.#closed
  }

  /**
   * Runs a new plan from now on. Connections that have been accepted go on through the stages that
   * they began with.
   */
  enter(frontend: FrontendRuntime, begin: Begin): void {
    this.#frontend = frontend
    this.#begin = begin
    this.resumeIfFree()
  }

  /**
   * Accepts again after a pause, if there is room. Where the system has no descriptor for it, the
   * next session that ends and the next sweep try again.
   */
  resumeIfFree(): void {
    if (!this.#closed && !this.#isFull()) this.#listener.resume()
  }

  /** Stops accepting until there is room, where there is none. */
  pauseIfFull(): void {
    if (!this.#closed && this.#isFull()) this.#listener.pause()
  }

  /**
   * Stops accepting for good, after it has taken in who had come before, `maxconn` or not: nobody
   * would ever accept them. Only descriptors that are short leave them behind.
   *
   * @param onDrained called once, at once where nobody waits
   */
  drain(onDrained: () => void): void {
    this.#closed = true
    this.#listener.drain(onDrained)
  }

  /** Stops accepting for good; another listener accepts on the same socket. */
  close(): void {
    this.#closed = true
    this.#listener.close()
  }

  #isFull(): boolean {
    const { table, descriptors } = this.#services
    if (this.#closed) return descriptors.isShort()
    const { row, maxconn } = this.#frontend.plan
    return (
      table.connections() >= this.#connectionsMax() ||
      table.sessions(row) >= maxconn ||
      descriptors.isShort()
    )
  }
}
