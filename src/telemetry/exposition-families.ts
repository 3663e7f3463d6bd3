import { SERVER_STATE, type ServerTable } from '../memory/server-table.ts'
import type { PlannedCertificate } from '../model/plan.ts'
import {
  counter,
  durations,
  type Family,
  gauge,
  httpOnly,
  type Labels,
  queueFamilies,
  type Reading,
  responses,
  type Subject,
  sessions,
  upstreamFamilies,
} from './metric-families.ts'
import { PROBE_STATUS_LABELS, SERVER_STATE_LABELS, type ServerSubject } from './server-families.ts'

/** A frontend with its limit of connections. */
export interface FrontendSubject extends Subject {
  readonly maxconn: number
  /** Whether it accepts connections. */
  readonly isUp: boolean
  /** What its clients are shown; one may be there more than once. */
  readonly certificates: readonly Pick<PlannedCertificate, 'path' | 'notAfterMs'>[]
}

/** A backend with its servers. */
export interface BackendSubject extends Subject {
  readonly servers: readonly ServerSubject[]
}

/** The process. */
export interface ProcessSubject {
  readonly labels: Labels
  readonly version: string
  /** Version of the running configuration. */
  readonly configVersion: number
  /** Milliseconds since 1970. */
  readonly startedAtMs: number
  readonly uptimeMs: number
  /** Whether the process drains. */
  readonly isStopping: boolean
  /** Lines of the access log that were lost. */
  readonly droppedLogsTotal: number
  /** Worker threads that died, each of which was replaced. */
  readonly workerDeathsTotal: number
  readonly maxconn: number
  /** Processor time of all threads, user and system. */
  readonly cpuSeconds: number
  readonly residentBytes: number
}

const FAILED_REWRITES = 'Header values that a rule could not write.'

/**
 * Families of the process. Names are HAProxy's exporter's without their prefix (HAProxy sources,
 * `addons/promex`) here and below; each is listed only where what it tells is really counted.
 */
export const PROCESS_FAMILIES: readonly Family<ProcessSubject>[] = [
  gauge('process_build_info', 'Always 1; the version is in the label.', ({ version }) => [
    { labels: { version }, value: 1 },
  ]),
  gauge(
    'process_start_time_seconds',
    'Start, in seconds since 1970.',
    (it) => it.startedAtMs / 1e3,
  ),
  gauge('process_uptime_seconds', 'Time since the start.', ({ uptimeMs }) => uptimeMs / 1000),
  gauge('process_stopping', '1 while the process drains.', (it) => Number(it.isStopping)),
  gauge('process_nbthread', 'Threads of the data plane.', (_, table) => table.workers),
  {
    name: 'process_worker_deaths_total',
    type: 'counter',
    help: 'Threads of the data plane that died or were stuck, and were replaced.',
    read: ({ workerDeathsTotal }) => workerDeathsTotal,
  },
  gauge('process_max_connections', 'Client connections allowed at once.', (it) => it.maxconn),
  gauge('process_current_connections', 'Client connections now.', (_, table) =>
    table.connections(),
  ),
  {
    name: 'process_cpu_seconds_total',
    type: 'counter',
    help: 'Processor time of all threads, user and system.',
    read: ({ cpuSeconds }) => cpuSeconds,
  },
  {
    name: 'process_dropped_logs_total',
    type: 'counter',
    help: 'Lines of the access log that were lost.',
    read: ({ droppedLogsTotal }) => droppedLogsTotal,
  },
  gauge('process_resident_memory_bytes', 'Resident memory.', (it) => it.residentBytes),
  gauge('config_version', 'Version of the running configuration.', (it) => it.configVersion),
]

