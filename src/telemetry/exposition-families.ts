import { CHECK_STATUS, type CheckState } from '../model/check.ts'
import { COUNTER_COLUMNS, type CounterName, DURATION_BUCKETS_MS } from '../model/counters.ts'
import { EJECTION_CAUSES, type EjectionState } from '../model/ejection.ts'
import { SERVER_STATE, type ServerTable } from '../model/server-table.ts'

/** Label names and values. */
export type Labels = Readonly<Record<string, string>>

/** A frontend, a backend or a server at the moment of a scrape. */
export interface Subject {
  /** `proxy`, for servers also `server`. */
  readonly labels: Labels
  readonly row: number
  readonly isHttp: boolean
}

/** A frontend with its limit of connections. */
export interface FrontendSubject extends Subject {
  readonly maxconn: number
  /** Whether it accepts connections. */
  readonly isUp: boolean
}

/** A backend with its servers. */
export interface BackendSubject extends Subject {
  readonly servers: readonly ServerSubject[]
}

/** A server with what its checks and its traffic have shown; undefined where nobody looks. */
export interface ServerSubject extends Subject {
  readonly check: CheckState | undefined
  readonly ejection: EjectionState | undefined
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
  readonly maxconn: number
  /** Processor time of all threads, user and system. */
  readonly cpuSeconds: number
  readonly residentBytes: number
}

/** One of several values that a family has of one subject. */
export interface Reading {
  /** Appended to the family's name, as histograms have it. */
  readonly suffix?: string
  readonly labels?: Labels
  readonly value: number
}

/** A metric family. */
export interface Family<S> {
  /** Without prefix. */
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  /** The value of a subject, or its values; none when the family does not apply to it. */
  readonly read: (subject: S, table: ServerTable) => number | readonly Reading[]
}

const NONE: readonly Reading[] = []

const FAILED_REWRITES = 'Header values that a rule could not write.'

const SERVER_STATE_LABELS = [
  [{ state: 'DOWN' }, SERVER_STATE.down],
  [{ state: 'UP' }, SERVER_STATE.up],
  [{ state: 'DRAIN' }, SERVER_STATE.drain],
  [{ state: 'MAINT' }, SERVER_STATE.maint],
] as const

/** The outcomes that a check can end with. */
const CHECK_STATUS_LABELS = Object.keys(CHECK_STATUS)
  .filter((state) => state !== 'INI')
  .map((state) => ({ state }))

const RESPONSE_COLUMNS: readonly (readonly [Labels, CounterName])[] = [
  [{ code: '1xx' }, 'responses1xx'],
  [{ code: '2xx' }, 'responses2xx'],
  [{ code: '3xx' }, 'responses3xx'],
  [{ code: '4xx' }, 'responses4xx'],
  [{ code: '5xx' }, 'responses5xx'],
  [{ code: 'other' }, 'responsesOther'],
]

const DURATION_COLUMNS = COUNTER_COLUMNS.filter((name) => name.startsWith('duration'))
const DURATION_LABELS = [...DURATION_BUCKETS_MS.map((ms) => String(ms / 1000)), '+Inf'].map(
  (le) => ({ le }),
)

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
  counter('frontend_request_errors_total', 'requestErrors', 'Requests malformed or incomplete.'),
  httpOnly(
    counter('frontend_requests_denied_total', 'requestsDenied', 'Requests that a rule denied.'),
  ),
  httpOnly(counter('frontend_failed_header_rewriting_total', 'failedRewrites', FAILED_REWRITES)),
  httpOnly(counter('frontend_http_requests_total', 'requestsTotal', 'HTTP requests.')),
  httpOnly(responses('frontend_http_responses_total')),
]

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
    CHECK_STATUS_LABELS.map((labels) => ({
      labels,
      value: countIf(servers, ({ check }) => check?.status === labels.state),
    })),
  ),
  gauge('backend_current_queue', 'Sessions that wait for a server.', ({ row }, table) =>
    table.lines.length(row),
  ),
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

