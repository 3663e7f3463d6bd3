import type { ClassicLevel } from 'classic-level'
import { assert, SluiceError } from '../../base/errors.ts'
import type { Snapshot } from '../log/entries.ts'
import { encodeEntry } from '../log/entry-encoding.ts'
import type { Persist } from '../log/persist.ts'
import type { DurableMark } from './durable-mark.ts'
import type { LogStore, NodeIdentity, StoredState } from './log-store.ts'
import {
  encodeIdentity,
  encodeSnapshotHead,
  encodeState,
  entryKey,
  IDENTITY_KEY,
  STATE_KEY,
  type StoreState,
  seal,
  snapshotHeadKey,
  snapshotPieceKey,
} from './records.ts'

/** The database of a store: keys and values are bytes. */
export type Database = ClassicLevel<Uint8Array, Uint8Array>

/** A change of one record. */
export type Change =
  | { readonly type: 'put'; readonly key: Uint8Array; readonly value: Uint8Array }
  | { readonly type: 'del'; readonly key: Uint8Array }

/** Bytes of one piece of a snapshot, as LevelDB's values are best kept well below its 4 MiB buffer. */
const PIECE_BYTES = 1024 * 1024

/** Bytes of changes in one batch, about; what waits beyond it goes with the next. */
const BATCH_BYTES_MAX = 4 * 1024 * 1024

/**
 * Bytes of changes that are chained, which takes half the time of an array of them. LevelDB's copy
 * of a chain lives until the collector finds it, that of an array until it is written.
 */
const CHAIN_BYTES_MAX = 16 * 1024

const SYNCED = { sync: true }

/**
 * Writes that wait for the disk. The flow control of the core keeps them far below it: no more
 * entries come than may be unanswered.
 */
const QUEUED_WRITES_MAX = 65_536

/** Bytes that a change takes beside its value, about. */
const CHANGE_BYTES = 64

interface QueuedWrite {
  readonly changes: readonly Change[]
  readonly bytes: number
  /** Goes before, in batches of its own where it is large: nothing refers to it until then. */
  readonly snapshot: { readonly generation: number; readonly data: Uint8Array } | null
  readonly state: StoreState
  readonly done: (failure: Error | null) => void
}

/** What of a store is on the disk, or on its way there. */
export interface StoreExtent extends StoreState {
  /** Pieces of the snapshot that holds. */
  readonly pieces: number
}

/**
 * A log store in LevelDB. Each batch is atomic and synced. While one is being written, what comes
 * meanwhile gathers and goes together in the next, so that one sync serves many writes.
 */
export class LevelStore implements LogStore {
  readonly #database: Database
  readonly #mark: DurableMark
  #identity: NodeIdentity
  #extent: StoreExtent
  #queue: QueuedWrite[] = []
  #writing: Promise<void> | null = null
  #failure: SluiceError | null = null
  #isClosed = false

  /** Takes the database and the mark, which {@link close} closes. */
  constructor(database: Database, mark: DurableMark, identity: NodeIdentity, extent: StoreExtent) {
    this.#database = database
    this.#mark = mark
    this.#identity = identity
    this.#extent = extent
  }

  get identity(): NodeIdentity {
    return this.#identity
  }

  /** Batches that this directory has seen in its life. */
  get batches(): number {
    return this.#extent.batch
  }

