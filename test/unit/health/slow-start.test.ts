import fc from 'fast-check'
import { expect, it } from 'vitest'
import { stepsAfter } from '../../../src/health/slow-start.ts'

it.each([
  [0, 1],
  [999, 1],
  [1000, 2],
  [8000, 9],
  [14_999, 15],
  [15_000, 16],
  [16_000, 16],
  [1e9, 16],
])('of 16 s, after %i ms it gives %i steps', (upMs, steps) => {
  expect(stepsAfter(upMs, 16_000)).toBe(steps)
})

it('gives all at once without a slow start', () => {
  expect(stepsAfter(0, 0)).toBe(16)
})

it('rises by whole steps, each as long as the others, from the first to the last', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1e7 }), fc.nat(1e7), fc.nat(1000), (slowMs, atMs, by) => {
      const steps = stepsAfter(atMs, slowMs)
      expect(Number.isInteger(steps)).toBe(true)
      expect(steps).toBeGreaterThanOrEqual(1)
      expect(steps).toBeLessThanOrEqual(16)
      expect(stepsAfter(atMs + by, slowMs)).toBeGreaterThanOrEqual(steps)
      if (steps < 16) expect(Math.floor((atMs / slowMs) * 16 + 1e-9)).toBeCloseTo(steps - 1)
    }),
  )
})
