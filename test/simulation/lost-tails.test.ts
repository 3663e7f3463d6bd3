import { describe, expect, it } from 'vitest'
import { withLostTails } from './defects.ts'
import { RIGHT_PARTS, simulate } from './simulation.ts'

const SEEDS = 15

describe('nodes that lose the ends of their logs while their leader is there', () => {
  it('know it, join anew, and break nothing', () => {
    let tails = 0
    let losses = 0
    for (let seed = 1; seed <= SEEDS; seed++) {
      const { violation, counts } = simulate(seed, { ...RIGHT_PARTS, tune: withLostTails })
      expect({ seed, violation }).toEqual({ seed, violation: null })
      tails += counts.tails
      losses += counts.losses
    }
    expect(losses).toBeGreaterThan(SEEDS / 2)
    expect(losses).toBeGreaterThan(tails / 2)
  })
})
