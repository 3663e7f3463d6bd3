/** Called once: true when what was acknowledged before is applied, false when no quorum answered. */
export type OnRead = (isDone: boolean) => void

interface Batch {
  readonly context: number
  readonly deadlineMs: number
  readonly readers: readonly OnRead[]
}

interface Granted {
  readonly index: number
  readonly readers: readonly OnRead[]
}

/**
 * Linearizable reads, asked for in batches: while one batch is being answered, those that come
 * meanwhile gather for the next, for an answer only counts for who had asked before (Raft thesis
 * section 6.4). However many read, one question is open.
 */
export class ReadBatches {
  readonly #readersMax: number
  readonly #timeoutMs: number
  readonly #ask: (context: number) => void
  #nextContext = 1
  #gathering: OnRead[] = []
  #asked: Batch | null = null
  #granted: Granted[] = []
  #count = 0

  /**
   * @param readersMax bound of those who wait
   * @param timeoutMs after which a batch without an answer has failed
   * @param ask asks the core
   */
  constructor(readersMax: number, timeoutMs: number, ask: (context: number) => void) {
    this.#readersMax = readersMax
    this.#timeoutMs = timeoutMs
    this.#ask = ask
  }

  get isFull(): boolean {
    return this.#count >= this.#readersMax
  }

  /** When {@link tick} is due; infinite while nothing is asked. */
  get deadlineMs(): number {
    return this.#asked?.deadlineMs ?? Number.POSITIVE_INFINITY
  }

  read(nowMs: number, onRead: OnRead): void {
    this.#count++
    this.#gathering.push(onRead)
    this.#askNext(nowMs)
  }

  /** The core has answered; answers to batches that were given up are ignored. */
  answered(context: number, index: number | null, appliedIndex: number, nowMs: number): void {
    const batch = this.#asked
    if (batch?.context !== context) return
    this.#asked = null
    if (index === null) this.#settle(batch.readers, false)
    else if (index <= appliedIndex) this.#settle(batch.readers, true)
    else this.#granted.push({ index, readers: batch.readers })
    this.#askNext(nowMs)
  }

  /** The state machine has gone on. */
  applied(appliedIndex: number): void {
    if (this.#granted.length === 0) return
    const ready = this.#granted.filter(({ index }) => index <= appliedIndex)
    this.#granted = this.#granted.filter(({ index }) => index > appliedIndex)
    for (const { readers } of ready) this.#settle(readers, true)
  }

  tick(nowMs: number): void {
    const batch = this.#asked
    if (batch === null || nowMs < batch.deadlineMs) return
    this.#asked = null
    this.#settle(batch.readers, false)
    this.#askNext(nowMs)
  }

  /** Fails all that wait. */
  stop(): void {
    const waiting = [this.#asked?.readers ?? [], ...this.#granted.map(({ readers }) => readers)]
    const gathering = this.#gathering
    this.#asked = null
    this.#granted = []
    this.#gathering = []
    for (const readers of [...waiting, gathering]) this.#settle(readers, false)
  }

  #askNext(nowMs: number): void {
    if (this.#asked !== null || this.#gathering.length === 0) return
    const context = this.#nextContext++
    this.#asked = { context, deadlineMs: nowMs + this.#timeoutMs, readers: this.#gathering }
    this.#gathering = []
    this.#ask(context)
  }

  #settle(readers: readonly OnRead[], isDone: boolean): void {
    this.#count -= readers.length
    for (const onRead of readers) onRead(isDone)
  }
}
