import { assert } from '../base/errors.ts'
import { COUNTER, COUNTER_STRIDE, type CounterName } from './counters.ts'
import { WaitingLines } from './waiting-lines.ts'

/** Rows that a daemon can have: frontends, backends and servers together. */
export const ROWS_MAX = 32_768

/** Effective state of a server, as HAProxy's exporter names them. */
export const SERVER_STATE = { down: 0, up: 1, drain: 2, maint: 3 } as const

/** One of {@link SERVER_STATE}. */
export type ServerState = (typeof SERVER_STATE)[keyof typeof SERVER_STATE]

const HEADER_INTS = 16
const EPOCH_CELL = 0
const CONNECTIONS_CELL = 1

const ROW_INTS = 4
const STATE = 0
const WEIGHT = 1
const SESSIONS = 2
const LIMITS = 3

/**
 * Steps in which a server that starts slowly comes to its whole share. HAProxy's too
 * (`BE_WEIGHT_SCALE`).
 */
export const THROTTLE_STEPS = 16

/** In the cell of the limits: steps that the weight lacks, that maxconn lacks, and an own maxconn. */
const LACKING_MASK = 31
const MAXCONN_LACKING_SHIFT = 5
const MAXCONN_SHIFT = 10

/** What a thread needs to open the table that the control plane made. */
export interface ServerTableMemory {
  readonly buffer: SharedArrayBuffer
  readonly workers: number
}

/**
 * The facts that all threads share, in one SharedArrayBuffer:
 *
 * - per row, atomic: state, weight, limits and sessions of a server;
 * - per worker and row: that worker's own sessions, so that what a dead worker held can be given
 *   back;
 * - per worker: its heartbeat;
 * - per backend: who waits for one of its servers ({@link WaitingLines});
 * - per worker and row: counters (see `counters.ts`), written by their worker only.
 *
 * The control plane writes states and weights, the data plane sessions and counters. The memory
 * is reserved for {@link ROWS_MAX} rows; the system commits only the pages that are touched.
 */
export class ServerTable {
  readonly workers: number
  readonly lines: WaitingLines
  readonly #buffer: SharedArrayBuffer
  readonly #header: Int32Array
  readonly #rows: Int32Array
  readonly #held: readonly Int32Array[]
  readonly #connections: Int32Array
  readonly #beats: Int32Array
  readonly #counters: readonly Float64Array[]

