/**
 * Columns that every row (a frontend, a backend or a server) has, once for each worker thread.
 * Only the owning worker writes its cells, so no atomic operation is needed; a reader sums over
 * the workers. All are totals since the start unless they say otherwise; times are milliseconds.
 */
export const COUNTER_COLUMNS = [
  'connectionsTotal', // frontends: connections accepted
  'sessionsTotal', // sessions (TCP) or requests (HTTP) given to this row
  'requestsTotal', // HTTP requests
  'responses1xx',
  'responses2xx',
  'responses3xx',
  'responses4xx',
  'responses5xx',
  'responsesOther',
  'bytesIn', // from the client
  'bytesOut', // to the client
  'requestErrors', // malformed or aborted by the client before it was complete
  'requestsDenied', // refused by a rule
  'failedRewrites', // header values that a rule could not write
  'responseErrors', // malformed, cut or timed out by the server
  'connectionErrors', // connections to a server that could not be opened
  'connectionShortages', // connections that this node could not begin: no descriptor or port was left
  'connectionAttempts',
  'connectionsOpened', // of the attempts, those that came about
  'connectionReuses', // requests sent on an idle server connection
  'retries',
  'redispatches',
  'retriesDenied', // tries that the retry budget did not grant
  'refusedSessions', // refused at once by a circuit breaker
  'failedTries', // tries with a request that the server failed and that were followed by another
  'serverResponses', // final responses whose head came from a server
  'serverErrors', // of these, 5xx but 501 and 505, which a client can ask for
  'gatewayErrors', // of these, 502, 503 and 504
  'tlsSessions', // TLS handshakes, of clients (frontends) or with servers, that were complete
  'tlsResumed', // of these, those that resumed an earlier session
  'tlsFailures', // connections that ended without a complete handshake
  'clientAborts',
  'serverAborts',
  'idleConnections', // a gauge: open server connections without a request
  'queueTime', // sums, for averages
  'connectTime',
  'responseTime',
  'totalTime',
  'timedRequests', // requests that the sums of times are over
  'duration0', // histogram of totalTime: see DURATION_BUCKETS_MS, the last is the overflow
  'duration1',
  'duration2',
  'duration3',
  'duration4',
  'duration5',
  'duration6',
  'duration7',
  'duration8',
  'duration9',
  'duration10',
  'duration11',
] as const

/** The name of a counter column. */
export type CounterName = (typeof COUNTER_COLUMNS)[number]

/** Index of each column in a row. */
export const COUNTER = Object.fromEntries(COUNTER_COLUMNS.map((name, i) => [name, i])) as Record<
  CounterName,
  number
>

/** Cells of a row: the columns rounded up, so that rows keep to cache lines. */
export const COUNTER_STRIDE = 56

/**
 * Upper bounds of the response-duration histogram in milliseconds. Prometheus' customary bounds
 * from 1 ms to 10 s; what is longer counts in the cell after the last.
 */
export const DURATION_BUCKETS_MS = [1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 10000] as const

/**
 * Adds to a counter of a row.
 *
 * @param cells of the worker that counts
 * @param column one of `COUNTER`
 */
export function count(cells: Float64Array, row: number, column: number, by = 1): void {
  const cell = row * COUNTER_STRIDE + column
  cells[cell] = (cells[cell] as number) + by
}
