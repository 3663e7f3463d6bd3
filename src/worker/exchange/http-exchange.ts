import { NO_KEY } from '../../balance/strategy.ts'
import { assert } from '../../base/errors.ts'
import { BODY_CHUNKED, type BodySink } from '../../http/body.ts'
import type { RequestHead } from '../../http/request-head.ts'
import type { ResponseHead } from '../../http/response-head.ts'
import type { TrailerTest } from '../../http/trailers.ts'
import { COUNTER, count } from '../../memory/counters.ts'
import type { RetryCause } from '../../model/config.ts'
import type { OwnAnswer } from '../../model/own-answer.ts'
import { ruleAnswer } from '../../rules/actions/rule-answer.ts'
import { Dispatch, type DispatchOwner } from '../dispatch/dispatch.ts'
import type { Termination } from '../dispatch/termination.ts'
import type { Reuse } from '../servers/connections/reuse.ts'
import { HttpServers } from '../servers/http-servers.ts'
import type { ServerNames } from '../servers/upstream-tls.ts'
import type { ClientConnection, ClientStream, RequestOwner } from '../streams/client-stream.ts'
import type { ResponseOwner, ServerStream } from '../streams/server-stream.ts'
import { settleExchange } from './accounting.ts'
import { PHASES, type Phase } from './exchange-phases.ts'
import { ExchangeRecord } from './exchange-record.ts'
import type { ExchangeServices } from './exchange-services.ts'
import { HttpRequest } from './http-request.ts'
import { HttpResponse } from './http-response.ts'
import { countAborts, HttpTunnel, TERMINATIONS } from './http-tunnel.ts'
import { Retries } from './retries.ts'
import type { RuledHead } from './routing/request-heads.ts'
import {
  beginRules,
  FIRST_RULE,
  type Routed,
  type RuledWait,
  type RuleEnd,
  resumeRequest,
  routeRequest,
  sendOnRequest,
} from './routing/request-routing.ts'
import { RuleWait } from './routing/rule-wait.ts'
import type { BackendRuntime, FrontendRuntime } from './runtime.ts'
import { ServerTimeout, type TimeoutOwner } from './server-timeout.ts'

const EXPECT = { written: 'Expect', lower: 'expect' }

/** Where requests come in: what of it may change from one to the next. */
export interface Entrance {
  /** The frontend as of the last reload. */
  readonly frontend: FrontendRuntime
}

/**
 * One request and its response: has a server found, forwards both messages as they come, tries
 * again while nothing can have been done twice. It knows two streams, whatever carries them, and is
 * used again for each request of its client's, one after the other.
 *
 * Invariant: a request is given up whole in `#settle`: its server stream, the timeout and the
 * dispatch; and the client's stream with the call that follows. Nothing is left by which a later
 * event, be it of the same tick, could reach a finished exchange.
 */
