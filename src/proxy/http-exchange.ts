import { errorAnswer } from '../http/error-answers.ts'
import { connectionOption } from '../http/forward.ts'
import { isIdempotent } from '../http/methods.ts'
import type { ByteView, Conn, ConnFailure, ConnHandler } from '../net/conn.ts'
import { Deadline } from '../net/deadline-wheel.ts'
import { settleExchange } from './accounting.ts'
import { Dispatch, type DispatchOwner } from './dispatch.ts'
import type { ExchangeOwner } from './exchange-owner.ts'
import { ExchangeRecord, type Termination } from './exchange-record.ts'
import { HttpRequest } from './http-request.ts'
import { HttpResponse } from './http-response.ts'
import { HttpTunnel } from './http-tunnel.ts'
import { outgoingRequestText, type RuleEnd, routeRequest } from './request-routing.ts'
import { ruleAnswerText } from './rule-answer.ts'
import type { BackendRuntime, FrontendRuntime } from './runtime.ts'
import { count, type Services, scheduleIn } from './services.ts'

/**
 * Where an exchange is:
 *
 * - `none`: no request;
 * - `dispatching`: a server is looked for (`timeout connect`, in {@link Dispatch});
 * - `waiting`: the request goes out or is out, and nothing has come back (`timeout server`);
 * - `responding`: the response is being forwarded;
 * - `tunnel`: the response was a 101, and a {@link Relay} has both connections.
 */
type Phase = 'none' | 'dispatching' | 'waiting' | 'responding' | 'tunnel'

/**
 * One request and its response: has a server found, forwards both messages as they come, tries
 * again while nothing can have been done twice. It is the handler of the server connection while
 * it has one. Each client connection has one exchange, used again and again.
 */
export class HttpExchange implements ConnHandler, DispatchOwner {
  readonly #session: ExchangeOwner
  readonly #services: Services
  readonly #dispatch: Dispatch
  readonly #response: HttpResponse
  readonly #record = new ExchangeRecord()
  readonly #request = new HttpRequest()
  readonly #deadline: Deadline
  readonly #mayKeepClient = () => this.#clientPersistent && !this.#session.isLast
  #phase: Phase = 'none'
  #frontend: FrontendRuntime
  #backend: BackendRuntime | null = null
  #server: Conn | null = null
  #clientPersistent = false

  constructor(session: ExchangeOwner, services: Services) {
    this.#session = session
    this.#services = services
    this.#frontend = session.listener.frontend
    this.#dispatch = new Dispatch(this, services)
    this.#response = new HttpResponse(services, session.client, this.#record, this.#mayKeepClient)
    this.#deadline = new Deadline(() => this.#onDeadline())
  }

