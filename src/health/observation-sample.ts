import type { ServerTable } from '../memory/server-table.ts'
import type { Mode } from '../model/config.ts'

/**
 * The counters that one server is observed by: totals at a moment, or what was added between two.
 * Each is the column of its name.
 */
export interface ObservedCounts {
  readonly connectionsOpened: number
  readonly connectionErrors: number
  readonly serverResponses: number
  readonly serverErrors: number
  readonly gatewayErrors: number
  readonly responseErrors: number
  readonly serverAborts: number
  readonly failedTries: number
  readonly responseTime: number
}

/** What a server did between two looks at it. */
export interface Sample {
  /** Tries that went well. */
  readonly successes: number
  /** Tries that the server failed. */
  readonly errors: number
  /** Those of the errors that a proxy before the server answers with 502, 503 or 504. */
  readonly gatewayErrors: number
  /** Responses that {@link responseMs} is over, good and bad. */
  readonly responses: number
  /** Sum of the times from a connection to the head of the response, in milliseconds. */
  readonly responseMs: number
}

/** Reads the totals of a server. Written out, since it is done for each server at each look. */
export function readObserved(table: ServerTable, row: number): ObservedCounts {
  return {
    connectionsOpened: table.total(row, 'connectionsOpened'),
    connectionErrors: table.total(row, 'connectionErrors'),
    serverResponses: table.total(row, 'serverResponses'),
    serverErrors: table.total(row, 'serverErrors'),
    gatewayErrors: table.total(row, 'gatewayErrors'),
    responseErrors: table.total(row, 'responseErrors'),
    serverAborts: table.total(row, 'serverAborts'),
    failedTries: table.total(row, 'failedTries'),
    responseTime: table.total(row, 'responseTime'),
  }
}

/** What was added between two looks. Never negative: a row that was cleared starts over. */
export function countsBetween(before: ObservedCounts, now: ObservedCounts): ObservedCounts {
  const added = (one: number, other: number): number => Math.max(other - one, 0)
  return {
    connectionsOpened: added(before.connectionsOpened, now.connectionsOpened),
    connectionErrors: added(before.connectionErrors, now.connectionErrors),
    serverResponses: added(before.serverResponses, now.serverResponses),
    serverErrors: added(before.serverErrors, now.serverErrors),
    gatewayErrors: added(before.gatewayErrors, now.gatewayErrors),
    responseErrors: added(before.responseErrors, now.responseErrors),
    serverAborts: added(before.serverAborts, now.serverAborts),
    failedTries: added(before.failedTries, now.failedTries),
    responseTime: added(before.responseTime, now.responseTime),
  }
}

/** HAProxy's layer 4 (configuration manual, observe): only whether connections come about. */
export function connectionSample(counts: ObservedCounts): Sample {
  const { connectionsOpened, connectionErrors } = counts
  return {
    successes: connectionsOpened,
    errors: connectionErrors,
    gatewayErrors: connectionErrors,
    responses: 0,
    responseMs: 0,
  }
}

/**
 * HAProxy's layer 7 (configuration manual, observe): a try is good once it is answered by anything
 * but 5xx, of which 501 and 505 are good too, since the client has asked for them.
 */
export function exchangeSample(counts: ObservedCounts): Sample {
  const broken = counts.connectionErrors + counts.responseErrors + counts.failedTries
  // A response that was cut had a good head, and is among the responseErrors too.
  const good = counts.serverResponses - counts.serverErrors - counts.serverAborts
  return {
    successes: Math.max(good, 0),
    errors: broken + counts.serverErrors,
    gatewayErrors: broken + counts.gatewayErrors,
    responses: counts.serverResponses,
    responseMs: counts.responseTime,
  }
}

/** The sample of a server in a mode: of its exchanges, or of its connections in `mode tcp`. */
export function sampleIn(mode: Mode, counts: ObservedCounts): Sample {
  return mode === 'http' ? exchangeSample(counts) : connectionSample(counts)
}
