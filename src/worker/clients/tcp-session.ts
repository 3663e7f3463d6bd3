import { NO_KEY } from '../../balance/strategy.ts'
import { COUNTER, count } from '../../memory/counters.ts'
import type { TuneConfig } from '../../model/config.ts'
import type { ByteView, Conn, ConnFailure, ConnHandler } from '../../net/conn.ts'
import { UNHEARD } from '../../net/unheard.ts'
import type { SessionFacts } from '../../rules/facts.ts'
import type { SessionRules } from '../../rules/language/session-rules.ts'
import type { RuleScope } from '../../rules/rule-scope.ts'
import { Dispatch, type DispatchOwner, type DispatchServices } from '../dispatch/dispatch.ts'
import type { Termination } from '../dispatch/termination.ts'
import { logTcpSession, type SettleServices } from '../exchange/accounting.ts'
import { countAborts, TERMINATIONS } from '../exchange/http-tunnel.ts'
import type { BackendRuntime, FrontendRuntime } from '../exchange/runtime.ts'
import { TCP_SERVERS } from '../servers/tcp-servers.ts'
import type { ServerNames } from '../servers/upstream-tls.ts'
import type { RelayEnd, RelayOwner } from '../streams/tunnel.ts'
import { ClientOpening, OpeningFacts } from './client-opening.ts'
import type { HangUpWatch } from './hang-up-watch.ts'
import { Relay } from './relay.ts'
import type { Place, Session } from './session.ts'

/** What sessions in `mode tcp` take of the worker. */
export interface TcpServices extends DispatchServices, SettleServices {
  /** Clients whose server is waited for. */
  readonly hangUps: HangUpWatch
  /** `global.tune`: bounds what a client sends before there is a server. */
  readonly tune: Pick<TuneConfig, 'bufsizeBytes' | 'maxrewriteBytes'>
  /** What its rules can ask for, which keep nothing of their own. */
  readonly sharedScope: RuleScope
}

/**
 * How long a client may take to send what its session is balanced by; then it goes on without.
 * HAProxy configuration manual, `tcp-request inspect-delay`, in its example for RDP.
 */
export const OPENING_MS_MAX = 5000

/**
 * One client connection of a frontend in `mode tcp`: a server is found, then bytes go both ways
 * until both sides have finished. The client is not read before its server is there, unless what
 * it sends first decides which one that is: by rules, or by what its backend balances by.
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
  /** Null: it has not been chosen, or there is none. */
  #backend: BackendRuntime | null = null
  #relay: Relay | null = null
  /** What has come of the client before there was a server; null: nothing, and none is awaited. */
  #opening: ClientOpening | null = null
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
    client.handler = this
    place.pass(this)
    const { row } = this.#frontend.plan
    count(services.cells, row, COUNTER.connectionsTotal)
    count(services.cells, row, COUNTER.sessionsTotal)
    const { sessionRules } = frontend
    if (sessionRules === null) this.#route(null)
    else this.#inspect(sessionRules)
  }

  get serverNames(): ServerNames | null {
    return this.#backend?.sessionNames.read(this.#facts) ?? null
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
    const opening = this.#opening
    this.#opening = null
    if (opening === null) return
    const { content, hasEnded } = opening
    if (content.length > 0) this.#relay.onData(this.client, content, content.length)
    if (hasEnded) this.#relay.onEnd(this.client)
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
    this.#opened().add(view, length)
  }

  onDrain(): void {}

  onEnd(): void {
    if (this.#opening?.isAwaited === true) this.#opening.end()
  }

  /** The client left while its server was looked for. */
  onClose(_conn: Conn, _failure: ConnFailure | null): void {
    this.#dispatch.count(COUNTER.clientAborts)
    this.#end(this.#beforeServer('C'))
  }

  /** What is known of the client. */
  get #facts(): SessionFacts {
    return sessionFacts(this.client, this.#frontend.plan.name, this.#services.sharedScope)
  }

  /** HAProxy's termination state for a session that was ended while there was no server. */
  #beforeServer(by: 'C' | 'K'): Termination {
    if (this.#opening?.isAwaited === true) return `${by}R`
    return this.#dispatch.place.isTaken ? `${by}Q` : `${by}C`
  }

  #opened(): ClientOpening {
    const { wheel, tune } = this.#services
    this.#opening ??= new ClientOpening(wheel, tune.bufsizeBytes - tune.maxrewriteBytes)
    return this.#opening
  }

  /** Has the rules decide, once enough has come, whether the session goes on and where. */
  #inspect({ inspectDelayMs, content, route }: SessionRules): void {
    const { plan } = this.#frontend
    const { clientMs } = plan.timeouts
    const opening = this.#opened()
    const facts = new OpeningFacts(this.#facts, opening)
    opening.ask(
      (cause) => {
        if (cause === 'late' && clientMs < inspectDelayMs) {
          // As in HAProxy's log.
          this.#backend = this.#frontend.defaultBackend
          this.#turnAway('cR')
          return true
        }
        facts.isFinal = cause !== 'more'
        const action = content === null ? 'accept' : content(facts)
        if (action === null) return false
        if (action === 'reject') {
          count(this.#services.cells, plan.row, COUNTER.requestsDenied)
          this.#turnAway('PR')
          return true
        }
        // As in HAProxy, what has not come by now is not waited for by `use_backend`.
        facts.isFinal = true
        this.#route(route?.(facts) ?? null)
        return true
      },
      Math.min(inspectDelayMs, clientMs),
    )
  }

  /** @param named by a `use_backend` rule; null: none applies */
  #route(named: string | null): void {
    const { backends, defaultBackend } = this.#frontend
    this.#backend = named === null ? defaultBackend : (backends.get(named) ?? null)
    const openingKey = this.#backend?.openingKey ?? null
    if (openingKey === null) {
      this.#goOn(NO_KEY)
      return
    }
    const opening = this.#opened()
    const limitMs = Math.min(OPENING_MS_MAX, this.#frontend.plan.timeouts.clientMs)
    opening.ask((cause) => {
      const key = openingKey(opening.content)
      if (key === null && cause === 'more') return false
      this.#goOn(key ?? NO_KEY)
      return true
    }, limitMs)
  }

  #turnAway(termination: Termination): void {
    this.#end(termination)
    this.client.destroy()
  }

  /** @param openingKey what the client has sent that the session is balanced by, or `NO_KEY` */
  #goOn(openingKey: number): void {
    this.#opening?.stop()
    this.client.pause()
    if (this.#backend === null) this.onNoServer('SC')
    else this.#begin(this.#backend, openingKey)
  }

  #begin(backend: BackendRuntime, openingKey: number): void {
    const { sessionKey, sessionPersistence } = backend
    const facts = this.#facts
    const stickiness = sessionPersistence?.begin(facts) ?? null
    this.#dispatch.begin(backend, sessionKey?.(facts) ?? openingKey, 'new', false, stickiness)
  }

  #end(termination: Termination): void {
    this.client.handler = UNHEARD
    this.#opening?.stop()
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
export function sessionFacts(client: Conn, frontendName: string, scope: RuleScope): SessionFacts {
  return {
    src: client.remote.address,
    srcPort: client.remote.port,
    dst: client.local.address,
    dstPort: client.local.port,
    frontendName,
    tls: client.tls,
    scope,
  }
}
