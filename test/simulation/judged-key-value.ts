import type { Machine } from '../../src/consensus/driver/machine.ts'
import type { Disk } from './disk.ts'
import type { Judge } from './judge.ts'
import { type Answer, KeyValue } from './key-value.ts'

/** A state machine of which the judge sees everything. */
export class JudgedKeyValue implements Machine {
  readonly #disk: Disk
  readonly #judge: Judge
  readonly #keyValue = new KeyValue()
  /** Of the commands of this life, by index. */
  readonly #answers = new Map<number, Answer>()
  readonly #later: (run: () => void) => void
  #index = 0
  #toldIndex = -1

  /** @param later has something done in a later turn of the machine */
  constructor(disk: Disk, judge: Judge, later: (run: () => void) => void) {
    this.#disk = disk
    this.#later = later
    this.#judge = judge
  }

  apply(index: number, command: Uint8Array): void {
    this.#judge.onApply(this.#disk.id, index, this.#index, command)
    this.#answers.set(index, this.#keyValue.apply(command))
    this.#index = index
    this.#tell(index)
  }

  snapshot(onTaken: (data: Uint8Array) => void): void {
    const data = this.#keyValue.snapshot()
    this.#later(() => onTaken(data))
  }

  restore(data: Uint8Array): void {
    this.#keyValue.restore(data)
    this.#index = this.#judge.snapshotIndexOf(data)
    this.#tell(this.#index)
  }

  /** What the command at an index has given; null where this life has applied none there. */
  answerAt(index: number): Answer {
    return this.#answers.get(index) ?? null
  }

  read(key: string): string {
    return this.#keyValue.read(key)
  }

  /** @param appliedIndex what the core says of it; commands are not at every index */
  onStep(appliedIndex: number): void {
    if (appliedIndex === this.#toldIndex) return
    this.#judge.onSkip(this.#disk.id, this.#index, appliedIndex)
    this.#index = Math.max(this.#index, appliedIndex)
    this.#tell(appliedIndex)
  }

  #tell(index: number): void {
    this.#toldIndex = index
    this.#judge.onState(this.#disk.id, index, this.#keyValue.text())
  }
}
