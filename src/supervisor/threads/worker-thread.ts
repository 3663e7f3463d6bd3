import type { Worker } from 'node:worker_threads'
import { slicesOf } from '../../base/backend-slices.ts'
import type { Clock } from '../../base/clock.ts'
import { inSlices, type Steps } from '../../base/work-slices.ts'
import type { ServerTable } from '../../memory/server-table.ts'
import type { FromWorker, ToWorker, WorkerBoot } from '../../model/channel.ts'
import type { Plan } from '../../model/plan.ts'
import type { Death } from './worker-deaths.ts'

/**
 * How long a worker may be within one event before it is held to be stuck. Its wheel ticks every
 * 50 ms, and the longest that it does at once, compiling a plan of thousands of servers, takes well
 * below a second.
 */
export const STUCK_MS = 5_000

/** A thread that has been silent for so long is not waited for where there is no time to lose. */
const QUIET_MS = 1_000

/** How long a thread may take to load and to come to its first tick, on a busy machine too. */
const LOADING_MS_MAX = 60_000

/** What a thread is made with. */
export interface WorkerThreadOptions {
  readonly index: number
  /** Gives a thread that waits for its boot. */
  readonly takeThread: () => Worker
  readonly boot: Omit<WorkerBoot, 'index' | 'memory'>
  readonly table: ServerTable
  readonly clock: Clock
  /** What it is to run first. */
  readonly plan: Plan
  readonly onMessage: (message: FromWorker) => void
  /** Called once, after the thread is gone. */
  readonly onEnd: (death: Death) => void
}

/** What is told to a thread, in order; a plan is many messages. */
type Saying = ToWorker | { readonly kind: 'whole-plan'; readonly plan: Plan }

/** One thread of the data plane, from its start to its end. */
export class WorkerThread {
  /** Resolves when the thread is gone. */
  readonly ended: Promise<void>
  /** Of the last plan that it runs; -1: none yet. */
  appliedSerial = -1
  isDrained = false
  readonly #options: WorkerThreadOptions
  readonly #worker: Worker
  /** What it is told once it has all of a plan: a few messages, for that takes well below a second. */
  readonly #outbox: Saying[] = []
  #isGivingPlan = false
  #hasEnded = false
  #beats = 0
  /** How long it had neither beaten nor said anything at the last look, while the main thread ran. */
  #quietMs = 0
  #isStuck = false

  constructor(options: WorkerThreadOptions) {
    const { index, takeThread, boot, table, plan, clock } = options
    const startedMs = clock()
    this.#options = options
    this.#worker = takeThread()
    let failure: unknown
    this.#worker.on('message', (message: FromWorker) => {
      this.#quietMs = 0
      options.onMessage(message)
    })
    this.#worker.on('error', (error: unknown) => {
      failure = error
    })
    this.ended = new Promise((resolve) => {
      this.#worker.once('exit', () => {
        this.#hasEnded = true
        const hadStarted = this.appliedSerial >= 0
        const livedMs = clock() - startedMs
        options.onEnd({ livedMs, hadStarted, wasStuck: this.#isStuck, failure })
        resolve()
      })
    })
    this.#worker.postMessage({ ...boot, index, memory: table.memory } satisfies WorkerBoot)
    this.apply(plan)
  }

  /** Whether it has run a plan and answers. */
  get isServing(): boolean {
    return this.appliedSerial >= 0 && !this.#isStuck
  }

  /** Whether it was found to be stuck, and is not gone yet. */
  get isStuck(): boolean {
    return this.#isStuck
  }

  /** Whether it does not answer just now: it may be busy, or stuck. */
  get isQuiet(): boolean {
    return this.#quietMs >= QUIET_MS && !this.#hasBeaten
  }

  /** Whether it was ended for being stuck, and has withstood that for as long again. */
  get isBeyondHelp(): boolean {
    return this.#isStuck && this.#quietMs >= 2 * STUCK_MS
  }

  /** Has it run a plan, which it is given in slices. */
  apply(plan: Plan): void {
    this.#say({ kind: 'whole-plan', plan })
  }

  tell(message: ToWorker): void {
    this.#say(message)
  }

  /** Ends the thread without warning. One that is within a system call ends when that returns. */
  terminate(): void {
    void this.#worker.terminate()
  }

  /**
   * Looks whether the thread still beats.
   *
   * @param ranMs how long the main thread itself has run since the last look
   * @returns true when this look finds the thread stuck: not before, and not again
   */
  look(ranMs: number): boolean {
    this.#quietMs = this.#hasBeaten ? 0 : this.#quietMs + ranMs
    this.#beats = this.#options.table.beats(this.#options.index)
    // It runs its plan before its wheel ticks for the first time, and may be stuck from then on.
    const hasStarted = this.#beats > 0 || this.appliedSerial >= 0
    if (this.#isStuck || this.#quietMs < (hasStarted ? STUCK_MS : LOADING_MS_MAX)) return false
    this.#isStuck = true
    return true
  }

  #say(saying: Saying): void {
    this.#outbox.push(saying)
    if (!this.#isGivingPlan) void this.#flush()
  }

  async #flush(): Promise<void> {
    for (let next = this.#outbox.shift(); next !== undefined; next = this.#outbox.shift()) {
      if (next.kind === 'whole-plan') {
        this.#isGivingPlan = true
        await inSlices(this.#givePlan(next.plan))
        this.#isGivingPlan = false
      } else this.#worker.postMessage(next)
    }
  }

  *#givePlan({ backends, ...plan }: Plan): Steps {
    for (const slice of slicesOf(backends)) {
      if (this.#hasEnded) return
      this.#worker.postMessage({ kind: 'plan-slice', backends: slice } satisfies ToWorker)
      yield
    }
    this.#worker.postMessage({ kind: 'apply', plan } satisfies ToWorker)
  }

  /** Whether it has beaten since the last look. */
  get #hasBeaten(): boolean {
    return this.#options.table.beats(this.#options.index) !== this.#beats
  }
}
