import { createHash, type Hash } from 'node:crypto'

/** Lines kept for the end of a failing run. */
const TAIL_LINES = 200

/** What happened, as lines; costs nothing while it is off. */
export class Trace {
  readonly isOn: boolean
  readonly #nowMs: () => number
  readonly #hash: Hash = createHash('sha256')
  readonly #tail: string[] = []

  constructor(isOn: boolean, nowMs: () => number) {
    this.isOn = isOn
    this.#nowMs = nowMs
  }

  /** @param line is only made where the trace is on */
  note(line: () => string): void {
    if (!this.isOn) return
    const text = `${this.#nowMs().toFixed(3)} ${line()}`
    this.#hash.update(text).update('\n')
    this.#tail.push(text)
    if (this.#tail.length > TAIL_LINES) this.#tail.shift()
  }

  tail(): readonly string[] {
    return this.#tail
  }

  /** Of all lines so far; can be asked for once. */
  digest(): string {
    return this.#hash.digest('hex')
  }
}