  /**
   * Writes who the directory belongs to, in one batch with a change of what it holds.
   *
   * @throws SluiceError `data-dir-failed`
   */
  writeAs(identity: NodeIdentity, persist: Persist): Promise<void> {
    this.#identity = identity
    const value = seal(IDENTITY_KEY, encodeIdentity(identity))
    return new Promise((resolve, reject) => {
      this.#enqueue([{ type: 'put', key: IDENTITY_KEY, value }], persist, (failure) =>
        failure === null ? resolve() : reject(failure),
      )
    })
  }

  /**
   * Makes the node a member of a cluster.
   *
   * @param clusterId kept for good
   * @param snapshot what it begins with
   * @throws SluiceError `data-dir-failed`
   */
  async found(clusterId: string, snapshot: Snapshot): Promise<StoredState> {
    assert(this.#identity.clusterId === null, 'a node belongs to one cluster in its life')
    const hardState = { term: snapshot.term, vote: null }
    await this.writeAs(
      { ...this.#identity, clusterId },
      {
        sequence: 0,
        hardState,
        snapshot,
        isLogReset: true,
        entries: [],
        firstIndex: snapshot.index + 1,
      },
    )
    return { hardState, snapshot, entries: [] }
  }

  write(persist: Persist, done: (failure: Error | null) => void): void {
    this.#enqueue([], persist, done)
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await this.#writing
    await this.#mark.close()
    await this.#database.close()
  }

  #enqueue(changes: Change[], persist: Persist, done: (failure: Error | null) => void): void {
    assert(!this.#isClosed, 'a closed store is not written')
    assert(this.#queue.length < QUEUED_WRITES_MAX, 'the disk is not outrun for long')
    this.#changeSnapshot(changes, persist)
    this.#changeLog(changes, persist)
    if (persist.hardState !== null) this.#extent = { ...this.#extent, hardState: persist.hardState }
    const bytes = changes.reduce(
      (sum, change) => sum + CHANGE_BYTES + (change.type === 'put' ? change.value.length : 0),
      0,
    )
    const { generation } = this.#extent
    const snapshot = persist.snapshot && { generation, data: persist.snapshot.data }
    this.#queue.push({ changes, bytes, snapshot, state: this.#extent, done })
    this.#writing ??= this.#writeQueue()
  }

  #changeSnapshot(changes: Change[], { snapshot }: Persist): void {
    if (snapshot === null) return
    const { generation: before, pieces: piecesBefore } = this.#extent
    changes.push({ type: 'del', key: snapshotHeadKey(before) })
    for (let piece = 0; piece < piecesBefore; piece++) {
      changes.push({ type: 'del', key: snapshotPieceKey(before, piece) })
    }
    const generation = before + 1
    const { index, term, membership, data } = snapshot
    const pieces = Math.ceil(data.length / PIECE_BYTES)
    const key = snapshotHeadKey(generation)
    const head = encodeSnapshotHead({ index, term, membership, bytes: data.length, pieces })
    changes.push({ type: 'put', key, value: seal(key, head) })
    this.#extent = { ...this.#extent, generation, pieces }
  }

  #changeLog(changes: Change[], { isLogReset, firstIndex: neededIndex, entries }: Persist): void {
    let { firstIndex, lastIndex } = this.#extent
    const remove = (from: number, to: number): void => {
      for (let at = from; at <= to; at++) changes.push({ type: 'del', key: entryKey(at) })
    }
    if (isLogReset) {
      remove(firstIndex, lastIndex)
      firstIndex = neededIndex
      lastIndex = firstIndex - 1
    } else if (neededIndex > firstIndex) {
      remove(firstIndex, Math.min(neededIndex - 1, lastIndex))
      firstIndex = neededIndex
      lastIndex = Math.max(lastIndex, firstIndex - 1)
    }
    const first = entries[0]
    if (first !== undefined) {
      assert(first.index >= firstIndex && first.index <= lastIndex + 1, 'the log has no holes')
      remove(first.index + entries.length, lastIndex)
      lastIndex = first.index + entries.length - 1
    }
    for (const entry of entries) {
      const key = entryKey(entry.index)
      changes.push({ type: 'put', key, value: seal(key, encodeEntry(entry)) })
    }
    this.#extent = { ...this.#extent, firstIndex, lastIndex }
  }

  /** Begins in the turn of the first write: what that turn does besides, it does meanwhile. */
  async #writeQueue(): Promise<void> {
    while (this.#queue.length > 0) {
      const group = this.#takeGroup()
      await this.#tryGroup(group)
      for (const { done } of group) done(this.#failure)
    }
    this.#writing = null
  }

  #takeGroup(): QueuedWrite[] {
    let count = 0
    let bytes = 0
    for (const write of this.#queue) {
      bytes += write.bytes
      if (count > 0 && bytes > BATCH_BYTES_MAX) break
      count++
    }
    return this.#queue.splice(0, count)
  }

  async #tryGroup(group: readonly QueuedWrite[]): Promise<void> {
    if (this.#failure !== null) return
    try {
      await this.#writeGroup(group)
    } catch (error) {
      this.#fail(error)
    }
  }

  async #writeGroup(group: readonly QueuedWrite[]): Promise<void> {
    const last = group.at(-1) as QueuedWrite
    const batch = this.#extent.batch + 1
    const changes: Change[] = []
    let bytes = 0
    for (const { snapshot, changes: own, bytes: ownBytes } of group) {
      bytes += ownBytes + (snapshot?.data.length ?? 0)
      // A loop, for a spread of many changes overflows the stack.
      for (const change of own) changes.push(change)
      if (snapshot !== null) await this.#writePieces(snapshot, changes)
    }
    const state = encodeState({ ...last.state, batch })
    changes.push({ type: 'put', key: STATE_KEY, value: seal(STATE_KEY, state) })
    await this.#writeChanges(changes, bytes)
    this.#extent = { ...this.#extent, batch }
    this.#mark.set(batch, (error) => this.#fail(error))
  }

  async #writeChanges(changes: Change[], bytes: number): Promise<void> {
    if (bytes > CHAIN_BYTES_MAX) {
      await this.#database.batch(changes, SYNCED)
      return
    }
    const chain = this.#database.batch()
    for (const change of changes) {
      if (change.type === 'put') chain.put(change.key, change.value)
      else chain.del(change.key)
    }
    await chain.write(SYNCED)
  }

  /** A snapshot of one piece goes with the batch that names it, a larger one before. */
  async #writePieces(
    { generation, data }: NonNullable<QueuedWrite['snapshot']>,
    changes: Change[],
  ): Promise<void> {
    for (let piece = 0; piece * PIECE_BYTES < data.length; piece++) {
      const key = snapshotPieceKey(generation, piece)
      const start = piece * PIECE_BYTES
      const value = seal(key, data.subarray(start, start + PIECE_BYTES))
      if (data.length <= PIECE_BYTES) changes.push({ type: 'put', key, value })
      else await this.#database.batch([{ type: 'put', key, value }], SYNCED)
    }
  }

  #fail(error: unknown): void {
    this.#failure ??= new SluiceError(
      'data-dir-failed',
      `the data directory cannot be written: ${(error as Error).message}`,
      error,
    )
  }
}
