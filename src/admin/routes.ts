import { SluiceError } from '../errors.ts'
import {
  METRIC_PREFIXES,
  METRICS_CONTENT_TYPE,
  type MetricPrefix,
} from '../telemetry/exposition.ts'
import type {
  ApiInfo,
  ApiReadiness,
  ApiServer,
  ApiServerChange,
  ApiServers,
} from './api-contract.ts'
import { openApi } from './openapi.ts'
import { parseServerChange } from './server-change.ts'

/** What the admin address tells of and changes; the supervisor has it. */
export interface AdminSource {
  ready(): ApiReadiness
  info(): ApiInfo
  servers(): ApiServers
  /** @throws SluiceError `server-unknown` */
  server(backend: string, name: string): ApiServer
  /**
   * Sets a server's state or weight.
   *
   * @throws SluiceError `server-unknown`, `node-draining`
   */
  setServer(backend: string, name: string, change: ApiServerChange): ApiServer
  /** The metrics as Prometheus text. */
  metrics(prefix: MetricPrefix): Promise<string>
  /** The statistics as HAProxy's CSV. */
  statistics(): Promise<string>
}

/** An answer, ready to be sent. */
export interface Answer {
  readonly status: number
  readonly contentType: string
  readonly body: string
}

/** What a route is asked. */
export interface Question {
  /** What stands in the path where the route has a place to fill, decoded. */
  readonly parts: readonly string[]
  readonly query: URLSearchParams
  /** JSON; undefined where the method has no body. */
  readonly body: unknown
}

/** Answers one method of one path. */
export type Handler = (question: Question) => Answer | Promise<Answer>

/** One path, or all paths of one form. */
export interface Route {
  readonly path: RegExp
  /** Answered without a token: probes of orchestrators bring none, and these tell no secret. */
  readonly isPublic?: true
  /** Answered under any name of this host: it changes nothing. */
  readonly isOpen?: true
  readonly GET: Handler
  readonly PATCH?: Handler
}

/** The paths of the admin address. */
export function routesOf(source: AdminSource): readonly Route[] {
  return [
    { path: /^\/healthz$/, isPublic: true, isOpen: true, GET: () => text('ok\n') },
    {
      path: /^\/readyz$/,
      isPublic: true,
      isOpen: true,
      GET: () => {
        const readiness = source.ready()
        return json(readiness, readiness.ready ? 200 : 503)
      },
    },
    {
      path: /^\/metrics$/,
      isOpen: true,
      GET: async ({ query }) => text(await source.metrics(prefixIn(query)), METRICS_CONTENT_TYPE),
    },
    { path: /^\/stats;csv$/, GET: async () => text(await source.statistics()) },
    {
      path: /^\/api\/v1\/(?:openapi\.json)?$/,
      GET: () => json(openApi(source.info().version)),
    },
    { path: /^\/api\/v1\/info$/, GET: () => json(source.info()) },
    { path: /^\/api\/v1\/servers$/, GET: () => json(source.servers()) },
    {
      path: /^\/api\/v1\/servers\/([^/]+)\/([^/]+)$/,
      GET: ({ parts: [backend = '', name = ''] }) => json(source.server(backend, name)),
      PATCH: ({ parts: [backend = '', name = ''], body }) =>
        json(source.setServer(backend, name, parseServerChange(body))),
    },
  ]
}

/** An answer in JSON. */
export function json(body: object, status = 200): Answer {
  return { status, contentType: 'application/json', body: `${JSON.stringify(body)}\n` }
}

function text(body: string, contentType = 'text/plain; charset=utf-8'): Answer {
  return { status: 200, contentType, body }
}

function prefixIn(query: URLSearchParams): MetricPrefix {
  const asked = query.get('prefix') ?? 'sluice'
  const prefix = METRIC_PREFIXES.find((known) => known === asked)
  if (prefix !== undefined) return prefix
  throw new SluiceError('request-invalid', `prefix is one of ${METRIC_PREFIXES.join(', ')}`)
}
