import { isDeepStrictEqual } from 'node:util'
import type { ProbeConfig } from '../model/config.ts'
import type { OnError } from '../model/observation-config.ts'
import type { PlannedOutgoingTls } from '../model/plan.ts'
import type { ProbeState } from '../model/probe-state.ts'
import type { OwnFailure } from '../model/shortage.ts'
import type { ConnectionTrials, TrialEnd } from '../net/connection-trials.ts'
import { isOwnFailure } from '../net/failures.ts'
import { socketName } from '../net/socket-name.ts'
import { ClientTlsContexts } from '../net/tls/client-tls.ts'
import type { PatternEngine } from '../rules/samples/patterns.ts'
import { healthAfterFault } from './observation-limit.ts'
import {
  describeOutcome,
  FAILURE_INFO,
  hasPassed,
  Probe,
  type ProbeContext,
  type ProbeOutcome,
} from './probe.ts'
import { Expectations } from './probes/expectation-match.ts'
import { connectLimitMs, isConnectAlone, probeTask } from './probes/probe-task.ts'
import { carryHealth, initialHealth, intervalMs, isUp, nextHealth } from './verdict.ts'
import { type Watch, WatchedTargets } from './watched-targets.ts'

/**
 * Probes that may be open at once. Each server has one at most, so that this is only met when
 * half of the servers that the table has rows for hang together.
 */
export const PROBES_OPEN_MAX = 16_384

/** How long a probe is put off that would be one too many. */
const PUT_OFF_MS = 100

/**
 * Checks that are due within one slot begin together, at its end: to wake up for each would cost
 * more than to make them. A slot is a hundredth of the interval, and 10 ms at most.
 */
const SLOT_SHARE = 0.01
const SLOT_MS_MAX = 10

/** A server to check. */
export interface ProbeTarget {
  /** `backend/server`. */
  readonly key: string
  readonly check: ProbeConfig
  /** The backend's `timeout connect`. */
  readonly connectTimeoutMs: number
  /** What the server and its checks over TLS go by; null: there is no TLS. */
  readonly tls: PlannedOutgoingTls | null
}

/** A server went up or down. */
export interface ProbeTransition extends ProbeOutcome {
  /** `backend/server`. */
  readonly key: string
  readonly up: boolean
  /** Why, as HAProxy's log says it: `Layer4 connection problem, info: "Connection refused"`. */
  readonly reason: string
}

/** What a prober is made with. */
export interface ProberOptions extends ProbeContext {
  /** What compiles the regular expressions of `expect`. */
  readonly patterns: PatternEngine
  /** Called from the event loop, after the state has changed. */
  readonly onTransition: (transition: ProbeTransition) => void
  /** The first check of a server has found it up, as it was taken to be. */
  readonly onConfirmed?: (key: string) => void
  /** Default `PROBES_OPEN_MAX`. */
  readonly probesOpenMax?: number
  /** Opens the connections of checks that only connect; without it the engine does. */
  readonly trials?: ConnectionTrials | null
  /** A number in [0, 1), for `spread-checks`. Default `Math.random`. */
  readonly random?: () => number
}

/**
 * Runs the active health checks of all servers.
 *
 * The first checks are spread evenly over the interval, as HAProxy spreads them. Each server then
 * keeps to its own beat, so that a stalled thread or equal latencies never bunch the checks; a
 * check that takes longer than the interval skips beats instead of overlapping the next one.
 */
export class Prober {
  readonly #checks: WatchedTargets<ProbeTarget, Check>

  constructor(options: ProberOptions) {
    const contexts = new ClientTlsContexts()
    const expectations = new Expectations(options.patterns)
    const runner = { random: Math.random, ...options, contexts, expectations, probesOpen: 0 }
    this.#checks = new WatchedTargets((target, before) => new Check(target, runner, before))
  }

  /**
   * Sets which servers are checked, as on a start or a reload. A target that is unchanged is not
   * disturbed; one that is checked at the same address in another way keeps its verdict and its
   * totals; any other starts anew (up, on trial). Tells no transition.
   */
  replace(targets: readonly ProbeTarget[]): void {
    this.#checks.replace(targets)
  }

