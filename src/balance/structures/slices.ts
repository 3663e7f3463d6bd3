/**
 * Work that is done in slices: each `next` does one, of about half a millisecond; what comes of it
 * is there with the last.
 */
export type Slices<T = void> = Generator<void, T>

/** Turns of a simple loop that make a slice: about half a millisecond on a slow core. */
export const SLICE_TURNS = 2 ** 14

/** Does all the work at once. */
export function inOneGo<T>(slices: Slices<T>): T {
  for (;;) {
    const { done, value } = slices.next()
    if (done === true) return value
  }
}

/** A loop over `[0, count)`, handed to `work` in ranges `[from, to)` of {@link SLICE_TURNS}. */
export function* slicedLoop(count: number, work: (from: number, to: number) => void): Slices {
  for (let from = 0; from < count; from += SLICE_TURNS) {
    if (from > 0) yield
    work(from, Math.min(from + SLICE_TURNS, count))
  }
}
