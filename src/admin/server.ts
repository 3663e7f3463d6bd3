import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { formatAddress, type InetAddress, isLoopback } from '../base/address.ts'
import { assert, SluiceError } from '../base/errors.ts'
import { giveWay } from '../base/work-slices.ts'
import { type AdminLevel, reachesLevel } from '../model/admin-level.ts'
import type { AcceptPauses } from '../net/accept-pauses.ts'
import type { OperatedNode, Caller as OperationCaller } from '../operations/operated-node.ts'
import type { DaemonLog } from '../telemetry/daemon-log.ts'
import { type Access, accessTo, METHODS, type Method } from './access.ts'
import { AdminListener, IDLE_TIMEOUT_MS } from './admin-listener.ts'
import type { AdminTls } from './admin-tls.ts'
import { type ErrorAnswer, errorAnswer } from './error-answer.ts'
import { decodeChange, encodeAnswer } from './forwarding/forwarded-change.ts'
import { ForwardedServer } from './forwarding/forwarded-server.ts'
import { CHANGE_TIMEOUT_MS, forwardChange } from './forwarding/forwarding.ts'
import {
  authorIn,
  isRelayed,
  levelIn,
  type RelayedRequest,
  relayOverStream,
} from './forwarding/node-requests.ts'
import { decodeBody, hasBody, type RequestBody, readBody } from './request-body.ts'
import { RequestGuard } from './request-guard.ts'
import type { Answer, Handler, Question, Route } from './route.ts'
import { routesOf } from './routes.ts'
import type { SocketAccess } from './socket-file.ts'
import type { AdminTokens, Caller } from './tokens.ts'

/** Characters of a path in the log. */
const LOGGED_PATH_LENGTH_MAX = 200

/** What is asked of another node: its name, and the path there. */
const NODE_PATH = /^\/api\/v1\/nodes\/([^/]+)(\/.*)$/

/** Over which way a request has come. Who may is asked of them in other ways. */
type Way = 'tcp' | 'socket' | 'peer'

/** What an admin server is made with. */
export interface AdminServerOptions extends OperatedNode {
  /**
   * Null: it serves only its Unix socket, if it is given one, and what other nodes forward to it.
   */
  readonly bind: InetAddress | null
  /** What the TCP address speaks HTTPS by; null or absent: it speaks HTTP. */
  readonly tls?: AdminTls | null
  /**
   * Who may ask over TCP; access.ts says for what. None allows only an address that others than
   * this host cannot connect to, and there only probes and metrics.
   */
  readonly tokens: AdminTokens
  /** Name of this node, for the history of what was changed. */
  readonly node: string
  readonly log: DaemonLog
  /** Has its addresses accept only while a descriptor is left. */
  readonly pauses: AcceptPauses
}

/** Characters of an answer that is sent as one piece: a millisecond's work. */
const WHOLE_LENGTH_MAX = 65_536

/** The admin server: API, metrics and probes over HTTP, served by the control plane. */
export class AdminServer {
  readonly #bind: InetAddress | null
  readonly #tokens: AdminTokens
  /** Others than this host can connect. */
  readonly #isExposed: boolean
  /** Of the TCP address. */
  readonly #guard: RequestGuard
  readonly #socketGuard = new RequestGuard(null)
  readonly #log: DaemonLog
  readonly #operated: OperatedNode
  readonly #node: string
  readonly #routes: readonly Route[]
  readonly #tcp: AdminListener
  readonly #socket: AdminListener
  readonly #forwarded: ForwardedServer

