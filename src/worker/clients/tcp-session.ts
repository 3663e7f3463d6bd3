import { NO_KEY } from '../../balance/strategy.ts'
import { COUNTER, count } from '../../memory/counters.ts'
import type { ByteView, Conn, ConnFailure, ConnHandler } from '../../net/conn.ts'
import { Deadline } from '../../net/deadline-wheel.ts'
import { UNHEARD } from '../../net/unheard.ts'
import type { SessionFacts } from '../../rules/facts.ts'
import { NO_VARIABLES } from '../../rules/variables.ts'
import { Dispatch, type DispatchOwner, type DispatchServices } from '../dispatch/dispatch.ts'
import type { Termination } from '../dispatch/termination.ts'
import { logTcpSession, type SettleServices } from '../exchange/accounting.ts'
import { countAborts, TERMINATIONS } from '../exchange/http-tunnel.ts'
import type { BackendRuntime, FrontendRuntime } from '../exchange/runtime.ts'
import { TCP_SERVERS } from '../servers/tcp-servers.ts'
import type { RelayEnd, RelayOwner } from '../streams/tunnel.ts'
import type { HangUpWatch } from './hang-up-watch.ts'
import { Relay } from './relay.ts'
import type { Place, Session } from './session.ts'

/** What sessions in `mode tcp` take of the worker. */
export interface TcpServices extends DispatchServices, SettleServices {
  /** Clients whose server is waited for. */
  readonly hangUps: HangUpWatch
}

/**
 * How long a client may take to send what its session is balanced by; then it goes on without.
 * HAProxy configuration manual, `tcp-request inspect-delay`, in its example for RDP.
 */
export const OPENING_MS_MAX = 5000

/**
 * One client connection of a frontend in `mode tcp`: a server is found, then bytes go both ways
 * until both sides have finished. The client is not read before its server is there, unless what
 * it sends first decides which one that is.
 *
 * Invariant: it handles the client connection until there is a server, then a {@link Relay} does,
 * and nobody once the session has ended.
 */
export class TcpSession implements ConnHandler, DispatchOwner<Conn>, RelayOwner, Session {
  readonly client: Conn
  readonly #services: TcpServices
  readonly #place: Place
  readonly #frontend: FrontendRuntime
  readonly #dispatch: Dispatch<Conn>
  readonly #startMs: number
  #backend: BackendRuntime | null
  #relay: Relay | null = null
  /** What has come of the client before there was a server. */
  #early: Buffer | null = null
  /** Set while the client is waited for to send what its session is balanced by. */
  #opening: Deadline | null = null
  /** The client ended its side before there was a server. */
  #clientEnded = false
  #connectedMs = -1
  #bytesIn = 0
  #bytesOut = 0

  constructor(client: Conn, place: Place, services: TcpServices) {
    const { frontend } = place.door
    this.client = client
    this.#services = services
    this.#place = place
    this.#frontend = frontend
    this.#dispatch = new Dispatch(this, services, TCP_SERVERS)
    this.#startMs = services.clock()
    this.#backend = frontend.defaultBackend
    client.handler = this
    place.pass(this)
    const { row } = this.#frontend.plan
    count(services.cells, row, COUNTER.connectionsTotal)
    count(services.cells, row, COUNTER.sessionsTotal)
    const { openingKey } = this.#backend ?? {}
    if (openingKey === null || openingKey === undefined) this.#goOn(NO_KEY)
    else this.#awaitOpening()
  }

  get beganMs(): number {
    return this.#startMs
  }

  /** A session of unknown length is left to finish by itself until the grace is over. */
  drain(): void {}

  cut(): void {
    if (this.#relay === null) {
      this.#end(this.#beforeServer('K'))
      this.client.destroy()
    } else this.#relay.cut()
  }

  watchClient(): void {
    this.#services.hangUps.add(this.client)
  }

  leaveClient(): void {
    this.#services.hangUps.remove(this.client)
  }

