/** A source of random numbers that a seed repeats: the generator mulberry32. */
export class Seeded {
  /** Whether what is made now may have something wrong with it. */
  allowsOddities = true
  private state: number

  constructor(seed: number) {
    this.state = seed | 0
  }

  /** 0 to `bound`, without `bound`. */
  below(bound: number): number {
    this.state = (this.state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * bound)
  }

  /** True in one of `times` cases. */
  once(times: number): boolean {
    return this.below(times) === 0
  }

  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)] as T
  }

  /** One of `right`, but in one of `times` cases, where oddities may be, one of `odd`. */
  mostly<T>(right: readonly T[], odd: readonly T[], times: number): T {
    return this.pick(this.allowsOddities && this.once(times) ? odd : right)
  }
}
