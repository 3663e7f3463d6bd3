import { describe, expect, it } from 'vitest'
import { simulate } from './simulation.ts'

describe('a seed', () => {
  it.each(Array.from({ length: 20 }, (_, n) => 31 * n + 5))(
    '%i gives the same run twice',
    (seed) => {
      const first = simulate(seed, undefined, true)
      expect(first.digest).toMatch(/^[0-9a-f]{64}$/)
      expect(simulate(seed, undefined, true)).toEqual(first)
    },
  )

  it('gives another run than its neighbour', () => {
    const digests = Array.from({ length: 5 }, (_, seed) => simulate(seed, undefined, true).digest)
    expect(new Set(digests).size).toBe(5)
  })

  it('gives the same run with and without a trace', () => {
    const { tail: _tail, digest: _digest, ...traced } = simulate(11, undefined, true)
    expect(simulate(11)).toMatchObject(traced)
  })
})