  /** @throws SluiceError `admin-unguarded` when others could connect and there is no token */
  constructor(options: AdminServerOptions) {
    const { bind, tls = null, tokens, source, cluster, node, log, pauses } = options
    this.#isExposed = bind !== null && !isLoopback(bind)
    if (bind !== null && this.#isExposed && tokens.isEmpty) {
      const message = `the admin address ${formatAddress(bind)} can be reached by others and has no token`
      throw new SluiceError('admin-unguarded', message)
    }
    this.#bind = bind
    this.#tokens = tokens
    this.#guard = new RequestGuard(bind, tls !== null)
    this.#log = log
    this.#operated = { cluster, source }
    this.#node = node
    this.#routes = routesOf(this.#operated)
    const over = (way: Way) => (request: IncomingMessage, response: ServerResponse) =>
      this.#serve(request, response, way)
    this.#tcp = new AdminListener(over('tcp'), log, pauses, tls)
    this.#socket = new AdminListener(over('socket'), log, pauses)
    const onForwarded = over('peer')
    this.#forwarded = new ForwardedServer((request, response) => {
      void onForwarded(request, response)
    })
  }

  /**
   * Binds the TCP address, which there must be.
   *
   * @returns the address that is bound: with the port that the system chose where it was 0
   * @throws SluiceError `address-in-use`, `bind-failed`
   */
  async listen(): Promise<InetAddress> {
    const bind = this.#bind
    assert(bind !== null, 'an admin server without an address does not listen')
    return this.#tcp.listen(bind)
  }

  /**
   * Serves a Unix socket too, whoever may connect to which may do everything.
   *
   * @throws SluiceError `address-in-use`, `bind-failed`
   */
  async listenOnSocket(path: string, access: SocketAccess): Promise<void> {
    await this.#socket.listenOnSocket(path, access)
  }

  /**
   * Makes a change that another node forwards to this one, the leader. That node is trusted: the
   * caller has authenticated it, and it has authenticated its client. Needs no {@link listen}.
   *
   * @param message from `encodeChange`
   * @returns for `decodeAnswer`; a change that is refused has an answer too
   * @throws SluiceError `request-invalid`: it is no change
   */
  async answerForwarded(message: Uint8Array): Promise<Uint8Array> {
    const change = decodeChange(message)
    const target = this.#find(change.url, change.method)
    try {
      const handler = handlerOf(target, change.method)
      this.#leaderToAsk(false)
      const answer = await handler(questionOf(target, change.body, change))
      return encodeAnswer({ answer, appliedIndex: this.#operated.cluster.appliedIndex() })
    } catch (cause) {
      const { answer } = this.#failed(cause, change.url)
      return encodeAnswer({ answer, appliedIndex: null })
    }
  }

  /**
   * Serves what a client of another node asks of this one, and the changes that a node of an earlier
   * version forwards. Trust is as at {@link answerForwarded}.
   */
  serveForwarded(stream: Duplex): void {
    this.#forwarded.serve(stream)
  }

  /** Stops listening; answers on their way have a second to arrive. */
  async close(): Promise<void> {
    await Promise.all([this.#tcp.close(), this.#socket.close()])
    this.#forwarded.close()
  }

  async #serve(request: IncomingMessage, response: ServerResponse, way: Way): Promise<void> {
    const { url = '', method = '' } = request
    const target = this.#find(url, method)
    let asker: Asker | null = null
    try {
      asker = this.#admit(request, target, way)
      if (target.node !== null) {
        await this.#relay(request, response, target.node, { ...asker, url: target.url })
        this.#tellChange(target, asker, response.statusCode)
        return
      }
      const answer = await this.#answer(request, target, asker)
      this.#tellChange(target, asker, answer.status)
      await send(response, answer)
    } catch (cause) {
      const { error, answer } = this.#failed(cause, url)
      if (asker !== null) this.#tellChange(target, asker, answer.status)
      if (error.code === 'method-not-allowed') {
        response.setHeader('Allow', allowedOf(target.route))
      }
      if (error.code === 'unauthorized') response.setHeader('WWW-Authenticate', 'Bearer')
      // What a refused request still sends is not waited for.
      response.setHeader('Connection', 'close')
      await send(response, answer)
    }
  }

  /** Whatever has gone wrong, as it is told to who asked; to this node's log where that is to blame. */
  #failed(cause: unknown, url: string): ErrorAnswer {
    const failed = errorAnswer(cause)
    if (failed.isFailure) {
      this.#log.error('admin-request-failed', `${url} has failed`, { error: failed.error })
    }
    return failed
  }

  /** Has another node answer. That one believes what this one has found of who asks. */
  async #relay(
    request: IncomingMessage,
    response: ServerResponse,
    node: string,
    relayed: RelayedRequest,
  ): Promise<void> {
    const stream = await this.#operated.cluster.openStream(node)
    expectChange(request)
    try {
      await relayOverStream(stream, request, response, relayed)
    } finally {
      stream.destroy()
    }
  }

  /** @throws SluiceError where the one who asks may not */
  #admit(request: IncomingMessage, target: Target, way: Way): Asker {
    if (way === 'peer') {
      // One step: nodes must not play ball with a request.
      if (target.isOfNode) throw new SluiceError('not-found', `there is no ${request.url}`)
      return { way, level: levelIn(request), author: authorIn(request) }
    }
    if (way === 'socket') {
      this.#socketGuard.check(request, true)
      return { way, level: 'admin', author: `${this.#node}, admin socket` }
    }
    const { path, route, method } = target
    const access = target.isOfNode
      ? guarded(accessTo(route?.name, method))
      : accessTo(route?.name, method)
    this.#guard.check(request, access === 'open' || access === 'scrape')
    const { name, level } = this.#callerOf(request, `${request.method} ${path}`, access)
    return { way, level, author: authorOf(this.#node, name, request) }
  }

  /** @throws SluiceError `token-unset`, `unauthorized`, `level-too-low` */
  #callerOf({ headers }: IncomingMessage, what: string, access: Access): Caller {
    const isFree = access === 'open' || (access === 'scrape' && !this.#isExposed)
    const needed = access === 'open' || access === 'scrape' ? 'read' : access
    if (isFree) return { name: null, level: needed }
    if (this.#tokens.isEmpty) {
      const message = `${what} is not served here: this node has no token for its admin address`
      throw new SluiceError('token-unset', message)
    }
    const caller = this.#tokens.callerIn(headers.authorization)
    if (caller === null) throw new SluiceError('unauthorized', `${what} needs an admin token`)
    if (reachesLevel(caller.level, needed)) return caller
    const owner = caller.name === null ? 'this token' : `the token ${caller.name}`
    const message = `${what} takes level ${needed}, and ${owner} has level ${caller.level}`
    throw new SluiceError('level-too-low', message)
  }

  /** Who has asked this node for a change is found in its log, whatever has come of it. */
  #tellChange({ method, path }: Target, { way, author }: Asker, status: number): void {
    if (method === 'GET' || method === undefined || way === 'peer') return
    const what = path.slice(0, LOGGED_PATH_LENGTH_MAX)
    const fields = { method, path: what, author, status }
    this.#log.info('admin-change', `${method} ${what} by ${author}: ${status}`, fields)
  }

  async #answer(
    request: IncomingMessage,
    target: Target,
    { way, author, level }: Asker,
  ): Promise<Answer> {
    const { route, path, method, url } = target
    const handler = handlerOf(target, request.method ?? '')
    const takesBody = method === 'POST' || method === 'PATCH'
    if (!takesBody && hasBody(request)) {
      throw new SluiceError('request-invalid', `${path} takes no body`)
    }
    const body = takesBody ? await readBody(request, route?.takesConfig === true) : null
    const caller = { author, level }
    const question = questionOf(target, body, caller)
    if (method === 'GET' || method === undefined || route?.isOfNode) return handler(question)
    // A node of an earlier version forwards changes as requests.
    const isOwn = way !== 'peer' || isRelayed(request)
    const to = this.#leaderToAsk(isOwn)
    if (way !== 'peer') expectChange(request)
    if (to === null) return handler(question)
    const change = { method, url, body, ...caller }
    const { answer, appliedIndex } = await forwardChange(this.#operated.cluster, to, change)
    if (answer.status < 300) await this.#catchUp(appliedIndex)
    return answer
  }

  /** What the leader has changed runs on this node too before this node says so, if it can. */
  async #catchUp(appliedIndex: number | null): Promise<void> {
    const { cluster, source } = this.#operated
    // Where the leader has said how far it is, nobody need be asked again.
    const isThere = appliedIndex === null ? cluster.read() : cluster.untilApplied(appliedIndex)
    await isThere.then(
      () => source.caughtUp(),
      () => {},
    )
  }

  /**
   * Which node a change is to be forwarded to, null where it is to be made here.
   *
   * @param isOwn a client has asked this node for it; no other node has forwarded it
   * @throws SluiceError `node-draining`, `no-quorum`
   */
  #leaderToAsk(isOwn: boolean): string | null {
    if (isOwn && this.#operated.source.draining) {
      throw new SluiceError('node-draining', 'the node is draining')
    }
    const leader = this.#operated.cluster.leaderElsewhere()
    if (leader === null || isOwn) return leader
    // The leadership has just moved. A change goes one step: two nodes must not play ball with it.
    throw new SluiceError('no-quorum', `the leader is ${leader} now, and nothing was changed`)
  }

  #find(url: string, requestMethod: string): Target {
    const [, node = '', rest = ''] = NODE_PATH.exec(url) ?? []
    const isOfNode = node !== '' && !NODE_PATH.test(rest)
    const innerUrl = isOfNode ? rest : url
    const [, path = '', query = ''] = /^([^?]*)\??(.*)$/s.exec(innerUrl) ?? []
    const route = this.#routes.find((candidate) => candidate.path.test(path))
    const [, ...parts] = route?.path.exec(path) ?? []
    const method = isRead(requestMethod) ? 'GET' : METHODS.find((known) => known === requestMethod)
    const name = isOfNode ? nameIn(node) : this.#node
    return {
      node: name === this.#node ? null : name,
      isOfNode,
      url: innerUrl,
      route,
      path,
      parts,
      query,
      method,
    }
  }
}

