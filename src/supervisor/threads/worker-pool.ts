import type { Worker } from 'node:worker_threads'
import type { Address } from '../../base/address.ts'
import type { Clock } from '../../base/clock.ts'
import { SluiceError } from '../../base/errors.ts'
import { settlesWithin } from '../../base/time-limit.ts'
import type { ServerTable } from '../../memory/server-table.ts'
import type { TicketKeys } from '../../model/bind-tls.ts'
import type { FromWorker, ToWorker, WorkerBoot } from '../../model/channel.ts'
import type { LogLoss } from '../../model/log-sink.ts'
import type { Plan } from '../../model/plan.ts'
import type { ServersChange } from '../../model/servers-change.ts'
import type { OnShortage } from '../../model/shortage.ts'
import type { DaemonLog } from '../../telemetry/daemon-log.ts'
import { type Death, DeathCauses, DeathsInRow } from './worker-deaths.ts'
import { STUCK_MS, WorkerThread } from './worker-thread.ts'

/** How often the workers' heartbeats are looked at. */
const LOOK_INTERVAL_MS = 500

/** How long a thread may take to end that is told to: its log waits two seconds for a slow sink. */
const EXIT_MS_MAX = 2_500

/** How long a thread may take to be gone that is ended, before it is left behind. */
const TERMINATION_MS_MAX = 250

/** What the workers are made with. */
export interface WorkerPoolOptions {
  /** Gives a thread that waits for its boot; throws where the system gives no more. */
  readonly takeThread: () => Worker
  readonly table: ServerTable
  readonly boot: Omit<WorkerBoot, 'index' | 'memory' | 'ticketKeys'>
  /** Of the beginning. */
  readonly ticketKeys: TicketKeys
  readonly log: DaemonLog
  readonly clock: Clock
  /** A worker could not write lines of its access log. */
  readonly onLogLoss: (loss: LogLoss) => void
  /** A worker had no descriptor or local port left for a connection to a server. */
  readonly onShortage: OnShortage
  /** No worker serves, and none can be made to: the daemon cannot go on. */
  readonly onFailing: (error: SluiceError) => void
}

/** One of the workers that the table has room for, whichever thread that is. */
interface Place {
  readonly index: number
  readonly deaths: DeathsInRow
  /** Null: its successor is waited with. */
  thread: WorkerThread | null
  successor: NodeJS.Timeout | undefined
}

/**
 * The worker threads of the data plane. A worker that dies, or that is stuck, is replaced: what it
 * held in the server table is given back, its successor runs the present plan, and only its
 * sessions are lost. Deaths in a row are answered with longer and longer waits while other workers
 * serve, so that whatever ends workers again and again does not end the daemon.
 */
export class WorkerPool {
  readonly #options: WorkerPoolOptions
  readonly #places: Place[] = []
  readonly #causes = new DeathCauses()
  readonly #watch: NodeJS.Timeout
  #lookedMs: number
  #waiting: { readonly isMet: () => boolean; readonly resolve: () => void }[] = []
  #plan: Plan
  #ticketKeys: TicketKeys
  #hasStarted = false
  #isCut = false
  #phase: 'serving' | 'draining' | 'stopping' = 'serving'

  /** Starts as many workers as the table has room for, with a first plan. */
  constructor(plan: Plan, options: WorkerPoolOptions) {
    this.#plan = plan
    this.#ticketKeys = options.ticketKeys
    this.#options = options
    this.#lookedMs = options.clock()
    for (let index = 0; index < options.table.workers; index++) {
      const place = { index, deaths: new DeathsInRow(), thread: null, successor: undefined }
      this.#places.push(place)
      this.#spawn(place)
    }
    this.#watch = setInterval(() => this.#look(), LOOK_INTERVAL_MS)
  }

  /**
   * Whether clients are served: all workers have started once, and at least one serves. One that is
   * being replaced leaves its share to the others.
   */
  get isReady(): boolean {
    return this.#hasStarted && this.#doesAnyServe
  }

  /** Indexes of workers that do not answer and are not replaced yet. */
  get stuck(): number[] {
    return this.#places.flatMap(({ index, thread }) => (thread?.isStuck === true ? [index] : []))
  }

