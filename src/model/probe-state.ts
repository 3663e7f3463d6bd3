/**
 * Outcomes of a health check, under the names and with the descriptions of HAProxy's statistics
 * (management manual, column `check_status`). `INI`: none has ended yet.
 */
export const PROBE_STATUS = {
  INI: 'Initializing',
  SOCKERR: 'Socket error',
  L4OK: 'Layer4 check passed',
  L4TOUT: 'Layer4 timeout',
  L4CON: 'Layer4 connection problem',
  L6OK: 'Layer6 check passed',
  L6TOUT: 'Layer6 timeout',
  L6RSP: 'Layer6 invalid response',
  L7OK: 'Layer7 check passed',
  L7TOUT: 'Layer7 timeout',
  L7RSP: 'Layer7 invalid response',
  L7STS: 'Layer7 wrong status',
} as const

/** One of {@link PROBE_STATUS}. */
export type ProbeStatus = keyof typeof PROBE_STATUS

/** What the checks of one server have found: a snapshot, taken when it was asked for. */
export interface ProbeState {
  /** HAProxy's health counter, 0 to rise + fall - 1; the server is up from `rise` on. */
  readonly health: number
  readonly up: boolean
  /** Outcome of the last check that ended. */
  readonly status: ProbeStatus
  /** HTTP status code that the last check was answered with, 0 where there was none. */
  readonly code: number
  /** What the last check has to say beyond its status, or ''. */
  readonly info: string
  /** How long the last check took. */
  readonly durationMs: number
  /** Since the server last went up or down, or since it is checked. */
  readonly sinceChangeMs: number
  /** Checks that failed while the server had health left to lose. HAProxy's `chkfail`. */
  readonly failuresTotal: number
  /** Changes from up to down. HAProxy's `chkdown`. */
  readonly downTransitionsTotal: number
  /** Time spent down, the present spell included. HAProxy's `downtime`. */
  readonly downtimeMs: number
}
