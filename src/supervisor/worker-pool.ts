import { Worker } from 'node:worker_threads'
import { SluiceError } from '../errors.ts'
import type { Clock } from '../model/clock.ts'
import type { Plan } from '../model/plan.ts'
import type { ServerTable } from '../model/server-table.ts'
import type { LogLoss } from '../telemetry/access-log-writer.ts'
import type { DaemonLog } from '../telemetry/daemon-log.ts'
import { type FromWorker, type ToWorker, tell, type WorkerBoot } from './channel.ts'

/** Workers that may be replaced within {@link RESTART_WINDOW_MS} before the daemon gives up. */
const RESTARTS_MAX = 10

/** See {@link RESTARTS_MAX}. */
const RESTART_WINDOW_MS = 60_000

/** What the workers are made with. */
export interface WorkerPoolOptions {
  readonly table: ServerTable
  readonly boot: Omit<WorkerBoot, 'index' | 'memory'>
  readonly log: DaemonLog
  readonly clock: Clock
  /** A worker could not write lines of its access log. */
  readonly onLogLoss: (loss: LogLoss) => void
  /** Workers die faster than they may be replaced: the daemon cannot go on. */
  readonly onFailing: (error: SluiceError) => void
}

interface Slot {
  readonly index: number
  worker: Worker
  appliedSerial: number
  drained: boolean
}

/**
 * The worker threads of the data plane. A worker that dies is replaced: what it held in the server
 * table is given back, its successor runs the present plan, and only its sessions are lost.
 */
export class WorkerPool {
  readonly #options: WorkerPoolOptions
  readonly #slots: Slot[] = []
  readonly #restartsMs: number[] = []
  #waiting: { readonly isMet: () => boolean; readonly resolve: () => void }[] = []
  #plan: Plan
  #draining = false
  #stopping = false

  /** Starts as many workers as the table has room for, with a first plan. */
  constructor(plan: Plan, options: WorkerPoolOptions) {
    this.#plan = plan
    this.#options = options
    for (let index = 0; index < options.table.workers; index++) this.#slots.push(this.#spawn(index))
  }

  /** True when every worker runs the present plan. */
  get isReady(): boolean {
    return this.#slots.every(({ appliedSerial }) => appliedSerial === this.#plan.serial)
  }

  /** Resolves when every worker runs the present plan. */
  async ready(): Promise<void> {
    await this.#until(() => this.isReady)
  }

  /** Has every worker run a plan; resolves when all do. */
  async apply(plan: Plan): Promise<void> {
    this.#plan = plan
    this.#broadcast({ kind: 'apply', plan })
    await this.ready()
  }

  /** Has every worker accept no more and finish what is open; resolves when all have. */
  async drain(): Promise<void> {
    this.#draining = true
    this.#broadcast({ kind: 'drain' })
    await this.#until(() => this.#slots.every(({ drained }) => drained))
  }

  /** Ends every session now. */
  cut(): void {
    this.#broadcast({ kind: 'cut' })
  }

  /** Ends the threads, their logs written out. */
  async stop(): Promise<void> {
    this.#stopping = true
    const ended = this.#slots.map(
      ({ worker }) => new Promise<void>((resolve) => worker.once('exit', () => resolve())),
    )
    this.#broadcast({ kind: 'exit' })
    await Promise.all(ended)
  }

  /** Ends one thread without warning, as a fault would; for tests of the replacement. */
  async terminate(index: number): Promise<void> {
    await this.#slots[index]?.worker.terminate()
  }

  #spawn(index: number): Slot {
    const { boot, table } = this.#options
    const workerData: WorkerBoot = { ...boot, index, memory: table.memory }
    const worker = new Worker(new URL('./worker-entry.js', import.meta.url), { workerData })
    const slot: Slot = { index, worker, appliedSerial: -1, drained: false }
    let failure: unknown
    worker.on('message', (message: FromWorker) => this.#onMessage(slot, message))
    worker.on('error', (error: unknown) => {
      failure = error
    })
    worker.on('exit', () => this.#onExit(slot, failure))
    tell(worker, { kind: 'apply', plan: this.#plan })
    return slot
  }

  #onMessage(slot: Slot, message: FromWorker): void {
    switch (message.kind) {
      case 'applied':
        slot.appliedSerial = message.serial
        break
      case 'drained':
        slot.drained = true
        break
      case 'log-loss':
        this.#options.onLogLoss(message.loss)
        break
      case 'warning':
        this.#options.log.warn(message.event, message.message, {
          worker: slot.index,
          ...message.fields,
        })
        break
      default:
        message satisfies never
    }
    this.#settle()
  }

  #onExit(slot: Slot, failure: unknown): void {
    if (this.#stopping) return
    const { log, table, clock, onFailing } = this.#options
    table.reclaim(slot.index)
    const error = new SluiceError('worker-lost', `worker ${slot.index} died`, failure)
    log.error('worker-lost', error.message, { worker: slot.index, error })
    if (this.#draining) {
      slot.drained = true
      this.#settle()
      return
    }
    const nowMs = clock()
    this.#restartsMs.push(nowMs)
    while ((this.#restartsMs[0] as number) < nowMs - RESTART_WINDOW_MS) this.#restartsMs.shift()
    if (this.#restartsMs.length > RESTARTS_MAX) {
      onFailing(
        new SluiceError(
          'worker-failing',
          `${this.#restartsMs.length} workers died within ${RESTART_WINDOW_MS / 1000} s`,
          failure,
        ),
      )
      return
    }
    const successor = this.#spawn(slot.index)
    this.#slots[slot.index] = successor
    log.info('worker-started', `worker ${slot.index} is replaced`, { worker: slot.index })
  }

  #broadcast(message: ToWorker): void {
    for (const { worker } of this.#slots) tell(worker, message)
  }

  #until(isMet: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push({ isMet, resolve })
      this.#settle()
    })
  }

  #settle(): void {
    const met = this.#waiting.filter(({ isMet }) => isMet())
    this.#waiting = this.#waiting.filter((waiter) => !met.includes(waiter))
    for (const { resolve } of met) resolve()
  }
}
