import { COUNTER, count } from '../../memory/counters.ts'
import type { ByteView, Conn, ConnFailure, ConnHandler } from '../../net/conn.ts'
import {
  PROXY_HEADER_BYTES_MAX,
  parseProxyHeader,
} from '../../net/proxy-protocol/proxy-protocol.ts'
import type { ProxiedEnds } from '../../net/proxy-protocol/proxy-protocol-reading.ts'
import { UNHEARD } from '../../net/unheard.ts'
import type { Place, Session } from '../clients/session.ts'
import type { AcceptServices } from './accept-services.ts'
import { StageTime } from './stage-time.ts'
import type { Begin, Stage } from './stages.ts'

/** The stage of a listener with `accept-proxy`. */
export function proxyHeaderStage(services: AcceptServices): Stage {
  return (next) => (conn, place) => {
    new ProxyHeaderAcceptance(conn, place, services, next)
  }
}

/**
 * A connection on a listener with `accept-proxy`, until its PROXY protocol header is there
 * (HAProxy configuration manual, accept-proxy). What follows gets what arrived behind the header
 * as its first bytes.
 *
 * Without a valid header in time (`timeout http-request`, in `mode tcp` `timeout client`) the
 * connection is closed without an answer: there is nobody whom one could be meant for.
 */
class ProxyHeaderAcceptance implements ConnHandler, Session {
  readonly #client: Conn
  readonly #place: Place
  readonly #services: AcceptServices
  readonly #next: Begin
  readonly #time: StageTime
  readonly #frontendRow: number
  /** The beginning of a header that is not all there. */
  #held: Buffer | null = null
  #heldLength = 0

  constructor(client: Conn, place: Place, services: AcceptServices, next: Begin) {
    this.#client = client
    this.#place = place
    this.#services = services
    this.#next = next
    const { plan } = place.door.frontend
    this.#frontendRow = plan.row
    client.handler = this
    place.pass(this)
    this.#time = new StageTime(services.wheel, plan, () => this.#refuse())
  }

  drain(): void {
    this.#time.hasten()
  }

  cut(): void {
    this.#giveUp()
    this.#client.destroy()
  }

  onConnect(): void {}

  onData(_conn: Conn, view: ByteView, length: number): void {
    const before = this.#heldLength
    const bytes = before === 0 ? view : this.#hold(view, length)
    const reading = parseProxyHeader(bytes, 0, before === 0 ? length : this.#heldLength)
    switch (reading.outcome) {
      case 'incomplete':
        if (before === 0) this.#hold(view, length)
        return
      case 'malformed':
        this.#refuse()
        return
      case 'complete':
        this.#begin(reading.ends, view.subarray(reading.bytes - before, length))
        return
      default:
        reading satisfies never
    }
  }

  onDrain(): void {}

  onEnd(): void {
    this.#refuse()
  }

  onClose(_conn: Conn, _failure: ConnFailure | null): void {
    this.#countError()
    this.#giveUp()
  }

  /** Keeps a copy of what a header may still need. What lies behind the longest one is its own. */
  #hold(view: ByteView, length: number): Buffer {
    this.#held ??= Buffer.allocUnsafe(PROXY_HEADER_BYTES_MAX)
    this.#heldLength += view.copy(this.#held, this.#heldLength, 0, length)
    return this.#held
  }

  #begin(ends: ProxiedEnds | null, rest: ByteView): void {
    const client = this.#client
    if (ends !== null) client.declareEndpoints(ends.source, ends.destination)
    this.#time.stop()
    this.#next(client, this.#place)
    if (rest.length > 0) client.handler.onData(client, rest, rest.length)
    // It begins after the others were asked to finish.
    if (this.#services.draining) this.#place.occupant.drain()
  }

  #refuse(): void {
    this.#countError()
    this.#giveUp()
    this.#client.destroy()
  }

  #countError(): void {
    count(this.#services.cells, this.#frontendRow, COUNTER.requestErrors)
  }

  /** No session follows. */
  #giveUp(): void {
    this.#client.handler = UNHEARD
    this.#time.stop()
    this.#place.leave()
  }
}