/** What a request asks for. */
interface Target {
  /** The other node that is asked for it; null: this one. */
  readonly node: string | null
  /** It is asked for by a node's name, be it this one's. */
  readonly isOfNode: boolean
  /** Path and query, at the node that is asked for. */
  readonly url: string
  readonly route: Route | undefined
  readonly path: string
  readonly parts: readonly string[]
  readonly query: string
  /** HEAD counts as GET; undefined for one that no path has. */
  readonly method: Method | undefined
}

/** Who asks, and over which way. */
interface Asker {
  readonly way: Way
  readonly level: AdminLevel
  /** For the history of what was changed. */
  readonly author: string
}

/** @throws SluiceError `not-found`, `method-not-allowed` */
function handlerOf({ route, path, method }: Target, requestMethod: string): Handler {
  if (route === undefined) throw new SluiceError('not-found', `there is no ${path}`)
  const handler = method === undefined ? undefined : route[method]
  if (handler !== undefined) return handler
  throw new SluiceError('method-not-allowed', `${path} does not take ${requestMethod}`)
}

/** @throws SluiceError `request-invalid` */
function questionOf(
  { parts, query }: Target,
  body: RequestBody | null,
  { author, level }: OperationCaller,
): Question {
  return {
    parts: parts.map(decodePart),
    query: new URLSearchParams(query),
    body: body === null ? undefined : decodeBody(body),
    isYaml: body?.isYaml === true,
    author,
    level,
  }
}