  constructor(memory: ServerTableMemory) {
    const { buffer, workers } = memory
    this.workers = workers
    this.#buffer = buffer
    let offset = 0
    const ints = (length: number): Int32Array => {
      const view = new Int32Array(buffer, offset, length)
      offset += view.byteLength
      return view
    }
    this.#header = ints(HEADER_INTS)
    this.#connections = ints(Math.ceil(workers / 16) * 16)
    this.#beats = ints(Math.ceil(workers / 16) * 16)
    this.#rows = ints(ROWS_MAX * ROW_INTS)
    this.#held = Array.from({ length: workers }, () => ints(ROWS_MAX))
    this.lines = new WaitingLines(workers, ROWS_MAX, ints)
    offset = Math.ceil(offset / 8) * 8
    this.#counters = Array.from({ length: workers }, () => {
      const view = new Float64Array(buffer, offset, ROWS_MAX * COUNTER_STRIDE)
      offset += view.byteLength
      return view
    })
  }

  /** Reserves a new table for a number of worker threads. All rows are zero: servers down. */
  static create(workers: number): ServerTable {
    const ints =
      HEADER_INTS +
      2 * Math.ceil(workers / 16) * 16 +
      ROWS_MAX * (ROW_INTS + workers) +
      WaitingLines.intsFor(workers, ROWS_MAX)
    const bytes = Math.ceil(ints / 2) * 8 + workers * ROWS_MAX * COUNTER_STRIDE * 8
    return new ServerTable({ buffer: new SharedArrayBuffer(bytes), workers })
  }

  /** What another thread is sent to open the same table. */
  get memory(): ServerTableMemory {
    return { buffer: this.#buffer, workers: this.workers }
  }

  /**
   * Grows with every change of a state, a weight or a limit: a reader that saw the same number before
   * need not look at the rows again.
   */
  epoch(): number {
    return Atomics.load(this.#header, EPOCH_CELL)
  }

  /** The state of a server. */
  state(row: number): ServerState {
    return Atomics.load(this.#rows, row * ROW_INTS + STATE) as ServerState
  }

  /** Control plane only. */
  setState(row: number, state: ServerState): void {
    Atomics.store(this.#rows, row * ROW_INTS + STATE, state)
    Atomics.add(this.#header, EPOCH_CELL, 1)
    this.lines.ringAll()
  }

  /** The weight of a server, 0-256. */
  weight(row: number): number {
    return Atomics.load(this.#rows, row * ROW_INTS + WEIGHT)
  }

  /** Control plane only. */
  setWeight(row: number, weight: number): void {
    Atomics.store(this.#rows, row * ROW_INTS + WEIGHT, weight)
    Atomics.add(this.#header, EPOCH_CELL, 1)
    this.lines.ringAll()
  }

  /** Steps of {@link THROTTLE_STEPS} of its weight that a server has now: 1 to all. */
  weightSteps(row: number): number {
    return THROTTLE_STEPS - (this.#limits(row) & LACKING_MASK)
  }

  /** The same of its maxconn. */
  maxconnSteps(row: number): number {
    return THROTTLE_STEPS - ((this.#limits(row) >>> MAXCONN_LACKING_SHIFT) & LACKING_MASK)
  }

  /** The weight that a server has now, 0-256: less than {@link weight} while it starts slowly. */
  presentWeight(row: number): number {
    return Math.ceil((this.weight(row) * this.weightSteps(row)) / THROTTLE_STEPS)
  }

  /** Percent that a server gives of itself while it starts slowly; null: it gives all it has. */
  throttlePercent(row: number): number | null {
    const steps = this.maxconnSteps(row)
    if (steps === THROTTLE_STEPS || this.state(row) !== SERVER_STATE.up) return null
    return Math.ceil((100 * steps) / THROTTLE_STEPS)
  }

  /** Holds a server back while it starts slowly. Control plane only. */
  setSteps(row: number, ofWeight: number, ofMaxconn: number): void {
    const lacking =
      (THROTTLE_STEPS - ofWeight) | ((THROTTLE_STEPS - ofMaxconn) << MAXCONN_LACKING_SHIFT)
    const kept = this.#limits(row) & (-1 << MAXCONN_SHIFT)
    this.#setLimits(row, kept | lacking)
  }

  /** The `maxconn` of a server where its agent has set one, 1-1,000,000; 0: as configured. */
  agentMaxconn(row: number): number {
    return this.#limits(row) >>> MAXCONN_SHIFT
  }

  /** Control plane only. */
  setAgentMaxconn(row: number, maxconn: number): void {
    const kept = this.#limits(row) & ~(-1 << MAXCONN_SHIFT)
    this.#setLimits(row, (maxconn << MAXCONN_SHIFT) | kept)
  }

  /**
   * Sessions that a row has now, over all threads: of a frontend its client connections, of a
   * backend or a server what it works on.
   *
   * A plain read: an aligned Int32 is never torn, and least connections reads hundreds in a pick
   * (measured at a third of the time of an atomic one).
   */
  sessions(row: number): number {
    return this.#rows[row * ROW_INTS + SESSIONS] as number
  }

  /** A worker gives a row one more session. Must be paired with {@link release}. */
  acquire(worker: number, row: number): void {
    const held = this.#held[worker] as Int32Array
    held[row] = (held[row] as number) + 1
    Atomics.add(this.#rows, row * ROW_INTS + SESSIONS, 1)
  }

  /**
   * As {@link acquire}, where that leaves the row with no more than so many sessions over all
   * threads.
   *
   * @param sessionsMax 0 for no bound
   * @returns false when the row is full
   */
  tryAcquire(worker: number, row: number, sessionsMax: number): boolean {
    if (sessionsMax === 0) {
      this.acquire(worker, row)
      return true
    }
    const cell = row * ROW_INTS + SESSIONS
    let sessions = Atomics.load(this.#rows, cell)
    for (;;) {
      if (sessions >= sessionsMax) return false
      const found = Atomics.compareExchange(this.#rows, cell, sessions, sessions + 1)
      if (found === sessions) break
      sessions = found
    }
    const held = this.#held[worker] as Int32Array
    held[row] = (held[row] as number) + 1
    return true
  }

  /** A session that a worker gave to a row is over. */
  release(worker: number, row: number): void {
    const held = this.#held[worker] as Int32Array
    Atomics.sub(this.#rows, row * ROW_INTS + SESSIONS, 1)
    const left = (held[row] as number) - 1
    held[row] = left
    assert(left >= 0, `row ${row}: a session was released twice`)
  }

  /** Client connections now, over all threads and frontends. */
  connections(): number {
    return Atomics.load(this.#header, CONNECTIONS_CELL)
  }

  /** A worker accepted a client connection (+1) or saw it close (-1). */
  addConnections(worker: number, delta: 1 | -1): void {
    this.#connections[worker] = (this.#connections[worker] as number) + delta
    Atomics.add(this.#header, CONNECTIONS_CELL, delta)
  }

  /** A worker's event loop goes round: called with every tick of its wheel, by that worker only. */
  beat(worker: number): void {
    Atomics.add(this.#beats, worker, 1)
  }

  /** How often a worker has beaten since it was started, wrapping around; 0: not yet. */
  beats(worker: number): number {
    return Atomics.load(this.#beats, worker)
  }

  /**
   * Gives back what a dead worker held: its sessions, its connections and its gauges. Call once,
   * after the thread is gone and before its successor starts.
   */
  reclaim(worker: number): void {
    const held = this.#held[worker] as Int32Array
    const cells = this.#counters[worker] as Float64Array
    for (let row = 0; row < ROWS_MAX; row++) {
      const sessions = held[row] as number
      if (sessions !== 0) Atomics.sub(this.#rows, row * ROW_INTS + SESSIONS, sessions)
      held[row] = 0
    }
    for (let row = 0; row < ROWS_MAX; row++) {
      const base = row * COUNTER_STRIDE
      if (cells[base + COUNTER.idleConnections] !== 0) cells[base + COUNTER.idleConnections] = 0
    }
    Atomics.sub(this.#header, CONNECTIONS_CELL, this.#connections[worker] as number)
    this.#connections[worker] = 0
    Atomics.store(this.#beats, worker, 0)
    this.lines.reclaim(worker)
  }

  /**
   * A worker's own counters: cell `row * COUNTER_STRIDE + COUNTER.name`. The hot path writes them
   * in place.
   */
  counters(worker: number): Float64Array {
    return this.#counters[worker] as Float64Array
  }

  /** A counter of a row, summed over the workers. */
  total(row: number, name: CounterName): number {
    const cell = row * COUNTER_STRIDE + COUNTER[name]
    let sum = 0
    for (const cells of this.#counters) sum += cells[cell] as number
    return sum
  }

  /** Clears a row before it is given to another name. Control plane only. */
  clear(row: number): void {
    for (const cells of this.#counters) {
      cells.fill(0, row * COUNTER_STRIDE, (row + 1) * COUNTER_STRIDE)
    }
    this.#rows.fill(0, row * ROW_INTS, row * ROW_INTS + SESSIONS)
    this.#rows[row * ROW_INTS + LIMITS] = 0
    this.lines.clear(row)
    Atomics.add(this.#header, EPOCH_CELL, 1)
  }

  #limits(row: number): number {
    return Atomics.load(this.#rows, row * ROW_INTS + LIMITS)
  }

  #setLimits(row: number, limits: number): void {
    if (limits === this.#limits(row)) return
    Atomics.store(this.#rows, row * ROW_INTS + LIMITS, limits)
    Atomics.add(this.#header, EPOCH_CELL, 1)
    this.lines.ringAll()
  }
}