export class HttpExchange
  implements RequestOwner, ResponseOwner, DispatchOwner<ServerStream>, TimeoutOwner
{
  readonly dropsRequestTrailer: TrailerTest
  readonly dropsResponseTrailer: TrailerTest
  readonly #stream: ClientStream
  readonly #entrance: Entrance
  readonly #services: ExchangeServices
  readonly #dispatch: Dispatch<ServerStream>
  readonly #request: HttpRequest
  readonly #response: HttpResponse
  readonly #record: ExchangeRecord
  readonly #retries: Retries
  readonly #timeout: ServerTimeout
  /** Null while no rule holds the request. */
  #wait: RuleWait | null = null
  #phase: Phase = 'head'
  #frontend: FrontendRuntime
  #backend: BackendRuntime | null = null
  #server: ServerStream | null = null
  #serverNames: ServerNames | null = null
  /** Whether the client connection has brought a request before this one. */
  #reuse: Reuse = 'first'

  constructor(stream: ClientStream, entrance: Entrance, services: ExchangeServices) {
    this.#stream = stream
    this.#entrance = entrance
    this.#services = services
    this.#frontend = entrance.frontend
    this.#record = new ExchangeRecord(services.processVariables)
    this.#request = new HttpRequest(services.tune)
    this.#response = new HttpResponse(services, stream)
    this.dropsRequestTrailer = this.#request.trailers.drops
    this.dropsResponseTrailer = this.#response.trailers.drops
    this.#dispatch = new Dispatch(this, services, new HttpServers(this, services))
    this.#retries = new Retries(services, this.#dispatch, this.#request, this.#response)
    this.#timeout = new ServerTimeout(services.wheel, this)
  }

  get client(): ClientConnection {
    return this.#stream.connection
  }

  get serverNames(): ServerNames | null {
    return this.#serverNames
  }

  get beganMs(): number {
    return this.#record.headMs
  }

  get requestBody(): BodySink | null {
    return this.#server === null && !this.#isBodyAwaited ? null : this.#request
  }

  get isClientAwaited(): boolean {
    const { isBlocked, isRequestWhole } = this.#stream
    return isBlocked || (!this.#response.started && !isRequestWhole && !this.#request.isBlocked)
  }

  begin(startMs: number, nowMs: number, isNull: boolean): void {
    this.#enter('rules')
    this.#frontend = this.#entrance.frontend
    this.#record.begin(startMs, nowMs)
    this.#record.isNull = isNull
    this.#dispatch.forget()
    if (!isNull) count(this.#services.cells, this.#frontend.plan.row, COUNTER.requestsTotal)
  }

  refuse(status: number): void {
    this.#countRequestError()
    this.#answer(status, 'PR')
  }

  late(): void {
    this.#countRequestError()
    this.#answer(408, 'cR')
  }

  abandon(): void {
    if (!this.#record.isNull) this.#countRequestError()
    this.#settle('CR')
  }

  run(head: RequestHead): void {
    const services = this.#services
    const request = services.requestHeads.atHand
    const frontend = this.#frontend
    this.#record.request(head)
    this.#request.begin(head)
    const refusal = beginRules(request, this.client, frontend, this.#record.scope)
    this.#route(request, refusal ?? routeRequest(services, request, frontend, FIRST_RULE))
  }

  /** @param routed what rules have made of the request */
  #route(request: RuledHead, routed: Routed): void {
    if ('status' in routed) this.#answer(routed.status, routed.termination)
    else if ('outcome' in routed) this.#answerByRule(routed)
    else if ('wait' in routed) this.#waitFor(routed, request)
    else this.#send(request, routed)
  }

  /** Looks for a server of the backend to send the request to. */
  #send(request: RuledHead, backend: BackendRuntime): void {
    const services = this.#services
    this.#backend = backend
    const stickiness = backend.requestPersistence?.begin(request.rewrite) ?? null
    const { head } = this.#request
    if (!sendOnRequest(services, request, this.client, this.#frontend, backend, head)) {
      this.#answer(500, 'PR')
      return
    }
    this.#request.passThrough(this.#frontend, backend)
    this.#serverNames = backend.requestNames.read(request.rewrite)
    if (!this.#stream.isRequestWhole) this.#stream.expectClient()
    this.#response.begin(this.#frontend, backend, stickiness)
    this.#enter('choose')
    backend.retryBudget?.addRequest(this.#record.headMs)
    const key = backend.requestKey?.(request.rewrite) ?? NO_KEY
    this.#dispatch.begin(backend, key, this.#reuse, this.#request.mayResend, stickiness)
  }

  onRequestProgress(hasMore: boolean): void {
    const request = this.#request
    if (this.#wait !== null && this.#isBodyThere(this.#wait)) this.#resume(false)
    if (this.#server === null) {
      if (hasMore && this.#isBodyAwaited) this.#stream.expectClient()
      return
    }
    request.flush()
    if (!hasMore) return
    this.#timeout.restart()
    this.#stream.expectClient()
    if (request.isBlocked) this.#stream.stopRequest()
  }

  onRequestBroken(status: number): void {
    this.#countRequestError()
    this.#fail(status, 'PR')
  }

  watchClient(): void {
    this.#stream.watch()
  }

  leaveClient(): void {
    this.#stream.unwatch()
  }

  onServer(server: ServerStream): void {
    const stream = this.#stream
    this.#enter('forward')
    this.#record.connected(this.#dispatch, this.#services.clock)
    this.#server = server
    this.#timeout.start(this.#chosen.plan.timeouts.serverMs)
    // Its timeout may have passed unheeded while a server was looked for.
    if (!stream.isRequestWhole) stream.expectClient()
    this.#request.start(server)
    stream.readRequest()
  }

  onNoServer(termination: Termination): void {
    this.#answer(503, termination)
  }

  onInterim(head: ResponseHead): void {
    this.#response.inform(head)
  }

  onResponse(head: ResponseHead): BodySink | null {
    if (this.#retries.take(head.status, this.#chosen)) {
      this.#resend()
      return null
    }
    if (!this.#response.forward(head, this.#frontend, this.#record.scope)) {
      this.#fail(500, 'PH')
      return null
    }
    this.#record.status = head.status
    this.#record.responseMs = this.#services.clock()
    return this.#stream
  }

  onResponseProgress(): void {
    this.#stream.flush()
    this.#timeout.restart()
    if (!this.#stream.isBlocked) return
    this.#server?.pause()
    this.#stream.expectClient()
  }

  onResponseEnd(): void {
    const { bindsConnection } = this.#request
    this.#stream.flush()
    this.#leaveServer()?.release(this.#stream.isRequestWhole, bindsConnection)
    this.#settle('--')
    this.#stream.finish()
  }

  onResponseBroken(): void {
    this.#stream.flush()
    if (this.#retry('junk-response')) return
    this.#serverFailed(502, this.#response.started ? 'PD' : 'PH')
  }

  /** The server agreed to an upgrade: its answer goes to the client, then bytes both ways. */
  onTunnel(head: ResponseHead, rest: Buffer): void {
    const server = this.#leaveServer()
    assert(server !== null, 'a server that is gone agreed to a tunnel')
    this.#record.status = head.status
    this.#record.responseMs = this.#services.clock()
    this.#enter('tunnel')
    const tunnel = new HttpTunnel(this.#chosen.plan.timeouts, this.#record, (end) => {
      countAborts(this.#dispatch, end)
      this.#settle(TERMINATIONS[end])
      this.#stream.tunnelEnded()
    })
    this.#stream.openTunnel(head, rest, server.detach(), tunnel)
  }

  onServerDrain(): void {
    this.#stream.readRequest()
  }

  onServerEnd(): void {
    const server = this.#server
    const isSilent = this.#response.isUnforwarded && server?.isSilent === true
    if (isSilent && server.mayBeStale && this.#retries.isStale) this.#resend('replaceIdle')
    else if (!this.#retry(isSilent ? 'empty-response' : 'junk-response')) {
      this.#serverFailed(502, this.#response.started ? 'SD' : 'SH')
    }
  }

  /** It is no failure of the server that takes one of the tries. */
  onServerRefused(): void {
    if (this.#retries.mayRepeat) this.#resend('repeat')
    else this.#serverFailed(502, 'SH')
  }

  onServerTimeout(): void {
    if (this.#response.started) this.#serverFailed(504, 'sD')
    else if (!this.#retry('response-timeout')) this.#serverFailed(504, 'sH')
  }

  onClientDrain(): void {
    if (this.#server === null) return
    this.#timeout.restart()
    this.#server.resume()
  }

  onClientEnd(): void {
    if (this.#isHeld) {
      this.#resume(true)
      return
    }
    if (this.#stream.isRequestWhole) return
    this.#countRequestError()
    this.#dispatch.count(COUNTER.clientAborts)
    this.#fail(400, this.#ending('C'))
  }

  onClientClose(): void {
    this.#dispatch.count(COUNTER.clientAborts)
    this.#settle(this.#ending('C'))
  }

  /** The client was waited for and neither sent nor took anything. */
  onClientTimeout(): void {
    const { isBlocked, isRequestWhole } = this.#stream
    const isOurTurn = this.#phase === 'choose' || this.#isHeld || isRequestWhole
    if (!isBlocked && isOurTurn) return
    this.#dispatch.count(COUNTER.clientAborts)
    if (isBlocked) this.#cutOff('cD')
    else this.#fail(408, this.#ending('c'))
  }

  cut(): void {
    this.#cutOff('KD')
  }

  dispose(): void {
    this.#dispatch.dispose()
  }

  #answerByRule({ outcome, row, backend }: RuleEnd): void {
    this.#backend = backend
    if (outcome.kind === 'late') {
      this.#countRequestError()
      this.#answer(408, 'cR')
    } else if (outcome.kind === 'deny') {
      const { status, termination } = outcome
      count(this.#services.cells, row, COUNTER.requestsDenied)
      this.#answer(status, termination, termination === 'PT')
    } else this.#respond(ruleAnswer(outcome), outcome.status, 'LR', false)
  }

  /** Holds the request as a rule wants it. */
  #waitFor(at: RuledWait, request: RuledHead): void {
    const onTime = (): void => this.#resume(true)
    this.#enter('wait')
    this.#record.headMs = -1
    const wait = new RuleWait(this.#services, at, request, this.#frontend, onTime)
    this.#wait = wait
    if (wait.wantsBody) this.#collectBody(request, wait)
    else this.#stream.watch()
  }

  /** Has the body read before there is a server for it. */
  #collectBody({ head, rewrite }: RuledHead, wait: RuleWait): void {
    this.#request.collect(head.body === BODY_CHUNKED)
    if (this.#isBodyThere(wait)) this.#resume(false)
    else {
      if (head.expectContinue && rewrite.findHeader(EXPECT.lower, 0) >= 0) {
        rewrite.removeHeader(EXPECT)
        this.#stream.sendContinue()
      }
      this.#stream.expectClient()
      this.#stream.readRequest()
    }
  }

  /** A rule waits for the body, which is read. */
  get #isBodyAwaited(): boolean {
    return this.#wait?.wantsBody === true
  }

  /** A rule holds the request for a time, and nothing of it is read. */
  get #isHeld(): boolean {
    return this.#wait?.wantsBody === false
  }

  /** As much of the body has come as the rule wants, or all. */
  #isBodyThere(wait: RuleWait): boolean {
    if (!wait.wantsBody) return false
    return this.#stream.isRequestWhole || wait.hasEnough(this.#request.collectedBytes)
  }

  /** The wait is over: the rules go on. */
  #resume(isLate: boolean): void {
    const wait = this.#wait
    assert(wait !== null, 'rules went on that had not waited')
    const { at, request } = wait
    this.#leaveWait()
    this.#enter('rules')
    const nowMs = this.#services.clock()
    // As HAProxy logs it: a body belongs to the request's time, a tarpit to that of the queue.
    if (!wait.wantsBody) this.#record.heldMs = nowMs - wait.beganMs
    else if (!isLate) this.#record.headMs = nowMs
    if (wait.wantsBody) request.rewrite.body = this.#request.collectedText
    this.#route(request, resumeRequest(this.#services, request, this.#frontend, at, isLate))
    if (this.#wait?.request !== request) wait.giveBackHead()
  }

  #abandonWait(wait: RuleWait): void {
    this.#leaveWait()
    wait.giveBackHead()
  }

  #leaveWait(): void {
    this.#wait?.stop()
    this.#wait = null
    this.#stream.unwatch()
  }

  /** Tries again if that is allowed. */
  #retry(cause: RetryCause): boolean {
    if (!this.#retries.take(cause, this.#chosen)) return false
    this.#resend()
    return true
  }

  #resend(how: 'tryAgain' | 'replaceIdle' | 'repeat' = 'tryAgain'): void {
    this.#leaveServer()?.reset()
    if (how === 'tryAgain') this.#observe(true)
    this.#record.connectedMs = -1
    this.#enter('choose')
    if (how === 'replaceIdle') this.#dispatch.replaceIdle()
    else this.#dispatch.tryAgain()
  }

  #serverFailed(status: number, termination: Termination): void {
    this.#dispatch.count(COUNTER.responseErrors)
    if (!this.#response.started) this.#observe(true)
    if (termination === 'SD') this.#dispatch.count(COUNTER.serverAborts)
    this.#fail(status, termination)
  }

  /** HAProxy's termination state for an end that the client or its timeout brought about. */
  #ending(by: 'C' | 'c'): Termination {
    if (this.#isHeld) return 'PT'
    if (this.#phase === 'choose' && this.#dispatch.place.isTaken) return `${by}Q`
    return by + (this.#response.started ? 'D' : PHASES[this.#phase].letter)
  }

  /** Answers if nothing was forwarded yet; else the client gets what has come, and is told. */
  #fail(status: number, termination: Termination): void {
    if (!this.#response.started) {
      this.#answer(status, termination)
      return
    }
    this.#settle(termination)
    this.#stream.breakOff()
  }

  /** Ends the exchange where it is, without an answer. */
  #cutOff(termination: Termination): void {
    this.#settle(termination)
    this.#stream.reset()
  }

  /**
   * Tells the client of an error: with the answer of the backend, where one was found, or of the
   * frontend, or the standard one. HAProxy configuration manual, errorfile.
   */
  #answer(status: number, termination: Termination, closes = false): void {
    const own = this.#backend?.errors.find(status) ?? null
    this.#respond(own ?? this.#frontend.errors.answer(status), status, termination, closes)
  }

  /** Ends the exchange with an answer of our own. */
  #respond(answer: OwnAnswer, status: number, termination: Termination, closes: boolean): void {
    this.#record.status = status
    this.#stream.answer(answer, status, closes)
    this.#settle(termination)
    this.#stream.finish()
  }

  /** Gives up what the exchange holds, counts and logs it, and is ready for the next. */
  #settle(termination: Termination): void {
    const record = this.#record
    if (this.#wait !== null) this.#abandonWait(this.#wait)
    this.#leaveServer()?.reset()
    record.bytesIn += this.#stream.bytesIn
    record.bytesOut += this.#stream.bytesOut
    const parties = {
      client: this.client,
      frontend: this.#frontend.plan,
      backend: this.#backend?.plan ?? null,
      dispatch: this.#dispatch,
    }
    settleExchange(this.#services, parties, record, termination)
    if (record.responseMs >= 0) this.#observe(record.status >= 500)
    this.#dispatch.release()
    this.#request.forget()
    this.#backend = null
    this.#enter('head')
    this.#reuse = 'later'
  }

  #enter(phase: Phase): void {
    assert(PHASES[this.#phase].next.includes(phase), 'an exchange left out a phase')
    this.#phase = phase
  }

  /** The server's stream, if there is one, which the exchange then has no more. */
  #leaveServer(): ServerStream | null {
    const server = this.#server
    this.#server = null
    this.#timeout.stop()
    return server
  }

  /** Tells the strategy how long the server took, or might have, had it not failed. */
  #observe(hasFailed: boolean): void {
    const { responseMs, connectedMs } = this.#record
    const { serverMs } = this.#chosen.plan.timeouts
    this.#dispatch.observe(hasFailed ? serverMs : responseMs - connectedMs)
  }

  #countRequestError(): void {
    count(this.#services.cells, this.#frontend.plan.row, COUNTER.requestErrors)
  }

  /** Invariant: there is a backend from the rules on, and only what comes after them asks. */
  get #chosen(): BackendRuntime {
    assert(this.#backend !== null, 'an exchange went on without a backend')
    return this.#backend
  }
}
