import { type Address, formatAddress } from '../base/address.ts'
import type { Clock } from '../base/clock.ts'
import type { OwnFailure } from '../model/shortage.ts'
import type { DaemonLog } from '../telemetry/daemon-log.ts'

/** A shortage that was not met for so long is over: the next one is said again. */
const OVER_MS = 60_000

/** What is said of each, and what helps. */
const EVENTS: Readonly<Record<OwnFailure, { event: string; lacks: string; remedy: string }>> = {
  exhausted: {
    event: 'descriptors-exhausted',
    lacks: 'no descriptor or memory is left for connections',
    remedy: 'raise the limit of open files (ulimit -n, LimitNOFILE= of systemd)',
  },
  portless: {
    event: 'ports-exhausted',
    lacks: 'no local port is left for connections',
    remedy:
      'widen net.ipv4.ip_local_port_range, reuse connections (http-reuse), ' +
      'or name the server by more addresses',
  },
}

/**
 * Says what this node lacks for connections: once while it lasts, however many sessions, checks,
 * servers and addresses of its own it concerns.
 */
export class ShortageLog {
  readonly #log: DaemonLog
  readonly #clock: Clock
  readonly #metMs: Record<OwnFailure, number> = {
    exhausted: Number.NEGATIVE_INFINITY,
    portless: Number.NEGATIVE_INFINITY,
  }

  constructor(log: DaemonLog, clock: Clock) {
    this.#log = log
    this.#clock = clock
  }

  /** @param to where the connection was to lead; null: it would have been accepted */
  note(failure: OwnFailure, to: Address | null): void {
    const nowMs = this.#clock()
    const isKnown = nowMs - this.#metMs[failure] < OVER_MS
    this.#metMs[failure] = nowMs
    if (isKnown) return
    const { event, lacks, remedy } = EVENTS[failure]
    if (to === null) {
      this.#log.warn(event, `${lacks}: ${remedy}`)
      return
    }
    const address = formatAddress(to)
    this.#log.warn(event, `${lacks}, as to ${address}: ${remedy}`, { address })
  }
}