function isRead(method: string): boolean {
  return method === 'GET' || method === 'HEAD'
}

/** What another node tells is told to those who may read alone. */
function guarded(access: Access): AdminLevel {
  return access === 'open' || access === 'scrape' ? 'read' : access
}

function allowedOf(route: Route | undefined): string {
  const methods = METHODS.filter((method) => route?.[method] !== undefined)
  return methods.join(', ').replace('GET', 'GET, HEAD')
}

/** Who asks this node: what is known of them. */
function authorOf(node: string, name: string | null, { socket }: IncomingMessage): string {
  const { remoteAddress = '' } = socket
  const isHere = isLoopback({ kind: 'inet', host: remoteAddress, port: 0 })
  const as = name === null ? '' : ` as ${name}`
  return `${node}, admin API${as}${isHere ? '' : ` from ${remoteAddress}`}`
}

/** What is no encoding is nobody's name. */
function nameIn(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch (error) {
    throw new SluiceError('request-invalid', `${part} is not percent-encoded UTF-8`, error)
  }
}

/** Resolves when all of it is on its way, or nobody takes it any more. */
async function send(response: ServerResponse, answer: Answer): Promise<void> {
  const { status, contentType, retryAfterSec } = answer
  const body = ofShort(answer.body)
  const headers = ['Cache-Control', 'no-store', 'X-Content-Type-Options', 'nosniff']
  if (contentType !== null) headers.push('Content-Type', contentType)
  if (retryAfterSec !== undefined) headers.push('Retry-After', `${retryAfterSec}`)
  if (typeof body !== 'string') {
    response.writeHead(status, headers)
    await sendPieces(response, body)
    return
  }
  if (contentType !== null) headers.push('Content-Length', `${Buffer.byteLength(body)}`)
  response.writeHead(status, headers)
  response.end(body)
}

/** What is short is sent at once, with its length. */
function ofShort(body: Answer['body']): Answer['body'] {
  if (typeof body === 'string') return body
  const length = body.reduce((sum, piece) => sum + piece.length, 0)
  return length <= WHOLE_LENGTH_MAX ? body.join('') : body
}

/** No more is buffered than a piece, and none waits for a client while the next is encoded. */
async function sendPieces(response: ServerResponse, pieces: readonly string[]): Promise<void> {
  for (const piece of pieces) {
    await giveWay()
    if (response.destroyed) return
    if (!response.write(piece)) await untilTaken(response)
  }
  response.end()
}

/** Resolves when a response takes more, or has ended. */
function untilTaken(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      response.off('drain', settle)
      response.off('close', settle)
      resolve()
    }
    response.on('drain', settle)
    response.on('close', settle)
  })
}

/** A client that asks for a change is silent for as long as the change may take. */
function expectChange({ method, socket }: IncomingMessage): void {
  if (method !== 'GET') socket.setTimeout(CHANGE_TIMEOUT_MS + IDLE_TIMEOUT_MS)
}