  /** A request head was read, or what should have been one. Follow with `run` or `refuse`. */
  begin(startMs: number, nowMs: number): void {
    this.#frontend = this.#session.listener.frontend
    this.#record.begin(startMs, nowMs)
    this.#dispatch.forget()
    this.#clientPersistent = false
    count(this.#services, this.#frontend.plan.row, 'requestsTotal')
  }

  /** Answers what is no request, or none that may pass, and closes. */
  refuse(status: number, termination: Termination = 'PR'): void {
    this.#countRequestError()
    this.#answer(status, termination)
  }

  /** The client left within a request head: there is nobody to answer. */
  abandonHead(): void {
    this.#countRequestError()
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
    this.#clientPersistent = head.persistent
    this.#request.begin(head)
    if (head.method === 'CONNECT') {
      this.refuse(405)
      return at
    }
    const { client } = this.#session
    const backend = routeRequest(this.#services, client, this.#frontend)
    if (backend === null) {
      this.#answer(503, 'SC')
      return at
    }
    if ('outcome' in backend) {
      this.#answerByRule(backend)
      return at
    }
    this.#backend = backend
    count(this.#services, backend.plan.row, 'requestsTotal')
    this.#request.setHead(outgoingRequestText(this.#services, client, this.#frontend, backend))
    if (!this.#request.isComplete) this.#session.expectClient()
    this.#response.begin(this.#frontend, backend, head.upgrade !== '')
    this.#phase = 'dispatching'
    this.#dispatch.begin(backend, true)
    return this.takeRequestBytes(view, at, end)
  }

  /**
   * Sends on what the client sent of this request.
   *
   * @returns where it stopped: `end`, the end of the request, or `at` while there is no server
   */
  takeRequestBytes(view: ByteView, at: number, end: number): number {
    const server = this.#server
    if (server === null) return at
    const request = this.#request
    const taken = request.send(view, at, end, server)
    if (taken === at) return at
    this.#record.bytesIn += taken - at
    this.#expectServer()
    this.#session.expectClient()
    if (request.isBroken) {
      this.#countRequestError()
      this.#fail(400, 'PR')
      return end
    }
    if (request.isBlocked) this.#session.pauseRequest()
    return taken
  }

  onServer(conn: Conn): void {
    conn.handler = this
    this.#server = conn
    this.#phase = 'waiting'
    this.#record.connectedMs = this.#dispatch.reused ? this.#record.headMs : this.#services.clock()
    this.#expectServer()
    // Its timeout may have passed unheeded while a server was looked for.
    if (!this.#request.isComplete) this.#session.expectClient()
    this.#session.resumeRequest()
  }

  onNoServer(): void {
    this.#answer(503, 'SC')
  }

  onConnect(): void {}

  onData(conn: Conn, view: ByteView, length: number): void {
    if (conn !== this.#server) return
    const response = this.#response
    const progress = response.take(view, length)
    switch (progress) {
      case 'done':
        this.#finish()
        return
      case 'more':
        if (response.started) this.#phase = 'responding'
        this.#expectServer()
        if (!response.blocked) return
        conn.pause()
        this.#session.expectClient()
        return
      case 'tunnel':
        this.#openTunnel(view, length)
        return
      case 'malformed':
        this.#serverFailed(502, response.started ? 'PD' : 'PH')
        return
      default:
        progress satisfies never
    }
  }

  /** The server takes request bytes again. */
  onDrain(conn: Conn): void {
    if (conn === this.#server) this.#session.resumeRequest()
  }

  onEnd(conn: Conn): void {
    if (conn === this.#server) this.#onServerEnd(false)
  }

  onClose(conn: Conn, failure: ConnFailure | null): void {
    if (conn === this.#server) this.#onServerEnd(failure !== null)
  }

  /** The client takes response bytes again. */
  onClientDrain(): void {
    if (!this.#response.blocked) return
    this.#response.blocked = false
    if (this.#server === null) return
    this.#expectServer()
    this.#server.resume()
  }

  /** The client sends no more, but may still read. */
  onClientEnd(): void {
    if (this.#request.isComplete) return
    this.#countRequestError()
    this.#dispatch.count('clientAborts')
    this.#fail(400, this.#ending('C'))
  }

  /** The client is gone. */
  onClientClose(): void {
    this.#abort(this.#ending('C'))
  }

  /** `timeout client`: the client was waited for and neither sent nor took anything. */
  onClientTimeout(): void {
    const { blocked } = this.#response
    if (!blocked && (this.#phase === 'dispatching' || this.#request.isComplete)) return
    this.#dispatch.count('clientAborts')
    if (blocked) this.cut('cD')
    else this.#fail(408, this.#ending('c'))
  }

  /** Ends the exchange where it is, without an answer, and the client's connection with it. */
  cut(termination: Termination): void {
    this.#dropServer()
    this.#settle(termination)
    // A FIN would end a response well that only its connection ends (RFC 9112 section 8).
    if (this.#response.clientUntilClose) this.#session.client.reset()
    else this.#session.client.destroy()
  }

  /** The session is over. */
  dispose(): void {
    this.#services.wheel.cancel(this.#deadline)
  }

  #answerByRule({ outcome, row }: RuleEnd): void {
    if (outcome.kind === 'deny') {
      count(this.#services, row, 'requestsDenied')
      this.#answer(outcome.status, 'PR')
      return
    }
    const { minorVersion, method } = this.#record
    const keep = this.#request.isComplete && this.#mayKeepClient()
    const text = ruleAnswerText(outcome, connectionOption(keep, minorVersion), method === 'HEAD')
    this.#respond(outcome.status, text, 'LR', keep)
  }

  #onServerEnd(broken: boolean): void {
    if (this.#response.endsAtClose && !broken) this.#finish()
    else if (this.#mayResend()) this.#resend()
    else this.#serverFailed(502, this.#response.started ? 'SD' : 'SH')
  }

  /**
   * A reused connection may have been closed by its server before it saw the request. Sending that
   * again is right only where doing it twice is (RFC 9110 section 9.2.2), and possible only where
   * all of it is still here.
   */
  #mayResend(): boolean {
    return (
      this.#dispatch.reused &&
      this.#dispatch.mayRetry &&
      this.#response.untouched &&
      this.#request.canResend &&
      isIdempotent(this.#record.method)
    )
  }

  #resend(): void {
    this.#dropServer()
    this.#request.rewind()
    this.#phase = 'dispatching'
    this.#dispatch.again()
  }

  #serverFailed(status: number, termination: Termination): void {
    this.#dispatch.count('responseErrors')
    if (termination === 'SD') this.#dispatch.count('serverAborts')
    this.#fail(status, termination)
  }

  /** HAProxy's termination state for an end that the client or its timeout brought about. */
  #ending(by: 'C' | 'c'): Termination {
    if (this.#phase === 'dispatching') return `${by}C`
    return this.#response.started ? `${by}D` : `${by}H`
  }

  /** Answers if nothing was forwarded yet; else the client is cut off, so that it knows. */
  #fail(status: number, termination: Termination): void {
    if (this.#response.started) this.cut(termination)
    else this.#answer(status, termination)
  }

  /** The response is forwarded whole. */
  #finish(): void {
    const server = this.#server as Conn
    const { serverPersistent, leftover, blocked, clientPersistent } = this.#response
    const { isComplete } = this.#request
    const idle = this.#dispatch.upstream?.idle
    if (serverPersistent && isComplete && leftover === 0 && idle !== undefined) {
      this.#server = null
      if (blocked) server.resume()
      idle.push(server, this.#services.wheel.nowMs)
    } else {
      this.#dropServer()
    }
    this.#settle('--')
    this.#session.exchangeDone(clientPersistent && isComplete)
  }

  /** Tells the client of an error and closes its connection. */
  #answer(status: number, termination: Termination): void {
    this.#dropServer()
    const text = errorAnswer(status, this.#record.method === 'HEAD')
    this.#respond(status, text, termination, false)
  }

  /** Ends the exchange with an answer of our own. */
  #respond(status: number, text: string, termination: Termination, keep: boolean): void {
    this.#record.status = status
    this.#record.bytesOut += text.length
    this.#session.client.write(text)
    this.#settle(termination)
    this.#session.exchangeDone(keep)
  }

  /** The client is gone: so is its request. */
  #abort(termination: Termination): void {
    if (this.#phase === 'none') return
    this.#dispatch.count('clientAborts')
    this.#dropServer()
    this.#settle(termination)
  }

  /** Counts and logs the exchange, gives up what it holds, and is ready for the next. */
  #settle(termination: Termination): void {
    const parties = {
      client: this.#session.client,
      frontend: this.#frontend.plan,
      backend: this.#backend?.plan ?? null,
      dispatch: this.#dispatch,
    }
    settleExchange(this.#services, parties, this.#record, termination)
    this.#dispatch.release()
    this.#backend = null
    this.#phase = 'none'
  }

  #dropServer(): void {
    const server = this.#server
    if (server === null) return
    this.#server = null
    server.destroy()
  }

  /** The server agreed to an upgrade: its 101 goes to the client, then bytes both ways. */
  #openTunnel(view: ByteView, length: number): void {
    const server = this.#server as Conn
    const { leftover } = this.#response
    const { timeouts } = (this.#backend as BackendRuntime).plan
    this.#server = null
    this.#phase = 'tunnel'
    this.#services.wheel.cancel(this.#deadline)
    if (leftover > 0) this.#session.client.write(view.subarray(length - leftover, length))
    const tunnel = new HttpTunnel(this.#record, this.#dispatch, (termination) => {
      this.#settle(termination)
      this.#session.tunnelEnded()
    })
    this.#session.openTunnel(server, timeouts, tunnel)
  }

  #onDeadline(): void {
    if (this.#phase === 'waiting') {
      // A request that its client has not finished is timed by `timeout client`.
      if (this.#request.isAwaited) this.#expectServer()
      else this.#serverFailed(504, 'sH')
    } else if (this.#phase === 'responding') {
      // A client that does not read is timed by `timeout client`.
      if (this.#response.blocked) this.#expectServer()
      else this.#serverFailed(504, 'sD')
    }
  }

  /** Restarts `timeout server`. */
  #expectServer(): void {
    const { serverMs } = (this.#backend as BackendRuntime).plan.timeouts
    scheduleIn(this.#services, this.#deadline, serverMs)
  }

  #countRequestError(): void {
    count(this.#services, this.#frontend.plan.row, 'requestErrors')
  }
}