  /** Workers that have died so far, for whatever cause. */
  get deathsTotal(): number {
    return this.#causes.total
  }

  /** Resolves when clients are served. */
  async ready(): Promise<void> {
    await this.#until(() => this.isReady)
  }

  /** Has every worker run a plan; resolves when all do that answer. */
  apply(plan: Plan): Promise<void> {
    return this.#goOver(plan, (thread) => thread.apply(plan))
  }

  /**
   * The same for a plan that differs from the present one in servers alone.
   *
   * @param change what leads to it
   */
  change(plan: Plan, change: ServersChange): Promise<void> {
    return this.#goOver(plan, (thread) => thread.tell({ kind: 'change-servers', change }))
  }

  /** Has every worker seal and open session tickets by these from now on. */
  renewTicketKeys(keys: TicketKeys): void {
    this.#ticketKeys = keys
    this.#broadcast({ kind: 'renew-ticket-keys', keys })
  }

  /** A thread that is started meanwhile begins with the plan itself. */
  async #goOver(plan: Plan, tell: (thread: WorkerThread) => void): Promise<void> {
    this.#plan = plan
    for (const { thread } of this.#places) if (thread !== null) tell(thread)
    await this.#until(() => this.#hasStarted && this.#doAllRunPlan)
  }

  /**
   * Has every worker accept no more and finish what is open; resolves when all have. One that dies
   * meanwhile has, and is not replaced.
   */
  async drain(): Promise<void> {
    this.#phase = 'draining'
    for (const { successor } of this.#places) clearTimeout(successor)
    this.#broadcast({ kind: 'drain' })
    await this.#until(() => this.#places.every(({ thread }) => this.#isDrained(thread)))
  }

  /** Has every worker give up its idle connections to an address, so that their local ports are free. */
  freePorts(address: Address): void {
    this.#broadcast({ kind: 'free-ports', address })
  }

  /** Ends every session now: the drain waits no longer for a worker that does not answer. */
  cut(): void {
    this.#isCut = true
    this.#broadcast({ kind: 'cut' })
    this.#settle()
  }

  /**
   * Ends the threads, their logs written out. One that does not answer is left behind: it goes with
   * the process.
   *
   * @returns how many were left behind
   */
  async stop(): Promise<number> {
    this.#phase = 'stopping'
    clearInterval(this.#watch)
    this.#broadcast({ kind: 'exit' })
    const ends = this.#places.map(({ thread, successor }) => {
      clearTimeout(successor)
      return thread === null ? Promise.resolve(true) : endsInTime(thread)
    })
    return (await Promise.all(ends)).filter((hasEnded) => !hasEnded).length
  }

  /** Ends one thread without warning, as a fault would; for tests of the replacement. */
  terminate(index: number): void {
    this.#places[index]?.thread?.terminate()
  }

  #spawn(place: Place): void {
    const { boot, table, clock, takeThread } = this.#options
    const { index } = place
    try {
      const thread: WorkerThread = new WorkerThread({
        index,
        takeThread,
        boot: { ...boot, ticketKeys: this.#ticketKeys },
        table,
        clock,
        plan: this.#plan,
        onMessage: (message) => this.#onMessage(index, thread, message),
        onEnd: (death) => this.#onEnd(place, death),
      })
      place.thread = thread
    } catch (failure) {
      // The system gives no more threads.
      this.#onEnd(place, { livedMs: 0, hadStarted: false, wasStuck: false, failure })
    }
  }

