import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Candidates } from '../../../../src/balance/strategy.ts'
import {
  arrangePoints,
  POINTS_MAX,
  pointsOf,
} from '../../../../src/balance/structures/ring-points.ts'
import { inOneGo } from '../../../../src/balance/structures/slices.ts'
import { withoutServers } from '../../../conformance/strategy-keyed-suite.ts'
import { candidatesOf } from '../../../conformance/strategy-suite.ts'

/** How many points each candidate has. */
function numbersOf(candidates: Candidates): number[] {
  const numbers = new Array<number>(candidates.count).fill(0)
  for (const owner of inOneGo(pointsOf(candidates)).owners) numbers[owner] = numbers[owner]! + 1
  return numbers
}

describe('arrangePoints', () => {
  it('sorts as a stable sort does, and finds where each part begins', () => {
    const point = fc.oneof(fc.nat(2 ** 32 - 1), fc.nat(3), fc.constantFrom(2 ** 31, 2 ** 32 - 1))
    fc.assert(
      fc.property(fc.array(point, { maxLength: 60 }), (written) => {
        const given = written.map((each, owner) => ({ point: each, owner }))
        const twin = given.toSorted((one, other) => one.point - other.point)
        const { points, owners, starts, partBits } = inOneGo(
          arrangePoints({
            points: Uint32Array.from(written),
            owners: Int32Array.from(written.keys()),
          }),
        )
        expect([...points]).toEqual(twin.map((each) => each.point))
        expect([...owners]).toEqual(twin.map((each) => each.owner))
        expect(starts.length * 2 ** partBits).toBe(2 ** 32)
        starts.forEach((start, part) => {
          const first = twin.findIndex((each) => each.point >= part * 2 ** partBits)
          expect(start).toBe(first < 0 ? twin.length : first)
        })
      }),
    )
  })
})

describe('pointsOf', () => {
  it.each([
    { weights: [1], each: [32_768] },
    { weights: [1, 1], each: [16_384, 16_384] },
    { weights: [1, 1, 1], each: [8_192, 8_192, 8_192] },
    { weights: [100, 50], each: [12_800, 6_400] },
    { weights: [3, 256], each: [192, 16_384] },
  ])('gives a power of two for each unit of weight: $weights', ({ weights, each }) => {
    expect(numbersOf(candidatesOf(weights))).toEqual(each)
  })

  it('gives servers that stay the same points when others go', () => {
    const all = candidatesOf([5, 9, 2, 7])
    const left = withoutServers(all, [0, 2])
    const [before, after] = [numbersOf(all), numbersOf(left)]
    expect(after).toEqual([before[1], before[3]])
  })

  it('gives more in all where there are many servers', () => {
    const numbers = numbersOf(candidatesOf(new Array<number>(10_000).fill(1)))
    expect(Math.min(...numbers)).toBe(64)
  })

  it('is bounded, with the weights kept and one point at least', () => {
    const weights = Array.from({ length: 6_000 }, (_, i) => [1, 6, 256][i % 3]!)
    const raised = { ...candidatesOf(weights), weightTotal: 6_000 }
    for (const candidates of [candidatesOf(weights.map((w) => w * 4)), raised]) {
      const numbers = numbersOf(candidates)
      const total = numbers.reduce((sum, number) => sum + number, 0)
      expect(total).toBeLessThanOrEqual(POINTS_MAX)
      expect(Math.min(...numbers)).toBeGreaterThanOrEqual(1)
      expect(numbers[2]! / numbers[1]!).toBeCloseTo(256 / 6, 0)
    }
  })

  it('rounds half a point up', () => {
    const weights = Array.from({ length: 5_000 }, (_, i) => (i === 0 ? 1 : i === 1 ? 3 : 256))
    const numbers = numbersOf(candidatesOf(weights))
    expect(numbers[2]).toBe(128)
    expect(numbers.slice(0, 2)).toEqual([1, 2])
  })
})