/** Families with one value, or one set of values, for each frontend. */
export const FRONTEND_FAMILIES: readonly Family<FrontendSubject>[] = [
  gauge('frontend_status', '1 for the state that the frontend is in.', ({ isUp }) =>
    upOrDown(isUp),
  ),
  gauge('frontend_current_sessions', 'Client connections now.', sessions),
  gauge('frontend_limit_sessions', 'Client connections allowed at once.', (it) => it.maxconn),
  counter('frontend_connections_total', 'connectionsTotal', 'Client connections accepted.'),
  counter('frontend_sessions_total', 'connectionsTotal', 'Sessions, one for each connection.'),
  counter('frontend_bytes_in_total', 'bytesIn', 'Bytes received from clients.'),
  counter('frontend_bytes_out_total', 'bytesOut', 'Bytes sent to clients.'),
  counter('frontend_ssl_sess_total', 'tlsSessions', 'TLS handshakes that were complete.'),
  counter('frontend_ssl_reused_sess_total', 'tlsResumed', 'Of these, resumed sessions.'),
  counter(
    'frontend_ssl_failed_handshake_total',
    'tlsFailures',
    'Connections that ended without a complete TLS handshake.',
  ),
  gauge(
    'frontend_ssl_certificate_expiry_timestamp_seconds',
    'When the certificate of a file expires, in seconds since 1970.',
    ({ certificates }) => expiries(certificates),
  ),
  counter('frontend_request_errors_total', 'requestErrors', 'Requests malformed or incomplete.'),
  httpOnly(
    counter('frontend_requests_denied_total', 'requestsDenied', 'Requests that a rule denied.'),
  ),
  httpOnly(counter('frontend_failed_header_rewriting_total', 'failedRewrites', FAILED_REWRITES)),
  httpOnly(counter('frontend_http_requests_total', 'requestsTotal', 'HTTP requests.')),
  httpOnly(responses('frontend_http_responses_total')),
]

/** One for each file, however many binds name it. */
function expiries(certificates: FrontendSubject['certificates']): Reading[] {
  const ends = new Map(certificates.map(({ path, notAfterMs }) => [path, notAfterMs]))
  return [...ends].map(([file, endMs]) => ({ labels: { file }, value: endMs / 1000 }))
}

/** Families with one value, or one set of values, for each backend. */
export const BACKEND_FAMILIES: readonly Family<BackendSubject>[] = [
  gauge('backend_status', '1 for the state that the backend is in.', ({ servers }, table) =>
    upOrDown(servers.length === 0 || servers.some((server) => isActive(server, table))),
  ),
  gauge('backend_active_servers', 'Servers that take new sessions.', ({ servers }, table) =>
    countIf(servers, (server) => isActive(server, table)),
  ),
  gauge('backend_agg_server_status', 'Servers of the backend by state.', ({ servers }, table) =>
    SERVER_STATE_LABELS.map(([labels, state]) => ({
      labels,
      value: countIf(servers, ({ row }) => table.state(row) === state),
    })),
  ),
  gauge('backend_agg_check_status', 'Servers of the backend by last check.', ({ servers }) =>
    PROBE_STATUS_LABELS.map((labels) => ({
      labels,
      value: countIf(servers, ({ check }) => check?.status === labels.state),
    })),
  ),
  ...queueFamilies('backend', 'Sessions that wait for any of the servers.'),
  ...upstreamFamilies('backend'),
  httpOnly(
    counter('backend_requests_denied_total', 'requestsDenied', 'Requests that a rule denied.'),
  ),
  httpOnly(counter('backend_failed_header_rewriting_total', 'failedRewrites', FAILED_REWRITES)),
  httpOnly(counter('backend_http_requests_total', 'requestsTotal', 'HTTP requests.')),
  httpOnly(
    counter(
      'backend_retry_budget_exhausted_total',
      'retriesDenied',
      'Tries that the retry budget did not grant.',
    ),
  ),
  counter(
    'backend_refused_sessions_total',
    'refusedSessions',
    'Sessions that the circuit breaker refused.',
  ),
  httpOnly({
    name: 'backend_response_duration_seconds',
    type: 'histogram',
    help: 'Time from the first byte of a request to the last of its response.',
    read: durations,
  }),
]

function upOrDown(isUp: boolean): Reading[] {
  return [
    { labels: { state: 'DOWN' }, value: Number(!isUp) },
    { labels: { state: 'UP' }, value: Number(isUp) },
  ]
}

function isActive({ row }: Subject, table: ServerTable): boolean {
  return table.state(row) === SERVER_STATE.up && table.weight(row) > 0
}

function countIf<T>(items: readonly T[], condition: (item: T) => boolean): number {
  let count = 0
  for (const item of items) if (condition(item)) count++
  return count
}
