import { SluiceError } from '../../src/base/errors.ts'
import type { NodeId, Snapshot } from '../../src/consensus/log/entries.ts'
import type { Persist } from '../../src/consensus/log/persist.ts'
import type { LogStore, StoredState } from '../../src/consensus/store/log-store.ts'
import type { Agenda } from './agenda.ts'
import type { Dice } from './dice.ts'
import { LogImage } from './log-image.ts'

/** How slow a disk is, in milliseconds of a sync, and how often it stalls. */
export interface DiskProfile {
  readonly syncMinMs: number
  readonly syncMaxMs: number
  readonly stallChance: number
  readonly stallMs: number
}

/** What the world wants to know of a disk and may do to it. */
export interface DiskObserver {
  /** A write has been asked for. */
  onWrite(disk: Disk, persist: Persist): void
  /**
   * A write is about to begin, or has become durable and is not confirmed yet.
   *
   * @returns true where the machine has crashed at this point
   */
  onStorageStep(disk: Disk): boolean
  /** The process is told of the end of a write, as soon as it runs. */
  onWritten(disk: Disk, tell: () => void): void
}

/** How a write ends that the disk refuses: EIO leaves any part of it behind, ENOSPC nothing. */
export type DiskFailure = 'EIO' | 'ENOSPC'

interface PendingWrite {
  readonly persist: Persist
  readonly sinceMs: number
  readonly done: (failure: Error | null) => void
}

/** The data directory of one identity: what is durable, and what is on its way there. */
export class Disk {
  readonly id: NodeId
  /** What has been synced. */
  durable: LogImage
  /** What has been asked for, synced or not. */
  issued: LogImage
  profile: DiskProfile
  /** Ends the next write, then forgets. */
  nextFailure: DiskFailure | null = null
  /** Set by bit rot: the checksums will not match. */
  isRotten = false
  readonly #agenda: Agenda
  readonly #dice: Dice
  readonly #observer: DiskObserver
  #session: DiskSession | null = null
  #torn: Persist | null = null

  constructor(
    id: NodeId,
    founding: Snapshot,
    profile: DiskProfile,
    surroundings: { readonly agenda: Agenda; readonly dice: Dice; readonly observer: DiskObserver },
  ) {
    this.id = id
    this.durable = this.imageOf(founding)
    this.issued = new LogImage(founding)
    this.profile = profile
    this.#agenda = surroundings.agenda
    this.#dice = surroundings.dice
    this.#observer = surroundings.observer
  }

  /**
   * @returns what is on the disk, and the store to go on with
   * @throws SluiceError `data-dir-damaged` where checksums do not match in what was synced
   */
  open(): { readonly state: StoredState; readonly store: LogStore } {
    if (this.isRotten) throw new SluiceError('data-dir-damaged', 'a checksum does not match')
    // A record that a crash has cut off fails its checksum too; being the last, it is dropped.
    const torn = this.#torn
    this.#torn = null
    if (torn !== null) this.recoverTorn(torn)
    this.issued = new LogImage(this.durable.snapshot)
    this.issued.become(this.durable)
    this.#session = new DiskSession(this, this.#agenda, this.#dice, this.#observer)
    return { state: this.durable.stored(), store: this.#session }
  }

  /** Since when the oldest write that is asked for has not been done; null: there is none. */
  get pendingSinceMs(): number | null {
    return this.#session?.pendingSinceMs ?? null
  }

  /** What a new disk holds. */
  protected imageOf(founding: Snapshot): LogImage {
    return new LogImage(founding)
  }

  /** What becomes of the record that a crash has cut off. */
  protected recoverTorn(_torn: Persist): void {}

  /** The power fails: of the writes that are not durable any number is there, from the first on. */
  crash(): void {
    const lost = this.#session?.abandon() ?? []
    this.#session = null
    const survivors = this.#dice.below(lost.length + 1)
    for (const persist of lost.slice(0, survivors)) this.durable.apply(persist)
    this.#torn = this.#dice.chance(0.5) ? (lost[survivors] ?? null) : null
  }
}

/** A disk as one process has it open. */
class DiskSession implements LogStore {
  readonly #disk: Disk
  readonly #agenda: Agenda
  readonly #dice: Dice
  readonly #observer: DiskObserver
  #waiting: PendingWrite[] = []
  #syncing: PendingWrite[] = []
  #isOpen = true
  #failure: Error | null = null

  constructor(disk: Disk, agenda: Agenda, dice: Dice, observer: DiskObserver) {
    this.#disk = disk
    this.#agenda = agenda
    this.#dice = dice
    this.#observer = observer
  }

  write(persist: Persist, done: (failure: Error | null) => void): void {
    const failure = this.#failure
    if (failure !== null) {
      this.#tell(done, failure)
      return
    }
    this.#observer.onWrite(this.#disk, persist)
    this.#waiting.push({ persist, sinceMs: this.#agenda.nowMs, done })
    if (this.#syncing.length === 0) this.#sync()
  }

  get pendingSinceMs(): number | null {
    return this.#syncing[0]?.sinceMs ?? this.#waiting[0]?.sinceMs ?? null
  }

  close(): Promise<void> {
    this.#isOpen = false
    return Promise.resolve()
  }

  /** @returns what has been asked for and is not durable, in order */
  abandon(): Persist[] {
    this.#isOpen = false
    return [...this.#syncing, ...this.#waiting].map((write) => write.persist)
  }

  /** All that wait go together. */
  #sync(): void {
    this.#syncing = this.#waiting
    this.#waiting = []
    const { syncMinMs, syncMaxMs, stallChance, stallMs } = this.#disk.profile
    const stalls = stallChance > 0 && this.#dice.chance(stallChance)
    const lastsMs = this.#dice.between(syncMinMs, syncMaxMs) + (stalls ? stallMs : 0)
    this.#agenda.after(lastsMs, () => {
      if (this.#isOpen && !this.#observer.onStorageStep(this.#disk)) this.#finish()
    })
  }

  #finish(): void {
    const batch = this.#syncing
    const failure = this.#disk.nextFailure
    if (failure !== null) {
      this.#fail(failure)
      return
    }
    for (const { persist } of batch) this.#disk.durable.apply(persist)
    this.#syncing = []
    if (this.#observer.onStorageStep(this.#disk)) return
    if (this.#waiting.length > 0) this.#sync()
    for (const { done } of batch) this.#tell(done, null)
  }

  #fail(failure: DiskFailure): void {
    const error = new SluiceError('data-dir-failed', failure)
    const batch = [...this.#syncing, ...this.#waiting]
    this.#disk.nextFailure = null
    this.#failure = error
    if (failure === 'EIO') {
      const written = this.#dice.below(batch.length + 1)
      for (const { persist } of batch.slice(0, written)) this.#disk.durable.apply(persist)
    }
    this.#syncing = []
    this.#waiting = []
    for (const { done } of batch) this.#tell(done, error)
  }

  /** Never before the call that it answers has returned. */
  #tell(done: PendingWrite['done'], failure: Error | null): void {
    this.#agenda.after(0, () => {
      this.#observer.onWritten(this.#disk, () => {
        if (this.#isOpen) done(failure)
      })
    })
  }
}
