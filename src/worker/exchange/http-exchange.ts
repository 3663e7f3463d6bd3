import { NO_KEY } from '../../balance/strategy.ts'
import { connectionOption } from '../../http/h1/forward.ts'
import { COUNTER, count } from '../../memory/counters.ts'
import type { RetryCause } from '../../model/config.ts'
import type { ByteView, Conn } from '../../net/conn.ts'
import { ruleAnswerText } from '../../rules/actions/rule-answer.ts'
import type { ClientPhase } from '../clients/client-phase.ts'
import { HttpTunnel } from '../clients/http-tunnel.ts'
import { Dispatch, type DispatchOwner } from '../dispatch/dispatch.ts'
import type { Termination } from '../dispatch/termination.ts'
import { type BackendRuntime, errorText, type FrontendRuntime } from '../runtime.ts'
import type { Reuse } from '../servers/idle-connections.ts'
import { ServerLink, type ServerLinkOwner } from '../servers/server-link.ts'
import type { Services } from '../services.ts'
import { settleExchange } from './accounting.ts'
import type { ExchangeEnd, ExchangeOwner } from './exchange-owner.ts'
import { ExchangeRecord } from './exchange-record.ts'
import { HttpRequest } from './http-request.ts'
import { HttpResponse, type ResponseOwner } from './http-response.ts'
import { outgoingRequestText, type RuleEnd, routeRequest } from './request-routing.ts'
import { Retries } from './retries.ts'

/**
 * Where an exchange is:
 *
 * - `none`: no request;
 * - `dispatching`: a server is looked for (`timeout connect`, in {@link Dispatch});
 * - `forwarding`: the request goes to the server, the response to the client (`timeout server`);
 * - `tunnel`: a {@link Relay} has both connections.
 */
type Phase = 'none' | 'dispatching' | 'forwarding' | 'tunnel'

/**
 * One request and its response: has a server found, forwards both messages as they come, tries
 * again while nothing can have been done twice. Each client connection has one exchange, used again
 * and again.
 *
 * Invariant: it is the phase of its session from `begin` to the end of the exchange. That takes it
 * out of the session and gives up the server connection, its timeout and the dispatch first of all:
 * nothing is left by which a later event, be it of the same tick, could reach a finished exchange.
 */
export class HttpExchange implements ClientPhase, DispatchOwner, ResponseOwner, ServerLinkOwner {
  readonly client: Conn
  readonly #session: ExchangeOwner
  readonly #services: Services
  readonly #dispatch: Dispatch
  readonly #response: HttpResponse
  readonly #record = new ExchangeRecord()
  readonly #request: HttpRequest
  readonly #retries: Retries
  readonly #server: ServerLink
  #phase: Phase = 'none'
  #frontend: FrontendRuntime
  #backend: BackendRuntime | null = null
  #clientPersistent = false
  /** Whether the client connection has brought a request before this one. */
  #reuse: Reuse = 'first'

  constructor(session: ExchangeOwner, services: Services) {
    this.client = session.client
    this.#session = session
    this.#services = services
    this.#frontend = session.listener.frontend
    this.#dispatch = new Dispatch(this, services)
    this.#request = new HttpRequest(services)
    this.#response = new HttpResponse(services, session.client, this.#record, this)
    this.#retries = new Retries(services, this.#dispatch, this.#request, this.#response)
    this.#server = new ServerLink(services, this.#request, this.#response, this)
  }

  get beganMs(): number {
    return this.#record.headMs
  }

  /**
   * Where an answer begins while its request is still coming, the client is told that its connection
   * closes: nobody waits for the rest of the request once the answer is whole.
   */
  get mayKeepClient(): boolean {
    return this.#clientPersistent && this.#request.isComplete && !this.#session.isLast
  }

