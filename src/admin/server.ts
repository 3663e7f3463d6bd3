import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http'
import type { Duplex } from 'node:stream'
import type { Cluster } from '../cluster/cluster.ts'
import { assert, SluiceError } from '../errors.ts'
import { type Address, formatAddress, isLoopback } from '../model/address.ts'
import type { DaemonLog } from '../telemetry/daemon-log.ts'
import { BearerToken } from './bearer-token.ts'
import { errorAnswer } from './error-answer.ts'
import { ForwardedServer } from './forwarded-server.ts'
import { authorIn, CHANGE_TIMEOUT_MS, forwardChange } from './forwarding.ts'
import { decodeBody, hasBody, readBody } from './request-body.ts'
import { RequestGuard } from './request-guard.ts'
import { type Answer, METHODS, type Question, type Route } from './route.ts'
import { type AdminSource, routesOf } from './routes.ts'

/** Connections to the admin address at once; more are closed as they come. */
export const ADMIN_CONNECTIONS_MAX = 64

/** Bytes of a request head. Node's own default. */
const HEAD_BYTES_MAX = 16_384

/** For a request to arrive. */
const REQUEST_TIMEOUT_MS = 10_000

/** Without a byte in either direction, as when a scraper stops reading. */
const IDLE_TIMEOUT_MS = 30_000

/** How often Node looks for requests that are late. */
const LATE_CHECK_MS = 1000

/** How long `close` waits for answers that are on their way. */
const CLOSE_WAIT_MS = 1000

/** What an admin server is made with. */
export interface AdminServerOptions {
  /** Null: it never listens, and serves only what other nodes forward to it. */
  readonly bind: Address | null
  /**
   * The bearer token: needed for every change, and for everything where others than this host can
   * connect. Null allows only an address that they cannot.
   */
  readonly token: string | null
  readonly source: AdminSource
  readonly cluster: Cluster
  /** Name of this node, for the history of what was changed. */
  readonly node: string
  readonly log: DaemonLog
}

/** The admin address: API, metrics and probes over HTTP, served by the control plane. */
export class AdminServer {
  readonly #bind: Address | null
  readonly #token: BearerToken | null
  /** Reading needs the token too. */
  readonly #isGuarded: boolean
  readonly #guard: RequestGuard
  readonly #log: DaemonLog
  readonly #cluster: Cluster
  readonly #source: AdminSource
  readonly #node: string
  readonly #routes: readonly Route[]
  readonly #server: Server
  readonly #forwarded: ForwardedServer

