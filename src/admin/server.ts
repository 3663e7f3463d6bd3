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
import {
  METRIC_PREFIXES,
  METRICS_CONTENT_TYPE,
  type MetricPrefix,
} from '../telemetry/exposition.ts'
import type { ApiError, ApiInfo, ApiReadiness, ApiServers } from './api-contract.ts'
import { BearerToken, isLocalOnly } from './bearer-token.ts'

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

/** What the admin address tells of; the supervisor has it. */
export interface AdminSource {
  ready(): ApiReadiness
  info(): ApiInfo
  servers(): ApiServers
  /** The metrics as Prometheus text. */
  metrics(prefix: MetricPrefix): Promise<string>
}

/** What an admin server is made with. */
export interface AdminServerOptions {
  readonly bind: Address
  /** The bearer token; null allows only an address that is reached from this host alone. */
  readonly token: string | null
  readonly source: AdminSource
  readonly log: DaemonLog
}

/** An answer, ready to be sent. */
interface Answer {
  readonly status: number
  readonly contentType: string
  readonly body: string
}

interface Route {
  /** Answered without a token: probes of orchestrators bring none, and these tell no secret. */
  readonly isPublic: boolean
  readonly answer: (query: URLSearchParams) => Answer | Promise<Answer>
}

const STATUS_OF_ERROR: Partial<Record<ErrorCode, number>> = {
  'request-invalid': 400,
  unauthorized: 401,
  'not-found': 404,
  'method-not-allowed': 405,
}

/** The admin address: API, metrics and probes over HTTP, served by the control plane. */
export class AdminServer {
  readonly #bind: Address
  readonly #token: BearerToken | null
  readonly #log: DaemonLog
  readonly #routes: ReadonlyMap<string, Route>
  readonly #server: Server

  /** @throws SluiceError `admin-unguarded` when others could connect and there is no token */
  constructor({ bind, token, source, log }: AdminServerOptions) {
    const isGuarded = !isLocalOnly(bind)
    if (isGuarded && (token === null || token === '')) {
      const message = `the admin address ${formatAddress(bind)} can be reached by others and has no token`
      throw new SluiceError('admin-unguarded', message)
    }
    this.#bind = bind
    this.#token = isGuarded ? new BearerToken(token ?? '') : null
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
      if (known.code === 'method-not-allowed') response.setHeader('Allow', 'GET, HEAD')
      if (known.code === 'unauthorized') response.setHeader('WWW-Authenticate', 'Bearer')
      // What a refused request still sends is not waited for.
      response.setHeader('Connection', 'close')
      const { code, message, hint } = known
      send(response, json({ code, message, hint } satisfies ApiError, STATUS_OF_ERROR[code] ?? 500))
    }
  }

  async #answer(request: IncomingMessage): Promise<Answer> {
    const { method = '', url = '', headers } = request
    const [, path = '', query = ''] = /^([^?]*)\??(.*)$/s.exec(url) ?? []
    const route = this.#routes.get(path)
    if (route?.isPublic !== true && this.#token?.isIn(headers.authorization) === false) {
      throw new SluiceError('unauthorized', `${path} needs the admin token`)
    }
    if (route === undefined) throw new SluiceError('not-found', `there is no ${path}`)
    if (method !== 'GET' && method !== 'HEAD') {
      throw new SluiceError('method-not-allowed', `${path} does not take ${method}`)
    }
    if (headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0') {
      throw new SluiceError('request-invalid', `${path} takes no body`)
    }
    return route.answer(new URLSearchParams(query))
  }
}

function routesOf(source: AdminSource): Map<string, Route> {
  return new Map<string, Route>([
    ['/healthz', { isPublic: true, answer: () => text('ok\n') }],
    [
      '/readyz',
      {
        isPublic: true,
        answer: () => {
          const readiness = source.ready()
          return json(readiness, readiness.ready ? 200 : 503)
        },
      },
    ],
    [
      '/metrics',
      {
        isPublic: false,
        answer: async (query) => text(await source.metrics(prefixIn(query)), METRICS_CONTENT_TYPE),
      },
    ],
    ['/api/v1/info', { isPublic: false, answer: () => json(source.info()) }],
    ['/api/v1/servers', { isPublic: false, answer: () => json(source.servers()) }],
  ])
}

function prefixIn(query: URLSearchParams): MetricPrefix {
  const asked = query.get('prefix') ?? 'sluice'
  const prefix = METRIC_PREFIXES.find((known) => known === asked)
  if (prefix !== undefined) return prefix
  throw new SluiceError('request-invalid', `prefix is one of ${METRIC_PREFIXES.join(', ')}`)
}

function json(body: ApiReadiness | ApiInfo | ApiServers | ApiError, status = 200): Answer {
  return { status, contentType: 'application/json', body: `${JSON.stringify(body)}\n` }
}

function text(body: string, contentType = 'text/plain; charset=utf-8'): Answer {
  return { status: 200, contentType, body }
}

function send(response: ServerResponse, { status, contentType, body }: Answer): void {
  response.writeHead(status, {
    'Content-Type': contentType,
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