  /** Checks one server from now on, as {@link replace} would beside all others. */
  set(target: ProbeTarget): void {
    this.#checks.set(target)
  }

  /** Checks one server no longer. @param key `backend/server` */
  remove(key: string): void {
    this.#checks.remove(key)
  }

  /** What the checks of a server have found so far; undefined when it is not checked. */
  state(key: string): ProbeState | undefined {
    return this.#checks.get(key)?.state()
  }

  /** What a server's checks say; null: it is not checked, or none of its checks has ended yet. */
  verdict(key: string): boolean | null {
    return this.#checks.get(key)?.verdict() ?? null
  }

  /**
   * The traffic of a server has shown that it fails (HAProxy configuration manual, `on-error`).
   * Does nothing for one that is not checked itself.
   *
   * @param reason what was seen, for a transition
   */
  fault(key: string, onError: OnError, reason: string): void {
    this.#checks.get(key)?.fault(onError, reason)
  }

  /** Ends all checks: no probe and no timer is left, and no transition is told any more. */
  stop(): void {
    this.replace([])
  }
}

/** What the end of a trial says of a server. */
const FINDINGS: Readonly<Record<NonNullable<TrialEnd> | 'opened', TrialFinding>> = {
  opened: { status: 'L4OK', code: 0, info: '' },
  timeout: { status: 'L4TOUT', code: 0, info: '' },
  refused: { status: 'L4CON', code: 0, info: FAILURE_INFO.refused },
  unreachable: { status: 'L4CON', code: 0, info: FAILURE_INFO.unreachable },
  exhausted: lacking('exhausted'),
  portless: lacking('portless'),
  reset: { status: 'L4CON', code: 0, info: FAILURE_INFO.reset },
  aborted: { status: 'L4CON', code: 0, info: FAILURE_INFO.aborted },
}

type TrialFinding = Omit<ProbeOutcome, 'durationMs'>

function lacking(ownFailure: OwnFailure): TrialFinding {
  return { status: 'SOCKERR', code: 0, info: FAILURE_INFO[ownFailure], ownFailure }
}

/** What all checks of a prober share. */
interface Runner extends ProberOptions {
  readonly random: () => number
  readonly contexts: ClientTlsContexts
  readonly expectations: Expectations
  probesOpen: number
}

/** The checks of one server, one probe after the other. */
class Check implements Watch<ProbeTarget> {
  readonly target: ProbeTarget
  readonly #runner: Runner
  #health: number
  #last: ProbeOutcome = { status: 'INI', code: 0, info: '', durationMs: 0 }
  /** A check, or its traffic, has found the server up or down. */
  #hasVerdict = false
  #changedMs: number
  #failuresTotal = 0
  #downTransitionsTotal = 0
  /** Time spent down before {@link #changedMs}. */
  #downtimeMs = 0
  /** When the present or the next probe is due. */
  #dueMs = 0
  #timer: NodeJS.Timeout | undefined
  readonly #onDue = (): void => this.#run()
  #probe: Pick<Probe, 'cancel'> | null = null
  /** Where a connection that opens is all; null where more is said. */
  readonly #name: Uint8Array | null

