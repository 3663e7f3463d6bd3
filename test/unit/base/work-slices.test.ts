import { expect, it } from 'vitest'
import { SLICE_MS, WorkSlices } from '../../../src/base/work-slices.ts'

it('ends a slice after its time, and has others run before the next', async () => {
  const slices = new WorkSlices()
  expect(slices.isOver).toBe(false)
  const beganMs = performance.now()
  while (performance.now() - beganMs < SLICE_MS);
  expect(slices.isOver).toBe(true)
  let hasRun = false
  setImmediate(() => {
    hasRun = true
  })
  await slices.next()
  expect(hasRun).toBe(true)
  expect(slices.isOver).toBe(false)
})