  /**
   * A request head was read, or what should have been one. Follow with `run` or `refuse`.
   *
   * @param isNull not a byte of one has come
   */
  begin(startMs: number, nowMs: number, isNull = false): void {
    this.#frontend = this.#session.listener.frontend
    this.#record.begin(startMs, nowMs)
    this.#record.isNull = isNull
    this.#dispatch.forget()
    this.#clientPersistent = false
    if (!isNull) count(this.#services.cells, this.#frontend.plan.row, COUNTER.requestsTotal)
  }

  /** Answers what is no request, or none that may pass, and closes. */
  refuse(status: number, termination: Termination = 'PR'): void {
    this.#countRequestError()
    this.#answer(status, termination)
  }

  /** The client left within a request head: there is nobody to answer. */
  abandonHead(): void {
    if (!this.#record.isNull) this.#countRequestError()
    this.#settle('CR')
  }

  /**
   * Starts the request that is in the shared request head; the bytes from `at` on follow it.
   *
   * @returns where the bytes of the request that could be taken end
   */
  run(view: ByteView, at: number, end: number): number {
    const { requestHead: head } = this.#services
    this.#record.request(head)
    this.#request.begin(head)
    // What a client sends ahead into a tunnel that it does not get must not be read as requests.
    this.#clientPersistent = head.persistent && head.method !== 'CONNECT'
    const backend = routeRequest(
      this.#services,
      this.client,
      this.#frontend,
      this.#record.variables,
    )
    if ('status' in backend) {
      this.#answer(backend.status, backend.termination)
      return at
    }
    if ('outcome' in backend) {
      this.#answerByRule(backend)
      return at
    }
    this.#backend = backend
    const stickiness = backend.requestPersistence?.begin(this.#services.requestRewrite) ?? null
    const text = outgoingRequestText(this.#services, this.client, this.#frontend, backend)
    if (text === null) {
      this.#answer(500, 'PR')
      return at
    }
    this.#request.setHead(text, this.#frontend, backend)
    if (!this.#request.isComplete) this.#session.expectClient()
    this.#response.begin(this.#frontend, backend, stickiness, head.upgrade !== '')
    this.#phase = 'dispatching'
    backend.retryBudget?.addRequest(this.#record.headMs)
    const key = backend.requestKey?.(this.#services.requestRewrite) ?? NO_KEY
    this.#dispatch.begin(backend, key, this.#reuse, this.#request.mayResend, stickiness)
    return this.takeBytes(view, at, end)
  }

  /**
   * Sends on what the client sent of this request.
   *
   * @returns where it stopped: `end`, the end of the request, or `at` while there is no server
   */
  takeBytes(view: ByteView, at: number, end: number): number {
    const { conn: server } = this.#server
    if (server === null) return at
    const request = this.#request
    const taken = request.send(view, at, end, server)
    if (taken === at) return at
    this.#record.bytesIn += taken - at
    this.#server.touch()
    this.#session.expectClient()
    if (request.isBroken) {
      this.#countRequestError()
      this.#fail(request.refusalStatus, 'PR')
      return end
    }
    if (request.isBlocked) this.#session.pauseRequest()
    return taken
  }

  watchClient(): void {
    this.#services.hangUps.add(this.client)
  }

  leaveClient(): void {
    this.#services.hangUps.remove(this.client)
  }

  onServer(conn: Conn): void {
    this.#phase = 'forwarding'
    this.#record.connected(this.#dispatch, this.#services.clock)
    this.#server.attach(conn, (this.#backend as BackendRuntime).plan.timeouts.serverMs)
    // Its timeout may have passed unheeded while a server was looked for.
    if (!this.#request.isComplete) this.#session.expectClient()
    this.#session.resumeRequest()
  }

  onNoServer(termination: Termination): void {
    this.#answer(503, termination)
  }

  onServerBytes(conn: Conn, view: ByteView, length: number): void {
    const response = this.#response
    const progress = response.take(view, length)
    switch (progress) {
      case 'done':
        this.#finish()
        return
      case 'more':
        this.#server.touch()
        if (!response.blocked) return
        conn.pause()
        this.#session.expectClient()
        return
      case 'tunnel':
        this.#openTunnel(view, length)
        return
      case 'retry':
        this.#resend()
        return
      case 'overgrown':
        this.#fail(500, 'PH')
        return
      case 'malformed':
        if (!this.#retry('junk-response')) {
          this.#serverFailed(502, response.started ? 'PD' : 'PH')
        }
        return
      default:
        progress satisfies never
    }
  }

  onServerDrain(): void {
    this.#session.resumeRequest()
  }

  onServerEnd(broken: boolean): void {
    const response = this.#response
    if (response.endsAtClose && !broken) this.#finish()
    else if (this.#retries.isStale) this.#resend('replaceIdle')
    else if (!this.#retry(response.isEmpty ? 'empty-response' : 'junk-response')) {
      this.#serverFailed(502, response.started ? 'SD' : 'SH')
    }
  }

  onServerTimeout(): void {
    if (this.#response.started) this.#serverFailed(504, 'sD')
    else if (!this.#retry('response-timeout')) this.#serverFailed(504, 'sH')
  }

  onClientDrain(): void {
    if (!this.#response.blocked) return
    this.#response.blocked = false
    const { conn } = this.#server
    if (conn === null) return
    this.#server.touch()
    conn.resume()
  }

  /** The client sends no more, but may still read. */
  onClientEnd(): void {
    if (this.#request.isComplete) return
    this.#countRequestError()
    this.#dispatch.count(COUNTER.clientAborts)
    this.#fail(400, this.#ending('C'))
  }

  onClientClose(): void {
    this.#dispatch.count(COUNTER.clientAborts)
    this.#settle(this.#ending('C'))
  }

  /** `timeout client`: the client was waited for and neither sent nor took anything. */
  onClientTimeout(): void {
    const { blocked } = this.#response
    if (!blocked && (this.#phase === 'dispatching' || this.#request.isComplete)) return
    this.#dispatch.count(COUNTER.clientAborts)
    if (blocked) this.#cutOff('cD')
    else this.#fail(408, this.#ending('c'))
  }

  /** The exchange is let finish; its answer says that the connection closes. */
  drain(): void {}

  cut(): void {
    this.#cutOff('KD')
  }

  /** The session is over. */
  dispose(): void {
    this.#dispatch.dispose()
  }

  retriesStatus(status: number): boolean {
    return this.#retries.take(status, this.#backend as BackendRuntime)
  }

  #answerByRule({ outcome, row, backend }: RuleEnd): void {
    this.#backend = backend
    if (outcome.kind === 'deny') {
      count(this.#services.cells, row, COUNTER.requestsDenied)
      this.#answer(outcome.status, 'PR')
      return
    }
    const keep = this.mayKeepClient
    const connection = connectionOption(keep, this.#record.minorVersion)
    const text = ruleAnswerText(outcome, connection, this.#record.method === 'HEAD')
    this.#respond(outcome.status, text, 'LR', keep)
  }

  /** Tries again if that is allowed. */
  #retry(cause: RetryCause): boolean {
    if (!this.#retries.take(cause, this.#backend as BackendRuntime)) return false
    this.#resend()
    return true
  }

  #resend(how: 'tryAgain' | 'replaceIdle' = 'tryAgain'): void {
    this.#server.drop()
    this.#request.rewind()
    this.#response.restart()
    if (how === 'tryAgain') this.#observe(true)
    this.#record.connectedMs = -1
    this.#phase = 'dispatching'
    this.#dispatch[how]()
  }

  #serverFailed(status: number, termination: Termination): void {
    this.#dispatch.count(COUNTER.responseErrors)
    if (!this.#response.started) this.#observe(true)
    if (termination === 'SD') this.#dispatch.count(COUNTER.serverAborts)
    this.#fail(status, termination)
  }

  /** HAProxy's termination state for an end that the client or its timeout brought about. */
  #ending(by: 'C' | 'c'): Termination {
    if (this.#phase === 'dispatching') return `${by}${this.#dispatch.place.isTaken ? 'Q' : 'C'}`
    return this.#response.started ? `${by}D` : `${by}H`
  }

  /**
   * Answers if nothing was forwarded yet; else the client gets what has come, and its connection
   * ends, so that it knows.
   */
  #fail(status: number, termination: Termination): void {
    if (!this.#response.started) {
      this.#answer(status, termination)
      return
    }
    this.#settle(termination)
    // A FIN would end a response well that only its connection ends (RFC 9112 section 8).
    this.#session.breakOffClient(this.#response.clientUntilClose)
  }

  /** Ends the exchange where it is, without an answer, and the client's connection with it. */
  #cutOff(termination: Termination): void {
    this.#settle(termination)
    // A FIN would end a response well that only its connection ends (RFC 9112 section 8), and leave
    // what a client does not read in the kernel.
    const { clientUntilClose, blocked } = this.#response
    this.#session.cutClient(clientUntilClose || blocked ? 'reset' : 'destroy')
  }

  /** The response is forwarded whole. */
  #finish(): void {
    const { serverPersistent, leftover, blocked, clientPersistent } = this.#response
    const { bindsConnection } = this.#response
    const { isComplete } = this.#request
    if (serverPersistent && isComplete && leftover === 0) {
      const server = this.#server.detach()
      if (blocked) server.resume()
      this.#dispatch.keep(server, this.#request.bindsConnection || bindsConnection)
    }
    this.#settle('--')
    this.#session.exchangeDone(clientPersistent && isComplete ? 'open' : this.#lastEnd)
  }

  /** Tells the client of an error; after a request that came whole and well its connection stays. */
  #answer(status: number, termination: Termination): void {
    const { method, minorVersion } = this.#record
    const keep = this.mayKeepClient
    const connection = connectionOption(keep, minorVersion)
    const text = errorText(status, method === 'HEAD', connection, this.#frontend, this.#backend)
    // Where the client is to be told nothing, its connection closes: that tells it.
    this.#respond(status, text, termination, keep && text !== '')
  }

  /** Ends the exchange with an answer of our own. */
  #respond(status: number, text: string, termination: Termination, keep: boolean): void {
    this.#record.status = status
    this.#record.bytesOut += text.length
    this.client.write(text)
    const end = keep ? 'open' : this.#lastEnd
    this.#settle(termination)
    // A client that was late once is not waited for a second time.
    this.#session.exchangeDone(status === 408 ? 'last' : end)
  }

  /** How an exchange ends after which the connection closes. */
  get #lastEnd(): ExchangeEnd {
    const { isComplete, isBroken } = this.#request
    return isComplete || isBroken ? 'last' : 'early'
  }

  /** Gives up what the exchange holds, counts and logs it, and is ready for the next. */
  #settle(termination: Termination): void {
    this.#session.exchangeOver()
    this.#server.drop()
    const parties = {
      client: this.client,
      frontend: this.#frontend.plan,
      backend: this.#backend?.plan ?? null,
      dispatch: this.#dispatch,
    }
    settleExchange(this.#services, parties, this.#record, termination)
    if (this.#record.responseMs >= 0) this.#observe(this.#record.status >= 500)
    this.#dispatch.release()
    this.#request.forget()
    this.#backend = null
    this.#phase = 'none'
    this.#reuse = 'later'
  }

  /** The server agreed to an upgrade: its 101 goes to the client, then bytes both ways. */
  #openTunnel(view: ByteView, length: number): void {
    const server = this.#server.detach()
    const { leftover } = this.#response
    const { timeouts } = (this.#backend as BackendRuntime).plan
    this.#phase = 'tunnel'
    if (leftover > 0) this.client.write(view.subarray(length - leftover, length))
    const tunnel = new HttpTunnel(this.#record, this.#dispatch, (termination) => {
      this.#settle(termination)
      this.#session.tunnelEnded()
    })
    this.#session.openTunnel(server, timeouts, tunnel)
  }

  /** Tells the strategy how long the server took, or might have, had it not failed. */
  #observe(hasFailed: boolean): void {
    const { responseMs, connectedMs } = this.#record
    const { serverMs } = (this.#backend as BackendRuntime).plan.timeouts
    this.#dispatch.observe(hasFailed ? serverMs : responseMs - connectedMs)
  }

  #countRequestError(): void {
    count(this.#services.cells, this.#frontend.plan.row, COUNTER.requestErrors)
  }
}
