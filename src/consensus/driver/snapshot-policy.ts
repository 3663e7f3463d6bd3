import type { Entry } from '../log/entries.ts'
import { entryBytes } from '../log/entry-bytes.ts'

/** When a node shortens its log. */
export interface SnapshotPolicyOptions {
  /** Entries applied since the last snapshot. Default 10,000, as etcd's `--snapshot-count`. */
  readonly snapshotEntries: number
  /** Bytes of them. Default 64 MiB: a log of large commands is bounded as well. */
  readonly snapshotBytes: number
  /**
   * Entries kept behind a snapshot, so that a follower that is a little late is sent entries, not
   * all of the state. Default 5,000, as etcd's `--experimental-snapshot-catchup-entries`.
   */
  readonly keptEntries: number
  /** Bytes of them. Default 16 MiB. */
  readonly keptBytes: number
}

/** See each of {@link SnapshotPolicyOptions}. */
export const SNAPSHOT_DEFAULTS: SnapshotPolicyOptions = {
  snapshotEntries: 10_000,
  snapshotBytes: 64 * 1024 * 1024,
  keptEntries: 5_000,
  keptBytes: 16 * 1024 * 1024,
}

/** Says when a snapshot is due, and what of the log stays behind it. */
export class SnapshotPolicy {
  readonly #options: SnapshotPolicyOptions
  /** Sizes of the entries up to the last applied one, in order; the oldest may be gone. */
  #sizes: number[] = []
  #entriesSince = 0
  #bytesSince = 0

  constructor(options: SnapshotPolicyOptions) {
    this.#options = options
  }

  /** An entry that a snapshot holds already, found at the start. */
  kept(entry: Entry): void {
    this.#sizes.push(entryBytes(entry))
  }

  applied(entry: Entry): void {
    const bytes = entryBytes(entry)
    this.#sizes.push(bytes)
    this.#entriesSince++
    this.#bytesSince += bytes
  }

  get isDue(): boolean {
    return (
      this.#entriesSince >= this.#options.snapshotEntries ||
      this.#bytesSince >= this.#options.snapshotBytes
    )
  }

  /**
   * A snapshot was taken.
   *
   * @param index of the last applied entry, which it holds
   * @returns first index that the log keeps
   */
  taken(index: number): number {
    this.#entriesSince = 0
    this.#bytesSince = 0
    const { keptEntries, keptBytes } = this.#options
    let count = 0
    let bytes = 0
    while (count < Math.min(keptEntries, this.#sizes.length)) {
      bytes += this.#sizes[this.#sizes.length - 1 - count] as number
      if (bytes > keptBytes) break
      count++
    }
    this.#sizes = count === 0 ? [] : this.#sizes.slice(-count)
    return index - count + 1
  }

  /** The log was replaced by a snapshot of the leader. */
  reset(): void {
    this.#sizes = []
    this.#entriesSince = 0
    this.#bytesSince = 0
  }
}
