import { SluiceError } from '../base/errors.ts'
import type { Cluster } from '../cluster/cluster.ts'
import type { ApiInfo, ApiReadiness } from '../operations/contract/api-contract.ts'
import {
  METRIC_PREFIXES,
  METRICS_CONTENT_TYPE,
  type MetricPrefix,
} from '../telemetry/exposition.ts'
import { clusterRoutes } from './cluster-routes.ts'
import { configRoutes } from './config-routes.ts'
import { openApi } from './openapi.ts'
import { json, type Route, text } from './route.ts'
import { type ServerSource, serverRoutes } from './server-routes.ts'

/** What the admin address tells of this node alone; the supervisor has it. */
export interface AdminSource extends ServerSource {
  /** The node is about to end, and takes no change from its own clients any more. */
  readonly draining: boolean
  ready(): ApiReadiness
  info(): ApiInfo
  /** The metrics as Prometheus text. */
  metrics(prefix: MetricPrefix): Promise<string>
  /** The statistics as HAProxy's CSV. */
  statistics(): Promise<string>
}

/** The paths of the admin address. */
export function routesOf(source: AdminSource, cluster: Cluster): readonly Route[] {
  return [
    ...probeRoutes(source),
    { name: '/stats;csv', path: /^\/stats;csv$/, GET: async () => text(await source.statistics()) },
    {
      name: '/api/v1/',
      path: /^\/api\/v1\/(?:openapi\.json)?$/,
      GET: () => json(openApi(source.info().version)),
    },
    { name: '/api/v1/info', path: /^\/api\/v1\/info$/, GET: () => json(source.info()) },
    ...serverRoutes(source, cluster),
    ...configRoutes(cluster),
    ...clusterRoutes(cluster),
  ]
}

/** What orchestrators and scrapers ask, under whatever name. */
function probeRoutes(source: AdminSource): readonly Route[] {
  return [
    { name: '/healthz', path: /^\/healthz$/, GET: () => text('ok\n') },
    {
      name: '/readyz',
      path: /^\/readyz$/,
      GET: () => {
        const readiness = source.ready()
        return json(readiness, readiness.ready ? 200 : 503)
      },
    },
    {
      name: '/metrics',
      path: /^\/metrics$/,
      GET: async ({ query }) => text(await source.metrics(prefixIn(query)), METRICS_CONTENT_TYPE),
    },
  ]
}

function prefixIn(query: URLSearchParams): MetricPrefix {
  const asked = query.get('prefix') ?? 'sluice'
  const prefix = METRIC_PREFIXES.find((known) => known === asked)
  if (prefix !== undefined) return prefix
  throw new SluiceError('request-invalid', `prefix is one of ${METRIC_PREFIXES.join(', ')}`)
}
