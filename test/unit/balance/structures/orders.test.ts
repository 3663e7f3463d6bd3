import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { around, ascending } from '../../../../src/balance/structures/orders.ts'

describe('ascending', () => {
  it('sorts as sort does, by value, tie and place', () => {
    const pair = fc.tuple(fc.nat(5), fc.nat(3))
    fc.assert(
      fc.property(fc.array(pair, { maxLength: 50 }), (pairs) => {
        const values = Float64Array.from(pairs, ([value]) => value)
        const ties = Float64Array.from(pairs, ([, tie]) => tie)
        const sorted = [...pairs.keys()].sort(
          (i, other) => values[i]! - values[other]! || ties[i]! - ties[other]! || i - other,
        )
        expect([...ascending(values, ties)]).toEqual(sorted)
      }),
    )
  })

  it('may be left before its end', () => {
    const [first] = ascending(Float64Array.of(3, 1, 2))
    expect(first).toBe(1)
  })
})

describe('around', () => {
  it('gives each candidate where the walk first meets it', () => {
    const places = fc.array(fc.nat(9), { minLength: 1, maxLength: 60 })
    fc.assert(
      fc.property(places, fc.nat(59), (owners, start) => {
        const from = start % owners.length
        const met = new Set([...owners.slice(from), ...owners.slice(0, from)])
        const unmet = [...Array(10).keys()].filter((candidate) => !met.has(candidate))
        expect([...around(Int32Array.from(owners), from, 10)]).toEqual([...met, ...unmet])
      }),
    )
  })

  it('leaves off after so many places, and still gives everybody', () => {
    const places = new Int32Array(200_000)
    places[199_999] = 1
    let looks = 0
    const counted = new Proxy(places, {
      get: (target, key) => {
        if (typeof key === 'string' && key !== 'length') looks++
        return Reflect.get(target, key, target)
      },
    })
    expect([...around(counted, 0, 3)]).toEqual([0, 1, 2])
    expect(looks).toBeLessThanOrEqual(65_537)
  })
})