  /** @param previous the same server's checks before a reload */
  constructor(target: ProbeTarget, runner: Runner, previous: Check | undefined) {
    this.target = target
    this.#runner = runner
    this.#health = initialHealth(target.check)
    this.#changedMs = runner.clock()
    this.#name = isConnectAlone(target.check) ? socketName(target.check.address) : null
    if (previous === undefined) return
    if (!isDeepStrictEqual(previous.target.check.address, target.check.address)) return
    this.#health = carryHealth(previous.#health, previous.target.check, target.check)
    this.#last = previous.#last
    this.#hasVerdict = previous.#hasVerdict
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

  fault(onError: OnError, reason: string): void {
    const { check } = this.target
    const health = healthAfterFault(this.#health, onError, check)
    const goesDown = isUp(this.#health, check) && !isUp(health, check)
    if (health < this.#health) this.#failuresTotal++
    this.#health = health
    this.#hasVerdict ||= goesDown
    this.#hasten()
    if (goesDown) this.#turn({ ...this.#last, durationMs: 0 }, false, reason)
  }

  /** The next check comes after `fastinter` at the latest. */
  #hasten(): void {
    if (this.#probe !== null) return
    const dueMs = this.#runner.clock() + this.target.check.fastInterMs
    if (this.#dueMs <= dueMs) return
    this.#dueMs = dueMs
    clearTimeout(this.#timer)
    this.#wait()
  }

  verdict(): boolean | null {
    return this.#hasVerdict ? isUp(this.#health, this.target.check) : null
  }

  state(): ProbeState {
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
    const slotMs = Math.min(SLOT_MS_MAX, this.target.check.interMs * SLOT_SHARE)
    const slotEndMs = Math.ceil(this.#dueMs / slotMs) * slotMs
    const delayMs = Math.max(slotEndMs - this.#runner.clock(), 0)
    this.#timer = setTimeout(this.#onDue, delayMs)
  }

  #run(): void {
    const { probesOpen, probesOpenMax = PROBES_OPEN_MAX } = this.#runner
    if (probesOpen >= probesOpenMax) {
      this.#timer = setTimeout(this.#onDue, PUT_OFF_MS)
      return
    }
    this.#runner.probesOpen++
    this.#probe = this.#begin((outcome) => {
      this.#probe = null
      this.#runner.probesOpen--
      this.#last = outcome
      if (outcome.ownFailure === undefined) this.#judge(outcome)
      else this.#next()
    })
  }

  #judge(outcome: ProbeOutcome): void {
    const { check, key } = this.target
    const isFirst = !this.#hasVerdict
    const wasUp = isUp(this.#health, check)
    this.#hasVerdict = true
    this.#count(outcome)
    this.#next()
    if (isUp(this.#health, check) !== wasUp) this.#turn(outcome, !wasUp)
    else if (isFirst) this.#runner.onConfirmed?.(key)
  }

  #begin(onOutcome: (outcome: ProbeOutcome) => void): Pick<Probe, 'cancel'> {
    const { clock, trials, contexts, expectations, onShortage } = this.#runner
    const { check, connectTimeoutMs, tls } = this.target
    if (this.#name === null || trials === undefined || trials === null) {
      const secure = tls === null ? null : { ...tls, context: contexts.of(tls).context }
      const task = probeTask(check, connectTimeoutMs, expectations, secure)
      return new Probe(task, this.#runner, onOutcome)
    }
    const startMs = clock()
    return trials.start(this.#name, connectLimitMs(check, connectTimeoutMs), (end) => {
      if (isOwnFailure(end)) onShortage?.(end, check.address)
      onOutcome({ ...FINDINGS[end ?? 'opened'], durationMs: clock() - startMs })
    })
  }

  /** Waits for the first beat after the one that the last probe was for and that is not past. */
  #next(): void {
    const beatMs = intervalMs(this.#health, this.target.check)
    const beats = Math.ceil((this.#runner.clock() - this.#dueMs) / beatMs)
    const spreadMs = (beatMs * this.target.check.spreadPercent) / 100
    this.#dueMs += Math.max(beats, 1) * beatMs + (2 * this.#runner.random() - 1) * spreadMs
    this.#wait()
  }

  #count(outcome: ProbeOutcome): void {
    const passed = hasPassed(outcome.status)
    if (!passed && this.#health > 0) this.#failuresTotal++
    this.#health = nextHealth(this.#health, passed, this.target.check)
  }

  #turn(outcome: ProbeOutcome, up: boolean, reason = describeOutcome(outcome)): void {
    const nowMs = this.#runner.clock()
    if (up) this.#downtimeMs += nowMs - this.#changedMs
    else this.#downTransitionsTotal++
    this.#changedMs = nowMs
    this.#runner.onTransition({ ...outcome, key: this.target.key, up, reason })
  }
}
