import { isDeepStrictEqual } from 'node:util'

/** What watches one target for as long as it is to be watched. */
export interface Watch<T> {
  readonly target: T
  /** Begins. @param phase where in its interval it has its beat, in [0, 1) */
  start(phase: number): void
  /** Ends: nothing of it is left open, and it tells nothing any more. */
  stop(): void
}

/** The watches of one kind, one a key. */
export class WatchedTargets<T extends { readonly key: string }, W extends Watch<T>> {
  readonly #create: (target: T, previous: W | undefined) => W
  #watches = new Map<string, W>()

  /** @param create makes the watch of a target; the one of its key before is then still there */
  constructor(create: (target: T, previous: W | undefined) => W) {
    this.#create = create
  }

  /** The watch of a key; undefined where there is none. */
  get(key: string): W | undefined {
    return this.#watches.get(key)
  }

  /**
   * Sets all targets, as on a start or a reload. One that is unchanged is not disturbed; those that
   * are new or changed begin spread evenly over their interval.
   */
  replace(targets: readonly T[]): void {
    const before = this.#watches
    this.#watches = new Map()
    const fresh: W[] = []
    for (const target of targets) {
      const known = before.get(target.key)
      const isKept = known !== undefined && isDeepStrictEqual(known.target, target)
      const watch = isKept ? known : this.#create(target, known)
      this.#watches.set(target.key, watch)
      if (isKept) before.delete(target.key)
      else fresh.push(watch)
    }
    for (const gone of before.values()) gone.stop()
    for (const [position, watch] of fresh.entries()) watch.start(position / fresh.length)
  }

  /** Sets one target beside the others; begins at once unless it is unchanged. */
  set(target: T): void {
    const known = this.#watches.get(target.key)
    if (known !== undefined && isDeepStrictEqual(known.target, target)) return
    const watch = this.#create(target, known)
    this.#watches.set(target.key, watch)
    known?.stop()
    watch.start(0)
  }

  /** Ends the watch of a key, where there is one. */
  remove(key: string): void {
    this.#watches.get(key)?.stop()
    this.#watches.delete(key)
  }
}
