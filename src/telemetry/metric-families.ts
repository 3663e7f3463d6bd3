import { COUNTER_COLUMNS, type CounterName, DURATION_BUCKETS_MS } from '../memory/counters.ts'
import type { ServerTable } from '../memory/server-table.ts'

/** Label names and values. */
export type Labels = Readonly<Record<string, string>>

/** A frontend, a backend or a server at the moment of a scrape. */
export interface Subject {
  /** `proxy`, for servers also `server`. */
  readonly labels: Labels
  readonly row: number
  readonly isHttp: boolean
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

/** The family does not apply to a subject. */
export const NONE: readonly Reading[] = []

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

/** Who waits in line. @param help who that is */
export function queueFamilies(kind: 'backend' | 'server', help: string): Family<Subject>[] {
  return [
    gauge(`${kind}_current_queue`, help, ({ row }, table) => table.lines.length(row)),
    gauge(`${kind}_max_queue`, 'The most of them at once since the start.', ({ row }, table) =>
      table.lines.longest(row),
    ),
  ]
}

/** What a backend counts over its servers, and each of them alone. */
export function upstreamFamilies(kind: 'backend' | 'server'): Family<Subject>[] {
  return [
    gauge(`${kind}_current_sessions`, 'Sessions now.', sessions),
    counter(`${kind}_sessions_total`, 'sessionsTotal', 'Sessions and requests given to servers.'),
    counter(`${kind}_bytes_in_total`, 'bytesIn', 'Bytes received from clients.'),
    counter(`${kind}_bytes_out_total`, 'bytesOut', 'Bytes sent to clients.'),
    counter(`${kind}_connection_attempts_total`, 'connectionAttempts', 'Connections begun.'),
    counter(`${kind}_connection_reuses_total`, 'connectionReuses', 'Idle connections reused.'),
    counter(`${kind}_connection_errors_total`, 'connectionErrors', 'Connections not opened.'),
    counter(
      `${kind}_connection_shortages_total`,
      'connectionShortages',
      'Connections not begun: this node had no descriptor or local port left.',
    ),
    counter(`${kind}_ssl_sess_total`, 'tlsSessions', 'TLS handshakes that were complete.'),
    counter(`${kind}_ssl_reused_sess_total`, 'tlsResumed', 'Of these, resumed sessions.'),
    counter(
      `${kind}_ssl_failed_handshake_total`,
      'tlsFailures',
      'Connections that ended without a complete handshake.',
    ),
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

/** A family of one value that goes up and down, or of one with labels. */
export function gauge<S>(name: string, help: string, read: Family<S>['read']): Family<S> {
  return { name, type: 'gauge', help, read }
}

/** A family that is one counter of the server table. */
export function counter(name: string, column: CounterName, help: string): Family<Subject> {
  return { name, type: 'counter', help, read: ({ row }, table) => table.total(row, column) }
}

/** HTTP responses by class. */
export function responses(name: string): Family<Subject> {
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

/** The family for subjects in `mode http` alone. */
export function httpOnly<S extends Subject>(family: Family<S>): Family<S> {
  return {
    ...family,
    read: (subject, table) => (subject.isHttp ? family.read(subject, table) : NONE),
  }
}

/** The histogram of a row, as Prometheus has it. */
export function durations({ row }: Subject, table: ServerTable): Reading[] {
  let count = 0
  const buckets = DURATION_LABELS.map((labels, bucket) => {
    count += table.total(row, DURATION_COLUMNS[bucket] as CounterName)
    return { suffix: '_bucket', labels, value: count }
  })
  const seconds = table.total(row, 'totalTime') / 1000
  return [...buckets, { suffix: '_sum', value: seconds }, { suffix: '_count', value: count }]
}

/** Sessions of a row now. */
export function sessions({ row }: Subject, table: ServerTable): number {
  return table.sessions(row)
}
