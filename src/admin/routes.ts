import {
  showMetrics,
  showNode,
  showReadiness,
  showStatistics,
} from '../operations/node-operations.ts'
import type { OperatedNode } from '../operations/operated-node.ts'
import { METRICS_CONTENT_TYPE } from '../telemetry/exposition.ts'
import { certificateRoutes } from './certificate-routes.ts'
import { clusterRoutes } from './cluster-routes.ts'
import { configRoutes } from './config-routes.ts'
import { openApi } from './openapi.ts'
import { flagIn } from './query.ts'
import { json, type Route, text } from './route.ts'
import { serverRoutes } from './server-routes.ts'

/** The paths of the admin address: each translates a request to an operation, and back. */
export function routesOf(node: OperatedNode): readonly Route[] {
  return [
    ...probeRoutes(node),
    {
      name: '/stats;csv',
      path: /^\/stats;csv$/,
      GET: async () => text(await showStatistics(node)),
    },
    {
      name: '/api/v1/',
      path: /^\/api\/v1\/(?:openapi\.json)?$/,
      GET: () => json(openApi(showNode(node).version)),
    },
    { name: '/api/v1/info', path: /^\/api\/v1\/info$/, GET: () => json(showNode(node)) },
    ...serverRoutes(node),
    ...configRoutes(node),
    ...certificateRoutes(node),
    ...clusterRoutes(node),
  ]
}

/** What orchestrators and scrapers ask, under whatever name. */
function probeRoutes(node: OperatedNode): readonly Route[] {
  return [
    { name: '/healthz', path: /^\/healthz$/, GET: () => text('ok\n') },
    {
      name: '/readyz',
      path: /^\/readyz$/,
      GET: ({ query }) => {
        const readiness = showReadiness(node, flagIn(query, 'traffic'))
        return json(readiness, readiness.ready ? 200 : 503)
      },
    },
    {
      name: '/metrics',
      path: /^\/metrics$/,
      GET: async ({ query }) =>
        text(await showMetrics(node, query.get('prefix') ?? 'sluice'), METRICS_CONTENT_TYPE),
    },
  ]
}
