/** All chance of a run: one sequence of numbers from one seed (the generator sfc32). */
export class Dice {
  #a: number
  #b: number
  #c: number
  #counter = 1

  constructor(seed: number) {
    this.#a = seed | 0
    this.#b = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b)
    this.#c = 0x2545f491
    for (let warmUp = 0; warmUp < 12; warmUp += 1) this.next()
  }

  /** @returns uniform in [0, 1) */
  next(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum
    this.#c |= 0
    return (sum >>> 0) / 2 ** 32
  }

  /** @returns a whole number from 0 on, below `count` */
  below(count: number): number {
    return Math.floor(this.next() * count)
  }

  /** @returns uniform in [from, to) */
  between(from: number, to: number): number {
    return from + this.next() * (to - from)
  }

  /** @param probability 0 never, 1 always */
  chance(probability: number): boolean {
    return this.next() < probability
  }

  /** @throws RangeError where there is nothing to pick */
  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)]
    if (item === undefined) throw new RangeError('nothing to pick from')
    return item
  }

  /** @returns the items in a new order */
  shuffled<T>(items: readonly T[]): T[] {
    const left = [...items]
    const order: T[] = []
    while (left.length > 0) order.push(...left.splice(this.below(left.length), 1))
    return order
  }
}
