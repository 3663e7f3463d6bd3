import { SERVER_STATE } from '../memory/server-table.ts'
import { EJECTION_CAUSES, type EjectionState } from '../model/ejection.ts'
import { PROBE_STATUS, type ProbeState } from '../model/probe-state.ts'
import {
  type Family,
  gauge,
  NONE,
  queueFamilies,
  type Reading,
  type Subject,
  upstreamFamilies,
} from './metric-families.ts'

/** What has become of a server since it is there. */
export interface ServerPast {
  /** Changes of its state. */
  readonly changesTotal: number
  /** Of these, those to down. */
  readonly downsTotal: number
  /** Time spent down, the present spell included. */
  readonly downtimeMs: number
}

/** A server with what its checks and its traffic have shown; undefined where nobody looks. */
export interface ServerSubject extends Subject {
  /** As configured; 0: no bound. */
  readonly maxconn: number
  /** 0: no bound. */
  readonly maxqueue: number
  readonly past: ServerPast | undefined
  readonly check: ProbeState | undefined
  readonly ejection: EjectionState | undefined
}

/** The states of a server, as labels. */
export const SERVER_STATE_LABELS = [
  [{ state: 'DOWN' }, SERVER_STATE.down],
  [{ state: 'UP' }, SERVER_STATE.up],
  [{ state: 'DRAIN' }, SERVER_STATE.drain],
  [{ state: 'MAINT' }, SERVER_STATE.maint],
] as const

/** The outcomes that a check can end with. */
export const PROBE_STATUS_LABELS = Object.keys(PROBE_STATUS)
  .filter((state) => state !== 'INI')
  .map((state) => ({ state }))

/** Families with one value, or one set of values, for each server. */
export const SERVER_FAMILIES: readonly Family<ServerSubject>[] = [
  gauge('server_status', '1 for the state that the server is in.', ({ row }, table) => {
    const present = table.state(row)
    return SERVER_STATE_LABELS.map(([labels, state]) => ({
      labels,
      value: Number(state === present),
    }))
  }),
  gauge('server_weight', 'Weight of the server.', ({ row }, table) => table.presentWeight(row)),
  gauge(
    'server_current_throttle',
    'Percent that the server gives of itself while it starts slowly.',
    ({ row }, table) => table.throttlePercent(row) ?? NONE,
  ),
  gauge('server_limit_sessions', 'Sessions allowed at once.', ({ row, maxconn }, table) => {
    return table.agentMaxconn(row) || maxconn || NONE
  }),
  gauge(
    'server_queue_limit',
    'Sessions that may wait for the server.',
    (it) => it.maxqueue || NONE,
  ),
  ...queueFamilies('server', 'Sessions that wait for this server alone.'),
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
  ofProbe('status', 'gauge', '1 for the outcome of the last check.', ({ status }) =>
    PROBE_STATUS_LABELS.map((labels) => ({ labels, value: Number(labels.state === status) })),
  ),
  ofProbe('code', 'gauge', 'HTTP status of the last check, 0 for none.', ({ code }) => code),
  ofProbe(
    'duration_seconds',
    'gauge',
    'Time of the last check.',
    (check) => check.durationMs / 1e3,
  ),
  ofProbe(
    'last_change_seconds',
    'gauge',
    'Time since the server went up or down.',
    (check) => check.sinceChangeMs / 1000,
  ),
  ofProbe(
    'failures_total',
    'counter',
    'Checks that failed while the server was up.',
    (check) => check.failuresTotal,
  ),
  ofPast('server_check_up_down_total', 'Changes to down, for whatever cause.', (past) => {
    return past.downsTotal
  }),
  ofPast('server_downtime_seconds_total', 'Time spent down, for whatever cause.', (past) => {
    return past.downtimeMs / 1000
  }),
  ofPast('server_state_changes_total', 'Changes of the state of the server.', (past) => {
    return past.changesTotal
  }),
]

function ofPast(
  name: string,
  help: string,
  read: (past: ServerPast) => number,
): Family<ServerSubject> {
  return {
    name,
    type: 'counter',
    help,
    read: ({ past }) => (past === undefined ? NONE : read(past)),
  }
}

function ofProbe(
  name: string,
  type: 'counter' | 'gauge',
  help: string,
  read: (check: ProbeState) => number | readonly Reading[],
): Family<ServerSubject> {
  return {
    name: `server_check_${name}`,
    type,
    help,
    read: ({ check }) => (check === undefined ? NONE : read(check)),
  }
}