  onServer(server: Conn): void {
    const { clientFinMs, tcpIdleMs } = this.#frontend.plan.timeouts
    const { serverFinMs, tcpTunnelMs, ...ofServer } = (this.#backend as BackendRuntime).plan
      .timeouts
    const tunnelMs = tcpTunnelMs ?? Math.min(tcpIdleMs, ofServer.tcpIdleMs)
    const isServerSooner = tcpTunnelMs === null && ofServer.tcpIdleMs < tcpIdleMs
    const tunnelLate = isServerSooner ? 'server-late' : 'client-late'
    this.#connectedMs = this.#services.clock()
    const timeouts = { tunnelMs, tunnelLate, clientFinMs, serverFinMs } as const
    this.#relay = new Relay(this.client, server, timeouts, this, this.#services.wheel)
    this.client.resume()
    const early = this.#early
    this.#early = null
    if (early !== null) this.#relay.onData(this.client, early, early.length)
    if (this.#clientEnded) this.#relay.onEnd(this.client)
  }

  onNoServer(termination: Termination): void {
    this.#end(termination)
    this.client.reset()
  }

  onUpstreamBytes(length: number): void {
    this.#bytesIn += length
    count(this.#services.cells, this.#frontend.plan.row, COUNTER.bytesIn, length)
    this.#dispatch.count(COUNTER.bytesIn, length)
  }

  onDownstreamBytes(length: number): void {
    this.#bytesOut += length
    count(this.#services.cells, this.#frontend.plan.row, COUNTER.bytesOut, length)
    this.#dispatch.count(COUNTER.bytesOut, length)
  }

  onRelayEnd(end: RelayEnd): void {
    countAborts(this.#dispatch, end)
    this.#end(TERMINATIONS[end])
  }

  onConnect(): void {}

  /**
   * While the opening is awaited comes what the client sends; later only what came behind a PROXY
   * protocol header, once, since the client is paused.
   */
  onData(_conn: Conn, view: ByteView, length: number): void {
    const bytes = view.subarray(0, length)
    const early = this.#early === null ? Buffer.from(bytes) : Buffer.concat([this.#early, bytes])
    this.#early = early
    const key = this.#opening === null ? null : (this.#backend?.openingKey?.(early) ?? null)
    if (key !== null) this.#goOn(key)
  }

  onDrain(): void {}

  onEnd(): void {
    if (this.#opening === null) return
    this.#clientEnded = true
    this.#goOn(NO_KEY)
  }

  /** The client left while its server was looked for. */
  onClose(_conn: Conn, _failure: ConnFailure | null): void {
    this.#dispatch.count(COUNTER.clientAborts)
    this.#end(this.#beforeServer('C'))
  }

  /** HAProxy's termination state for a session that was ended while there was no server. */
  #beforeServer(by: 'C' | 'K'): Termination {
    if (this.#opening !== null) return `${by}R`
    return this.#dispatch.place.isTaken ? `${by}Q` : `${by}C`
  }

  #awaitOpening(): void {
    this.#opening = new Deadline(() => this.#goOn(NO_KEY))
    const limitMs = Math.min(OPENING_MS_MAX, this.#frontend.plan.timeouts.clientMs)
    this.#services.wheel.scheduleIn(this.#opening, limitMs)
  }

  /** @param openingKey what the client has sent that the session is balanced by, or `NO_KEY` */
  #goOn(openingKey: number): void {
    this.#leaveOpening()
    this.client.pause()
    if (this.#backend === null) this.onNoServer('SC')
    else this.#begin(this.#backend, openingKey)
  }

  #leaveOpening(): void {
    if (this.#opening !== null) this.#services.wheel.cancel(this.#opening)
    this.#opening = null
  }

  #begin(backend: BackendRuntime, openingKey: number): void {
    const { sessionKey, sessionPersistence } = backend
    const facts = sessionFacts(this.client, this.#frontend.plan.name)
    const stickiness = sessionPersistence?.begin(facts) ?? null
    this.#dispatch.begin(backend, sessionKey?.(facts) ?? openingKey, 'new', false, stickiness)
  }

  #end(termination: Termination): void {
    this.client.handler = UNHEARD
    this.#leaveOpening()
    const services = this.#services
    logTcpSession(services, {
      client: this.client,
      frontend: this.#frontend.plan,
      backend: this.#backend?.plan ?? null,
      dispatch: this.#dispatch,
      startMs: this.#startMs,
      connectedMs: this.#connectedMs,
      bytesIn: this.#bytesIn,
      bytesOut: this.#bytesOut,
      termination,
    })
    this.#dispatch.release()
    this.#place.leave()
  }
}

/** What is known of a connection in `mode tcp`. */
export function sessionFacts(client: Conn, frontendName: string): SessionFacts {
  return {
    src: client.remote.address,
    srcPort: client.remote.port,
    dst: client.local.address,
    dstPort: client.local.port,
    frontendName,
    tls: client.tls,
    variables: NO_VARIABLES,
  }
}
