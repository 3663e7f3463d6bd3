import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http'
import { type ErrorCode, SluiceError } from '../errors.ts'
import { type Address, formatAddress } from '../model/address.ts'
import type { DaemonLog } from '../telemetry/daemon-log.ts'
import type { ApiError } from './api-contract.ts'
import { BearerToken, isLocalOnly } from './bearer-token.ts'
import { hasBody, readJsonBody } from './request-body.ts'
import { RequestGuard } from './request-guard.ts'
import { type AdminSource, type Answer, json, type Route, routesOf } from './routes.ts'

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
  readonly bind: Address
  /**
   * The bearer token: needed for every change, and for everything where others than this host can
   * connect. Null allows only an address that they cannot.
   */
  readonly token: string | null
  readonly source: AdminSource
  readonly log: DaemonLog
}

const STATUS_OF_ERROR: Partial<Record<ErrorCode, number>> = {
  'request-invalid': 400,
  unauthorized: 401,
  'origin-refused': 403,
  'not-found': 404,
  'server-unknown': 404,
  'method-not-allowed': 405,
  'node-draining': 409,
  'body-too-large': 413,
  'media-type-unsupported': 415,
  'host-refused': 421,
  'change-invalid': 422,
}

/** The admin address: API, metrics and probes over HTTP, served by the control plane. */
export class AdminServer {
  readonly #bind: Address
  readonly #token: BearerToken | null
  /** Reading needs the token too. */
  readonly #isGuarded: boolean
  readonly #guard: RequestGuard
  readonly #log: DaemonLog
  readonly #routes: readonly Route[]
  readonly #server: Server

  /** @throws SluiceError `admin-unguarded` when others could connect and there is no token */
  constructor({ bind, token, source, log }: AdminServerOptions) {
    const hasToken = token !== null && token !== ''
    this.#isGuarded = !isLocalOnly(bind)
    if (this.#isGuarded && !hasToken) {
      const message = `the admin address ${formatAddress(bind)} can be reached by others and has no token`
      throw new SluiceError('admin-unguarded', message)
    }
    this.#bind = bind
    this.#token = hasToken ? new BearerToken(token) : null
    this.#guard = new RequestGuard(bind)
    this.#log = log
    this.#routes = routesOf(source)
    const limits: ServerOptions = { maxHeaderSize: HEAD_BYTES_MAX }
    limits.connectionsCheckingInterval = LATE_CHECK_MS
    this.#server = createServer(limits, (request, response) => void this.#serve(request, response))
    this.#server.headersTimeout = REQUEST_TIMEOUT_MS
    this.#server.requestTimeout = REQUEST_TIMEOUT_MS
    this.#server.maxConnections = ADMIN_CONNECTIONS_MAX
    this.#server.setTimeout(IDLE_TIMEOUT_MS)
  }

  /**
   * Binds the address.
   *
   * @returns the address that is bound: with the port that the system chose where it was 0
   * @throws SluiceError `address-in-use`, `bind-failed`
   */
  async listen(): Promise<Address> {
    const server = this.#server
    const bind = this.#bind
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

  /** Stops listening; answers on their way have a second to arrive. */
  async close(): Promise<void> {
    if (!this.#server.listening) return
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    this.#server.closeIdleConnections()
    const cut = setTimeout(() => this.#server.closeAllConnections(), CLOSE_WAIT_MS)
    await closed
    clearTimeout(cut)
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      send(response, await this.#answer(request))
    } catch (error) {
      const known = error instanceof SluiceError ? error : internalError(error)
      if (known.source === 'internal') {
        this.#log.error('admin-request-failed', `${request.url} has failed`, { error: known })
      }
      if (known.code === 'method-not-allowed') {
        const { route } = this.#find(request)
        response.setHeader('Allow', route?.PATCH ? 'GET, HEAD, PATCH' : 'GET, HEAD')
      }
      if (known.code === 'unauthorized') response.setHeader('WWW-Authenticate', 'Bearer')
      // What a refused request still sends is not waited for.
      response.setHeader('Connection', 'close')
      const { code, message, hint } = known
      send(response, json({ code, message, hint } satisfies ApiError, STATUS_OF_ERROR[code] ?? 500))
    }
  }

  async #answer(request: IncomingMessage): Promise<Answer> {
    const { method = '', headers } = request
    const { route, path, parts, query } = this.#find(request)
    this.#guard.check(request, route?.isOpen === true)
    const isRead = method === 'GET' || method === 'HEAD'
    const needsToken = route?.isPublic !== true && (this.#isGuarded || !isRead)
    if (needsToken && this.#token?.isIn(headers.authorization) === false) {
      throw new SluiceError('unauthorized', `${method} ${path} needs the admin token`)
    }
    if (route === undefined) throw new SluiceError('not-found', `there is no ${path}`)
    const handler = isRead ? route.GET : method === 'PATCH' ? route.PATCH : undefined
    if (handler === undefined) {
      throw new SluiceError('method-not-allowed', `${path} does not take ${method}`)
    }
    if (isRead && hasBody(request))
      throw new SluiceError('request-invalid', `${path} takes no body`)
    const body = isRead ? undefined : await readJsonBody(request)
    return handler({ parts: parts.map(decodePart), query: new URLSearchParams(query), body })
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

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch (error) {
    throw new SluiceError('request-invalid', `${part} is not percent-encoded UTF-8`, error)
  }
}

function send(response: ServerResponse, { status, contentType, body }: Answer): void {
  response.writeHead(status, {
    'Content-Type': contentType,
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
  })
  response.end(body)
}

function internalError(error: unknown): SluiceError {
  return new SluiceError('invariant-broken', 'the request could not be answered', error)
}

function bindError(bind: Address, error: NodeJS.ErrnoException): SluiceError {
  const code = error.code === 'EADDRINUSE' ? 'address-in-use' : 'bind-failed'
  const message = `cannot bind the admin address ${formatAddress(bind)}: ${error.message}`
  return new SluiceError(code, message, error)
}
