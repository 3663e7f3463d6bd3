import { setImmediate as nextImmediate } from 'node:timers/promises'

/** How long work that can wait holds its thread at a time, in milliseconds. */
export const SLICE_MS = 8

/** Work that says, each time it yields, that it may be put off here. */
export type Steps<T = void> = Generator<void, T>

/** When such work was first done in this turn of the thread's event loop; null: it was not yet. */
let beganMs: number | null = null

/**
 * Does long work in slices, between which its thread does what else has come: sockets are polled
 * and timers fire. All that is done so in one turn of the event loop takes {@link SLICE_MS} and one
 * step at most. A step costs a look at the clock, so it is worth a microsecond or more.
 */
export async function inSlices<T>(steps: Steps<T>): Promise<T> {
  for (;;) {
    if (isTurnOver()) await giveWay()
    const step = steps.next()
    if (step.done === true) return step.value
  }
}

/** Does the same work without a break, for who has nobody to keep waiting. */
export function atOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
  }
}

/** The same for work whose steps are promises: resolves at once while this turn has time for it. */
export async function giveWay(): Promise<void> {
  while (isTurnOver()) await nextTurn()
}

/** Resolves once sockets have been polled and timers have fired. */
export async function nextTurn(): Promise<void> {
  await nextImmediate()
}

function isTurnOver(): boolean {
  const nowMs = performance.now()
  if (beganMs === null) {
    beganMs = nowMs
    setImmediate(() => {
      beganMs = null
    })
  }
  return nowMs - beganMs >= SLICE_MS
}