  /** @throws SluiceError `admin-unguarded` when others could connect and there is no token */
  constructor({ bind, token, source, cluster, node, log }: AdminServerOptions) {
    const hasToken = token !== null && token !== ''
    this.#isGuarded = bind !== null && !isLoopback(bind)
    if (bind !== null && this.#isGuarded && !hasToken) {
      const message = `the admin address ${formatAddress(bind)} can be reached by others and has no token`
      throw new SluiceError('admin-unguarded', message)
    }
    this.#bind = bind
    this.#token = hasToken ? new BearerToken(token) : null
    this.#guard = new RequestGuard(bind)
    this.#log = log
    this.#cluster = cluster
    this.#source = source
    this.#node = node
    this.#routes = routesOf(source, cluster)
    const limits: ServerOptions = { maxHeaderSize: HEAD_BYTES_MAX }
    limits.connectionsCheckingInterval = LATE_CHECK_MS
    this.#server = createServer(limits, (request, response) => {
      void this.#serve(request, response, false)
    })
    this.#server.headersTimeout = REQUEST_TIMEOUT_MS
    this.#server.requestTimeout = REQUEST_TIMEOUT_MS
    this.#server.maxConnections = ADMIN_CONNECTIONS_MAX
    this.#server.setTimeout(IDLE_TIMEOUT_MS)
    this.#forwarded = new ForwardedServer((request, response) => {
      void this.#serve(request, response, true)
    })
  }

  /**
   * Binds the address, which there must be.
   *
   * @returns the address that is bound: with the port that the system chose where it was 0
   * @throws SluiceError `address-in-use`, `bind-failed`
   */
  async listen(): Promise<Address> {
    const server = this.#server
    const bind = this.#bind
    assert(bind !== null, 'an admin server without an address does not listen')
    await new Promise<void>((resolve, reject) => {
      const onError = (error: NodeJS.ErrnoException): void => reject(bindError(bind, error))
      server.once('error', onError)
      server.listen(bind.kind === 'unix' ? { path: bind.path } : { ...bind }, () => {
        server.off('error', onError)
        resolve()
      })
    })
    server.on('error', (error) => {
      this.#log.error('admin-failed', 'the admin address has failed', { error })
    })
    const bound = server.address()
    if (bound === null || typeof bound === 'string') return bind
    return { kind: 'inet', host: bound.address, port: bound.port }
  }

  /**
   * Serves the changes that another node forwards to this one, the leader. Whoever is at the other
   * end is trusted: the caller has authenticated it, and it has authenticated its client. Needs no
   * {@link listen}.
   */
  serveForwarded(stream: Duplex): void {
    this.#forwarded.serve(stream)
  }

  /** Stops listening; answers on their way have a second to arrive. */
  async close(): Promise<void> {
    if (this.#server.listening) {
      const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
      this.#server.closeIdleConnections()
      const cut = setTimeout(() => this.#server.closeAllConnections(), CLOSE_WAIT_MS)
      await closed
      clearTimeout(cut)
    }
    this.#forwarded.close()
  }

  async #serve(
    request: IncomingMessage,
    response: ServerResponse,
    isForwarded: boolean,
  ): Promise<void> {
    try {
      const target = this.#find(request)
      if (!isForwarded) this.#admit(request, target)
      send(response, await this.#answer(request, response, target, isForwarded))
    } catch (cause) {
      const { error, answer, isFailure } = errorAnswer(cause)
      if (isFailure) {
        this.#log.error('admin-request-failed', `${request.url} has failed`, { error })
      }
      if (error.code === 'method-not-allowed') {
        response.setHeader('Allow', allowedOf(this.#find(request).route))
      }
      if (error.code === 'unauthorized') response.setHeader('WWW-Authenticate', 'Bearer')
      // What a refused request still sends is not waited for.
      response.setHeader('Connection', 'close')
      send(response, answer)
    }
  }

  /** @throws SluiceError where the one who asks may not */
  #admit(request: IncomingMessage, { route, path }: Target): void {
    const { method, headers } = request
    this.#guard.check(request, route?.isOpen === true)
    const needsToken = route?.isPublic !== true && (this.#isGuarded || !isRead(request))
    if (needsToken && this.#token?.isIn(headers.authorization) === false) {
      throw new SluiceError('unauthorized', `${method} ${path} needs the admin token`)
    }
  }

  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
    { route, path, parts, query }: Target,
    isForwarded: boolean,
  ): Promise<Answer> {
    if (route === undefined) throw new SluiceError('not-found', `there is no ${path}`)
    const method = isRead(request) ? 'GET' : METHODS.find((known) => known === request.method)
    const handler = method === undefined ? undefined : route[method]
    if (method === undefined || handler === undefined) {
      throw new SluiceError('method-not-allowed', `${path} does not take ${request.method}`)
    }
    const takesBody = method === 'POST' || method === 'PATCH'
    if (!takesBody && hasBody(request)) {
      throw new SluiceError('request-invalid', `${path} takes no body`)
    }
    const body = takesBody ? await readBody(request, route.takesConfig === true) : null
    const author = isForwarded ? authorIn(request) : authorOf(this.#node, request)
    const question: Question = {
      parts: parts.map(decodePart),
      query: new URLSearchParams(query),
      body: body === null ? undefined : decodeBody(body),
      isYaml: body?.isYaml === true,
      author,
    }
    if (method === 'GET') return handler(question)
    const to = this.#leaderToAsk(isForwarded)
    if (!isForwarded) request.socket.setTimeout(CHANGE_TIMEOUT_MS + IDLE_TIMEOUT_MS)
    if (to === null) return handler(question)
    const answer = await forwardChange(this.#cluster, { request, response, body, author, to })
    if (answer.status < 300) await this.#catchUp()
    return answer
  }

  /** What the leader has changed runs on this node too before this node says so, if it can. */
  async #catchUp(): Promise<void> {
    await this.#cluster.read().then(
      () => this.#source.caughtUp(),
      () => {},
    )
  }

  /**
   * Which node a change is to be forwarded to, null where it is to be made here.
   *
   * @throws SluiceError `node-draining`, `no-quorum`
   */
  #leaderToAsk(isForwarded: boolean): string | null {
    if (!isForwarded && this.#source.draining) {
      throw new SluiceError('node-draining', 'the node is draining')
    }
    const leader = this.#cluster.leaderElsewhere()
    if (leader === null || !isForwarded) return leader
    // The leadership has just moved. A change goes one step: two nodes must not play ball with it.
    throw new SluiceError('no-quorum', `the leader is ${leader} now, and nothing was changed`)
  }

  #find({ url = '' }: IncomingMessage): Target {
    const [, path = '', query = ''] = /^([^?]*)\??(.*)$/s.exec(url) ?? []
    const route = this.#routes.find((candidate) => candidate.path.test(path))
    const [, ...parts] = route?.path.exec(path) ?? []
    return { route, path, parts, query }
  }
}

/** What a request asks for. */
interface Target {
  readonly route: Route | undefined
  readonly path: string
  readonly parts: readonly string[]
  readonly query: string
}

function isRead({ method }: IncomingMessage): boolean {
  return method === 'GET' || method === 'HEAD'
}

function allowedOf(route: Route | undefined): string {
  const methods = METHODS.filter((method) => route?.[method] !== undefined)
  return methods.join(', ').replace('GET', 'GET, HEAD')
}

/** Who asks this node: what is known of them. */
function authorOf(node: string, { socket }: IncomingMessage): string {
  const { remoteAddress = '' } = socket
  const isHere = remoteAddress === '' || isLoopback({ kind: 'inet', host: remoteAddress, port: 0 })
  return `${node}, admin API${isHere ? '' : ` from ${remoteAddress}`}`
}

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch (error) {
    throw new SluiceError('request-invalid', `${part} is not percent-encoded UTF-8`, error)
  }
}

function send(response: ServerResponse, answer: Answer): void {
  const { status, contentType, body, retryAfterSec } = answer
  const headers = ['Cache-Control', 'no-store', 'X-Content-Type-Options', 'nosniff']
  if (contentType !== null) {
    headers.push('Content-Type', contentType, 'Content-Length', `${Buffer.byteLength(body)}`)
  }
  if (retryAfterSec !== undefined) headers.push('Retry-After', `${retryAfterSec}`)
  response.writeHead(status, headers)
  response.end(body)
}

function bindError(bind: Address, error: NodeJS.ErrnoException): SluiceError {
  const code = error.code === 'EADDRINUSE' ? 'address-in-use' : 'bind-failed'
  const message = `cannot bind the admin address ${formatAddress(bind)}: ${error.message}`
  return new SluiceError(code, message, error)
}
