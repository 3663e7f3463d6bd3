import { getSystemErrorName } from 'node:util'
import type { Clock } from '../base/clock.ts'
import type { ConnFailure } from './conn.ts'
import { takeSocketError } from './descriptor.ts'
import { failureOf } from './failures.ts'
import { RunningTime } from './running-time.ts'
import { familyOf } from './socket-name.ts'
import { type SystemCalls, systemCalls } from './system-calls.ts'

/** How a trial ends: `null` when the connection opened. */
export type TrialEnd = ConnFailure | 'timeout' | null

/** A trial that is going on. */
export interface Trial {
  /** Ends it; nothing is told any more. Idempotent. */
  cancel(): void
}

// Linux's numbers, the same on the machines below (asm-generic).
/** SOCK_STREAM, SOCK_NONBLOCK and SOCK_CLOEXEC. */
const STREAM = 0o1 | 0o4000 | 0o2000000
const SOL_SOCKET = 1
const SO_LINGER = 13
const IPPROTO_TCP = 6
const TCP_QUICKACK = 12
const POLLOUT = 4
const POLLERR = 8
const POLLHUP = 16
const MACHINES: readonly string[] = ['x64', 'arm64']

/** Numbers of a `struct pollfd`, in 16 bits: the descriptor in two, events asked for, and found. */
const POLLFD = 4
/** Numbers that the list of descriptors has room for at first. */
const DESCRIPTORS_START = 64
/** Between two looks at what has not opened at once. A check's time is told this exactly. */
const LOOK_INTERVAL_MS = 5

/** `struct linger`: a close is a reset. */
const RESET_ON_CLOSE = new Int32Array([1, 0])
const OFF = new Int32Array([0])

/**
 * Opens TCP connections only to see whether they open, many at once and at little cost: no object
 * of Node is made for them, one poll(2) looks at all that are open, and each is closed with a
 * reset before its handshake is acknowledged, so that servers mostly do not see it at all and no
 * port is left in TIME_WAIT. HAProxy does the same for checks that only connect.
 */
export class ConnectionTrials {
  readonly #calls: SystemCalls
  readonly #clock: Clock
  readonly #running: RunningTime
  #open: OpenTrial[] = []
  #descriptors = new Int16Array(POLLFD * DESCRIPTORS_START)
  #isLooking = false

  private constructor(calls: SystemCalls, clock: Clock) {
    this.#calls = calls
    this.#clock = clock
    this.#running = new RunningTime(clock())
  }

  /** Null where these system calls are not known: connections are then to be opened by an engine. */
  static create(clock: Clock): ConnectionTrials | null {
    const isKnown = process.platform === 'linux' && MACHINES.includes(process.arch)
    return isKnown ? new ConnectionTrials(systemCalls(), clock) : null
  }

  /**
   * Begins to open a connection.
   *
   * @param name as `socketName` gives it
   * @param onEnd called once, from the event loop, unless the trial is cancelled before
   */
  start(name: Uint8Array, timeoutMs: number, onEnd: (end: TrialEnd) => void): Trial {
    const deadlineMs = this.#running.at(this.#clock()) + timeoutMs
    const trial = new OpenTrial(name, deadlineMs, onEnd)
    this.#begin(trial)
    this.#open.push(trial)
    if (!this.#isLooking) {
      this.#isLooking = true
      setImmediate(() => this.#look())
    }
    return trial
  }

  #begin(trial: OpenTrial): void {
    const { socket, setsockopt, connect } = this.#calls
    const { name } = trial
    trial.fd = socket(familyOf(name), STREAM, 0)
    if (trial.fd >= 0) {
      setsockopt(trial.fd, SOL_SOCKET, SO_LINGER, RESET_ON_CLOSE, RESET_ON_CLOSE.byteLength)
      setsockopt(trial.fd, IPPROTO_TCP, TCP_QUICKACK, OFF, OFF.byteLength)
      // Where it goes on, poll(2) and SO_ERROR tell how it went.
      if (connect(trial.fd, name, name.length) === 0) return
    }
    const error = this.#calls.errno()
    if (trial.fd < 0 || error !== this.#calls.errnoOf['EINPROGRESS']) trial.error = error
  }

  /** Looks at all trials; each that has ended is closed and told. */
  #look(): void {
    const trials = this.#open
    // The present is taken first: what has arrived by then is seen, whatever holds this thread up.
    const nowMs = this.#running.at(this.#clock())
    this.#poll(trials)
    const ended: [OpenTrial, TrialEnd][] = []
    this.#open = trials.filter((trial, i) => {
      const end = this.#endOf(trial, this.#descriptors[POLLFD * i + 3] as number, nowMs)
      if (end === undefined) return true
      if (trial.fd >= 0) this.#calls.close(trial.fd)
      ended.push([trial, end])
      return false
    })
    this.#isLooking = this.#open.length > 0
    // Unlike a timer of one trial, this one stays: a stalled thread looks before it gives up.
    if (this.#isLooking) setTimeout(() => this.#look(), LOOK_INTERVAL_MS)
    for (const [trial, end] of ended) if (!trial.isCancelled) trial.onEnd(end)
  }

  #poll(trials: readonly OpenTrial[]): void {
    if (this.#descriptors.length < POLLFD * trials.length) {
      this.#descriptors = new Int16Array(2 * POLLFD * trials.length)
    }
    const list = this.#descriptors
    for (const [i, { fd }] of trials.entries()) {
      // Little-endian, as all machines are that this runs on.
      list[POLLFD * i] = fd & 0xffff
      list[POLLFD * i + 1] = fd >> 16
      list[POLLFD * i + 2] = POLLOUT
      list[POLLFD * i + 3] = 0
    }
    this.#calls.poll(list, trials.length, 0)
  }

  /** Undefined while it goes on. */
  #endOf(trial: OpenTrial, events: number, nowMs: number): TrialEnd | undefined {
    if (trial.isCancelled) return 'aborted'
    if (trial.error !== 0) return failureAt(trial, trial.error)
    if ((events & (POLLERR | POLLHUP)) !== 0) return failureAt(trial, takeSocketError(trial.fd))
    if ((events & POLLOUT) !== 0) return null
    return nowMs >= trial.deadlineMs ? 'timeout' : undefined
  }
}

/** @param error an errno; 0 where the system names none */
function failureAt({ name }: OpenTrial, error: number): ConnFailure {
  return failureOf(error === 0 ? undefined : getSystemErrorName(-error), name)
}

class OpenTrial implements Trial {
  readonly name: Uint8Array
  readonly deadlineMs: number
  readonly onEnd: (end: TrialEnd) => void
  /** -1 where none was left. */
  fd = -1
  /** An errno: the connection could not be begun. 0: it was. */
  error = 0
  isCancelled = false

  constructor(name: Uint8Array, deadlineMs: number, onEnd: (end: TrialEnd) => void) {
    this.name = name
    this.deadlineMs = deadlineMs
    this.onEnd = onEnd
  }

  cancel(): void {
    this.isCancelled = true
  }
}
