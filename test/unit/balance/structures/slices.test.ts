import { expect, it } from 'vitest'
import {
  inOneGo,
  SLICE_TURNS,
  type Slices,
  slicedLoop,
} from '../../../../src/balance/structures/slices.ts'

it.each([
  { count: 0, slices: 1 },
  { count: 1, slices: 1 },
  { count: SLICE_TURNS, slices: 1 },
  { count: SLICE_TURNS + 1, slices: 2 },
  { count: 3 * SLICE_TURNS, slices: 3 },
])('does a loop of $count in $slices slices, all of it and once', ({ count, slices }) => {
  let next = 0
  const loop = slicedLoop(count, (from, to) => {
    expect(from).toBe(next)
    expect(to - from).toBeLessThanOrEqual(SLICE_TURNS)
    next = to
  })
  let done = 1
  while (loop.next().done !== true) done++
  expect([done, next]).toEqual([slices, count])
})

it('does all at once, and has what comes of it', () => {
  function* sum(): Slices<number> {
    yield* slicedLoop(2 * SLICE_TURNS, () => {})
    yield
    return 7
  }
  expect(inOneGo(sum())).toBe(7)
})
