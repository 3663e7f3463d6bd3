import { isDeepStrictEqual } from 'node:util'
import type { CheckState } from '../model/check.ts'
import type { CheckConfig } from '../model/config.ts'
import { describeOutcome, hasPassed, Probe, type ProbeContext, type ProbeOutcome } from './probe.ts'
import { carryHealth, initialHealth, isUp, nextHealth } from './verdict.ts'

/**
 * Probes that may be open at once. Each server has one at most, so that this is only met when
 * half of the servers that the table has rows for hang together.
 */
const PROBES_OPEN_MAX = 16_384

/** How long a probe is put off that would be one too many. */
const PUT_OFF_MS = 100

/** A server to check. */
export interface CheckTarget {
  /** `backend/server`. */
  readonly key: string
  readonly check: CheckConfig
  /** The backend's `timeout connect`. */
  readonly connectTimeoutMs: number
}

/** A server went up or down. */
export interface CheckTransition extends ProbeOutcome {
  /** `backend/server`. */
  readonly key: string
  readonly up: boolean
  /** Why, as HAProxy's log says it: `Layer4 connection problem, info: "Connection refused"`. */
  readonly reason: string
}

/** What a checker is made with. */
export interface CheckerOptions extends ProbeContext {
  /** Called from the event loop, after the state has changed. */
  readonly onTransition: (transition: CheckTransition) => void
  /** Default `PROBES_OPEN_MAX`. */
  readonly probesOpenMax?: number
}

/**
 * Runs the active health checks of all servers.
 *
 * The first checks are spread evenly over the interval, as HAProxy spreads them. Each server then
 * keeps to its own beat, so that a stalled thread or equal latencies never bunch the checks; a
 * check that takes longer than the interval skips beats instead of overlapping the next one.
 */
export class Checker {
  readonly #runner: Runner
  #checks = new Map<string, Check>()

  constructor(options: CheckerOptions) {
    this.#runner = { ...options, probesOpen: 0 }
  }

  /**
   * Sets which servers are checked, as on a start or a reload. A target that is unchanged is not
   * disturbed; one that is checked at the same address in another way keeps its verdict and its
   * totals; any other starts anew (up, on trial). Tells no transition.
   */
  replace(targets: readonly CheckTarget[]): void {
    const before = this.#checks
    this.#checks = new Map()
    const fresh: Check[] = []
    for (const target of targets) {
      const known = before.get(target.key)
      if (known !== undefined && isDeepStrictEqual(known.target, target)) {
        this.#checks.set(target.key, known)
        before.delete(target.key)
        continue
      }
      const check = new Check(target, this.#runner, known)
      this.#checks.set(target.key, check)
      fresh.push(check)
    }
    for (const gone of before.values()) gone.stop()
    for (const [position, check] of fresh.entries()) check.start(position / fresh.length)
  }

  /** What the checks of a server have found so far; undefined when it is not checked. */
  state(key: string): CheckState | undefined {
    return this.#checks.get(key)?.state()
  }

  /** Ends all checks: no probe and no timer is left, and no transition is told any more. */
  stop(): void {
    this.replace([])
  }
}

/** What all checks of a checker share. */
interface Runner extends CheckerOptions {
  probesOpen: number
}

/** The checks of one server, one probe after the other. */
class Check {
  readonly target: CheckTarget
  readonly #runner: Runner
  #health: number
  #last: ProbeOutcome = { status: 'INI', code: 0, info: '', durationMs: 0 }
  #changedMs: number
  #failuresTotal = 0
  #downTransitionsTotal = 0
  /** Time spent down before {@link #changedMs}. */
  #downtimeMs = 0
  /** When the present or the next probe is due. */
  #dueMs = 0
  #timer: NodeJS.Timeout | undefined
  #probe: Probe | null = null

  /** @param previous the same server's checks before a reload */
  constructor(target: CheckTarget, runner: Runner, previous: Check | undefined) {
    this.target = target
    this.#runner = runner
    this.#health = initialHealth(target.check)
    this.#changedMs = runner.clock()
    if (previous === undefined) return
    if (!isDeepStrictEqual(previous.target.check.address, target.check.address)) return
    this.#health = carryHealth(previous.#health, previous.target.check, target.check)
    this.#last = previous.#last
    this.#changedMs = previous.#changedMs
    this.#failuresTotal = previous.#failuresTotal
    this.#downTransitionsTotal = previous.#downTransitionsTotal
    this.#downtimeMs = previous.#downtimeMs
  }

  /** @param phase where in the interval this server has its beat, in [0, 1) */
  start(phase: number): void {
    this.#dueMs = this.#runner.clock() + phase * this.target.check.interMs
    this.#wait()
  }

  stop(): void {
    clearTimeout(this.#timer)
    if (this.#probe === null) return
    this.#probe.cancel()
    this.#probe = null
    this.#runner.probesOpen--
  }

  state(): CheckState {
    const up = isUp(this.#health, this.target.check)
    const sinceChangeMs = this.#runner.clock() - this.#changedMs
    return {
      health: this.#health,
      up,
      status: this.#last.status,
      code: this.#last.code,
      info: this.#last.info,
      durationMs: this.#last.durationMs,
      sinceChangeMs,
      failuresTotal: this.#failuresTotal,
      downTransitionsTotal: this.#downTransitionsTotal,
      downtimeMs: this.#downtimeMs + (up ? 0 : sinceChangeMs),
    }
  }

  #wait(): void {
    const delayMs = Math.max(this.#dueMs - this.#runner.clock(), 0)
    this.#timer = setTimeout(() => this.#run(), delayMs)
  }

  #run(): void {
    const { target } = this
    const { probesOpen, probesOpenMax = PROBES_OPEN_MAX } = this.#runner
    if (probesOpen >= probesOpenMax) {
      this.#timer = setTimeout(() => this.#run(), PUT_OFF_MS)
      return
    }
    this.#runner.probesOpen++
    this.#probe = new Probe(target.check, target.connectTimeoutMs, this.#runner, (outcome) => {
      this.#probe = null
      this.#runner.probesOpen--
      this.#next()
      this.#judge(outcome)
    })
  }

  /** Waits for the first beat after the one that the last probe was for and that is not past. */
  #next(): void {
    const { interMs } = this.target.check
    const beats = Math.ceil((this.#runner.clock() - this.#dueMs) / interMs)
    this.#dueMs += Math.max(beats, 1) * interMs
    this.#wait()
  }

  #judge(outcome: ProbeOutcome): void {
    const { check, key } = this.target
    const passed = hasPassed(outcome.status)
    const wasUp = isUp(this.#health, check)
    if (!passed && this.#health > 0) this.#failuresTotal++
    this.#health = nextHealth(this.#health, passed, check)
    this.#last = outcome
    const up = isUp(this.#health, check)
    if (up === wasUp) return
    const nowMs = this.#runner.clock()
    if (up) this.#downtimeMs += nowMs - this.#changedMs
    else this.#downTransitionsTotal++
    this.#changedMs = nowMs
    this.#runner.onTransition({ ...outcome, key, up, reason: describeOutcome(outcome) })
  }
}
