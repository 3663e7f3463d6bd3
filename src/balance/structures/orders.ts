/**
 * Places that a walk looks at, or {@link PLACES_PER_CANDIDATE} for each candidate where that is more:
 * all of a table of Maglev's, and of a ring up to some 1,000 servers.
 */
const PLACES_MAX = 65_537

/** A server of average weight is left out by one walk in 3,000. */
const PLACES_PER_CANDIDATE = 8

/**
 * All candidates by ascending value; of equal ones the one with the lesser tie, then the lower one.
 * O(n) for the first of them, O(log n) for each further one.
 */
export function* ascending(
  values: Float64Array,
  ties: Float64Array = values,
): Generator<number, void> {
  const heap = Int32Array.from(values, (_, i) => i)
  const isBefore = (i: number, other: number): boolean => {
    const more = (values[i] as number) - (values[other] as number)
    if (more !== 0) return more < 0
    const later = (ties[i] as number) - (ties[other] as number)
    return later < 0 || (later === 0 && i < other)
  }
  const settle = (slot: number, candidate: number, count: number): void => {
    let free = slot
    for (;;) {
      let child = 2 * free + 1
      if (child >= count) break
      if (child + 1 < count && isBefore(heap[child + 1] as number, heap[child] as number)) child++
      if (isBefore(candidate, heap[child] as number)) break
      heap[free] = heap[child] as number
      free = child
    }
    heap[free] = candidate
  }
  for (let slot = (heap.length >> 1) - 1; slot >= 0; slot--) {
    settle(slot, heap[slot] as number, heap.length)
  }
  for (let count = heap.length; count > 0; count--) {
    const first = heap[0] as number
    settle(0, heap[count - 1] as number, count - 1)
    yield first
  }
}

/**
 * All candidates in the order in which a walk round some places meets them for the first time. Those
 * that it has not met when it has looked at enough follow in their own order.
 *
 * @param places the candidate of each
 * @param from the place at which it begins
 * @param count candidates: 0 to `count - 1`
 */
export function* around(places: Int32Array, from: number, count: number): Generator<number, void> {
  const isMet = new Uint8Array(count)
  let left = count
  const end = from + Math.min(places.length, Math.max(PLACES_MAX, PLACES_PER_CANDIDATE * count))
  for (let place = from; place < end && left > 0; place++) {
    const candidate = places[place % places.length] as number
    if (isMet[candidate] === 1) continue
    isMet[candidate] = 1
    left--
    yield candidate
  }
  for (let candidate = 0; candidate < count && left > 0; candidate++) {
    if (isMet[candidate] === 1) continue
    left--
    yield candidate
  }
}