  #onMessage(index: number, thread: WorkerThread, message: FromWorker): void {
    switch (message.kind) {
      case 'applied':
        // A plan is told of once those are accepted who waited at addresses that it has no more:
        // a change of servers that has come after it may be told of before.
        thread.appliedSerial = Math.max(thread.appliedSerial, message.serial)
        break
      case 'drained':
        thread.isDrained = true
        break
      case 'shortage':
        this.#options.onShortage(message.failure, message.address)
        break
      case 'log-loss':
        this.#options.onLogLoss(message.loss)
        break
      case 'warning': {
        const fields = { worker: index, ...message.fields }
        this.#options.log.warn(message.event, message.message, fields)
        break
      }
      default:
        message satisfies never
    }
    this.#settle()
  }

  #onEnd(place: Place, death: Death): void {
    place.thread = null
    if (this.#phase === 'stopping') return
    const { index, deaths } = place
    this.#options.table.reclaim(index)
    deaths.note(death)
    const delayMs = this.#phase === 'serving' ? deaths.delayMs(this.#doesAnyServe) : null
    this.#tellOfDeath(index, death, delayMs)
    if (delayMs !== null) this.#succeed(place, death, delayMs)
    this.#settle()
  }

  /** The first death of a cause is told with all that is known, further ones are counted. */
  #tellOfDeath(worker: number, death: Death, restartMs: number | null): void {
    const { log } = this.#options
    const { wasStuck, failure } = death
    const how = wasStuck ? 'did not answer and is ended' : 'died'
    const error = new SluiceError('worker-lost', `worker ${worker} ${how}`, failure)
    const count = this.#causes.note(death)
    const fields = { worker, count, restartMs }
    if (count === 1) log.error('worker-lost', error.message, { ...fields, error })
    else log.error('worker-lost', `${error.message}, as others before it`, fields)
  }

  #succeed(place: Place, { failure }: Death, delayMs: number): void {
    const { log, onFailing } = this.#options
    const { index, deaths } = place
    if (deaths.cannotStart && (!this.#hasStarted || !this.#doesAnyServe)) {
      onFailing(new SluiceError('worker-failing', `worker ${index} cannot start`, failure))
      return
    }
    const start = (): void => {
      log.info('worker-started', `worker ${index} is replaced`, { worker: index })
      this.#spawn(place)
    }
    if (delayMs === 0) start()
    else place.successor = setTimeout(start, delayMs)
  }

  /** Looks for workers that do not answer, but holds no standstill of the whole process against them. */
  #look(): void {
    const { clock, log, onFailing } = this.#options
    const nowMs = clock()
    const ranMs = Math.min(nowMs - this.#lookedMs, 2 * LOOK_INTERVAL_MS)
    this.#lookedMs = nowMs
    for (const { index, thread } of this.#places) {
      if (thread?.look(ranMs) !== true) continue
      const message = `worker ${index} has not answered for ${STUCK_MS / 1000} s and is ended`
      log.error('worker-stuck', message, { worker: index })
      thread.terminate()
    }
    this.#settle()
    // A thread within a system call cannot be ended from inside the process.
    if (this.#phase !== 'serving' || !this.#places.every((place) => place.thread?.isBeyondHelp))
      return
    clearInterval(this.#watch)
    onFailing(new SluiceError('worker-failing', 'no worker answers, and none can be ended'))
  }

  get #doesAnyServe(): boolean {
    return this.#places.some(({ thread }) => thread?.isServing === true)
  }

  /** Leaves out who cannot be told: a successor begins with the present plan. */
  get #doAllRunPlan(): boolean {
    const answering = this.#places.filter(({ thread }) => thread?.isStuck === false)
    return answering.length > 0 && answering.every((place) => this.#runsPlan(place))
  }

  #runsPlan({ thread }: Place): boolean {
    return thread?.appliedSerial === this.#plan.serial
  }

  #isDrained(thread: WorkerThread | null): boolean {
    if (thread === null || thread.isDrained || thread.isStuck) return true
    return this.#isCut && thread.isQuiet
  }

  #broadcast(message: ToWorker): void {
    for (const { thread } of this.#places) thread?.tell(message)
  }

  #until(isMet: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push({ isMet, resolve })
      this.#settle()
    })
  }

  #settle(): void {
    this.#hasStarted ||= this.#places.every((place) => this.#runsPlan(place))
    const met = this.#waiting.filter(({ isMet }) => isMet())
    this.#waiting = this.#waiting.filter((waiter) => !met.includes(waiter))
    for (const { resolve } of met) resolve()
  }
}

/** Whether a thread that was told to end does so in time, if need be without its logs. */
async function endsInTime(thread: WorkerThread): Promise<boolean> {
  if (!thread.isQuiet && (await settlesWithin(thread.ended, EXIT_MS_MAX))) return true
  thread.terminate()
  return settlesWithin(thread.ended, TERMINATION_MS_MAX)
}
