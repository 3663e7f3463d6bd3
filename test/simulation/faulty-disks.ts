import type { Snapshot } from '../../src/consensus/log/entries.ts'
import type { Persist } from '../../src/consensus/log/persist.ts'
import { Disk } from './disk.ts'
import { LogImage } from './log-image.ts'

/** Forgets whom the node voted for. */
export class ForgetfulDisk extends Disk {
  override open(): ReturnType<Disk['open']> {
    const { term } = this.durable.hardState
    this.durable.hardState = { term, vote: null }
    return super.open()
  }
}

/** Takes a record that a crash has cut off for whole, as far as it goes: half of its entries. */
export class GullibleDisk extends Disk {
  protected override recoverTorn(torn: Persist): void {
    const half = torn.entries.slice(0, Math.ceil(torn.entries.length / 2))
    this.durable.apply({ ...torn, hardState: null, snapshot: null, entries: half })
  }
}

/** Says that it has written what a crash then takes away. */
export class LyingDisk extends Disk {
  #honest: LogImage | null = null

  override crash(): void {
    super.crash()
    if (this.#honest !== null) this.durable = this.#honest
    this.#honest = null
  }

  override open(): ReturnType<Disk['open']> {
    this.#honest = this.durable.copy()
    return super.open()
  }
}

/** Writes entries over others without cutting off what comes after them. */
export class StubbornDisk extends Disk {
  protected override imageOf(founding: Snapshot): LogImage {
    return new StubbornImage(founding)
  }
}

class StubbornImage extends LogImage {
  override apply(persist: Persist): string | null {
    const last = persist.entries.at(-1)
    const rest = last === undefined ? [] : this.stored().entries.filter((e) => e.index > last.index)
    const problem = super.apply(persist)
    if (problem === null && !persist.isLogReset && rest[0]?.index === (last?.index ?? 0) + 1) {
      super.apply({ ...persist, hardState: null, snapshot: null, entries: rest })
    }
    return problem
  }

  override copy(): LogImage {
    const copy = new StubbornImage(this.snapshot)
    copy.become(this)
    return copy
  }
}
