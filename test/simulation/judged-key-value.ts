import type { StateMachine } from '../../src/consensus/engine.ts'
import type { Disk } from './disk.ts'
import type { Judge } from './judge.ts'
import { KeyValue } from './key-value.ts'

/** A state machine of which the judge sees everything. */
export class JudgedKeyValue implements StateMachine {
  readonly #disk: Disk
  readonly #judge: Judge
  readonly #keyValue = new KeyValue()
  #index = 0
  #toldIndex = -1

  constructor(disk: Disk, judge: Judge) {
    this.#disk = disk
    this.#judge = judge
  }

  apply(index: number, command: Uint8Array): unknown {
    this.#judge.onApply(this.#disk.id, index, this.#index, command)
    const result = this.#keyValue.apply(index, command)
    this.#index = index
    this.#tell(index)
    return result
  }

  snapshot(): Uint8Array {
    return this.#keyValue.snapshot()
  }

  restore(data: Uint8Array): void {
    this.#keyValue.restore(data)
    this.#index = this.#judge.snapshotIndexOf(data)
    this.#tell(this.#index)
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