/** Families with one value, or one set of values, for each server. */
export const SERVER_FAMILIES: readonly Family<ServerSubject>[] = [
  gauge('server_status', '1 for the state that the server is in.', ({ row }, table) => {
    const present = table.state(row)
    return SERVER_STATE_LABELS.map(([labels, state]) => ({
      labels,
      value: Number(state === present),
    }))
  }),
  gauge('server_weight', 'Weight of the server.', ({ row }, table) => table.weight(row)),
  gauge('server_idle_connections_current', 'Connections without a request.', ({ row }, table) =>
    table.total(row, 'idleConnections'),
  ),
  ...upstreamFamilies('server'),
  gauge('server_ejected', '1 while it gets no sessions for what it has answered.', (it) =>
    it.ejection === undefined ? NONE : Number(it.ejection.isEjected),
  ),
  {
    name: 'server_ejections_total',
    type: 'counter',
    help: 'Ejections for what the server has answered, by cause.',
    read: ({ ejection }) =>
      ejection === undefined
        ? NONE
        : EJECTION_CAUSES.map((cause) => ({
            labels: { cause },
            value: ejection.ejectionsTotal[cause],
          })),
  },
  ofCheck('status', 'gauge', '1 for the outcome of the last check.', ({ status }) =>
    CHECK_STATUS_LABELS.map((labels) => ({ labels, value: Number(labels.state === status) })),
  ),
  ofCheck('code', 'gauge', 'HTTP status of the last check, 0 for none.', ({ code }) => code),
  ofCheck(
    'duration_seconds',
    'gauge',
    'Time of the last check.',
    (check) => check.durationMs / 1e3,
  ),
  ofCheck(
    'last_change_seconds',
    'gauge',
    'Time since the server went up or down.',
    (check) => check.sinceChangeMs / 1000,
  ),
  ofCheck(
    'failures_total',
    'counter',
    'Checks that failed while the server was up.',
    (check) => check.failuresTotal,
  ),
  ofCheck(
    'up_down_total',
    'counter',
    'Changes from up to down.',
    (check) => check.downTransitionsTotal,
  ),
  {
    name: 'server_downtime_seconds_total',
    type: 'counter',
    help: 'Time spent down by the verdict of the checks.',
    read: ({ check }) => (check === undefined ? NONE : check.downtimeMs / 1000),
  },
]

/** What a backend counts over its servers, and each of them alone. */
function upstreamFamilies(kind: 'backend' | 'server'): Family<Subject>[] {
  return [
    gauge(`${kind}_current_sessions`, 'Sessions now.', sessions),
    counter(`${kind}_sessions_total`, 'sessionsTotal', 'Sessions and requests given to servers.'),
    counter(`${kind}_bytes_in_total`, 'bytesIn', 'Bytes received from clients.'),
    counter(`${kind}_bytes_out_total`, 'bytesOut', 'Bytes sent to clients.'),
    counter(`${kind}_connection_attempts_total`, 'connectionAttempts', 'Connections begun.'),
    counter(`${kind}_connection_reuses_total`, 'connectionReuses', 'Idle connections reused.'),
    counter(`${kind}_connection_errors_total`, 'connectionErrors', 'Connections not opened.'),
    counter(`${kind}_response_errors_total`, 'responseErrors', 'Responses malformed or cut.'),
    counter(`${kind}_retry_warnings_total`, 'retries', 'Tries after the first.'),
    counter(`${kind}_redispatch_warnings_total`, 'redispatches', 'Tries on another server.'),
    counter(`${kind}_client_aborts_total`, 'clientAborts', 'Exchanges broken off by clients.'),
    counter(`${kind}_server_aborts_total`, 'serverAborts', 'Exchanges broken off by servers.'),
    httpOnly(responses(`${kind}_http_responses_total`)),
    httpOnly(mean(`${kind}_queue_time_average_seconds`, 'queueTime')),
    httpOnly(mean(`${kind}_connect_time_average_seconds`, 'connectTime')),
    httpOnly(mean(`${kind}_response_time_average_seconds`, 'responseTime')),
    httpOnly(mean(`${kind}_total_time_average_seconds`, 'totalTime')),
  ]
}

function gauge<S>(name: string, help: string, read: Family<S>['read']): Family<S> {
  return { name, type: 'gauge', help, read }
}

function counter(name: string, column: CounterName, help: string): Family<Subject> {
  return { name, type: 'counter', help, read: ({ row }, table) => table.total(row, column) }
}

function responses(name: string): Family<Subject> {
  return {
    name,
    type: 'counter',
    help: 'HTTP responses by class of status code.',
    read: ({ row }, table) =>
      RESPONSE_COLUMNS.map(([labels, column]) => ({ labels, value: table.total(row, column) })),
  }
}

/** HAProxy's mean is over the last 1024 requests, ours over all. */
function mean(name: string, column: CounterName): Family<Subject> {
  return gauge(name, 'Mean over all requests since the start.', ({ row }, table) => {
    const requests = table.total(row, 'timedRequests')
    return requests === 0 ? 0 : table.total(row, column) / requests / 1000
  })
}

function ofCheck(
  name: string,
  type: 'counter' | 'gauge',
  help: string,
  read: (check: CheckState) => number | readonly Reading[],
): Family<ServerSubject> {
  return {
    name: `server_check_${name}`,
    type,
    help,
    read: ({ check }) => (check === undefined ? NONE : read(check)),
  }
}

function httpOnly<S extends Subject>(family: Family<S>): Family<S> {
  return {
    ...family,
    read: (subject, table) => (subject.isHttp ? family.read(subject, table) : NONE),
  }
}

function durations({ row }: Subject, table: ServerTable): Reading[] {
  let count = 0
  const buckets = DURATION_LABELS.map((labels, bucket) => {
    count += table.total(row, DURATION_COLUMNS[bucket] as CounterName)
    return { suffix: '_bucket', labels, value: count }
  })
  const seconds = table.total(row, 'totalTime') / 1000
  return [...buckets, { suffix: '_sum', value: seconds }, { suffix: '_count', value: count }]
}

function sessions({ row }: Subject, table: ServerTable): number {
  return table.sessions(row)
}

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
