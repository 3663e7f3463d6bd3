import { describe, expect, it } from 'vitest'
import { type ProposalOutcome, Proposals } from '../../../../src/consensus/driver/proposals.ts'

describe('proposals', () => {
  function collector() {
    const outcomes: ProposalOutcome[] = []
    return { outcomes, onOutcome: (outcome: ProposalOutcome) => outcomes.push(outcome) }
  }

  it.each([
    ['its own entry', 3, { kind: 'applied', index: 2 }],
    ['an entry of a later term', 4, { kind: 'dropped' }],
    ['an entry of an earlier term', 2, { kind: 'dropped' }],
  ])('are settled by %s at their place', (_what, term, outcome) => {
    const proposals = new Proposals(10, 0)
    const { outcomes, onOutcome } = collector()
    proposals.wait(2, 3, onOutcome)
    proposals.applied(1, 3)
    expect(outcomes).toEqual([])
    proposals.applied(2, term)
    expect(outcomes).toEqual([outcome])
    proposals.applied(3, 4)
    expect(outcomes).toHaveLength(1)
  })

  it('of several terms may wait for one place, of which one gets it', () => {
    const proposals = new Proposals(10, 0)
    const [first, second] = [collector(), collector()]
    proposals.wait(1, 1, first.onOutcome)
    proposals.wait(1, 2, second.onOutcome)
    proposals.applied(1, 2)
    expect(first.outcomes).toEqual([{ kind: 'dropped' }])
    expect(second.outcomes).toEqual([{ kind: 'applied', index: 1 }])
  })

  it('that come late are told what has happened, as far back as is known', () => {
    const proposals = new Proposals(10, 0)
    for (let index = 1; index <= 300; index++) proposals.applied(index, 1)
    const { outcomes, onOutcome } = collector()
    proposals.wait(300, 1, onOutcome)
    proposals.wait(45, 1, onOutcome)
    proposals.wait(299, 2, onOutcome)
    proposals.wait(44, 1, onOutcome)
    expect(outcomes).toEqual([
      { kind: 'applied', index: 300 },
      { kind: 'applied', index: 45 },
      { kind: 'dropped' },
      { kind: 'unknown' },
    ])
  })

  it('that a snapshot goes over are unknown, late ones too', () => {
    const proposals = new Proposals(10, 0)
    const { outcomes, onOutcome } = collector()
    proposals.wait(5, 1, onOutcome)
    proposals.wait(6, 1, onOutcome)
    proposals.skipped(5)
    proposals.wait(4, 1, onOutcome)
    expect(outcomes).toEqual([{ kind: 'unknown' }, { kind: 'unknown' }])
    proposals.applied(6, 1)
    expect(outcomes.at(-1)).toEqual({ kind: 'applied', index: 6 })
  })

  it('are counted while they wait', () => {
    const proposals = new Proposals(2, 0)
    const { onOutcome } = collector()
    proposals.wait(1, 1, onOutcome)
    expect(proposals.isFull).toBe(false)
    proposals.wait(1, 2, onOutcome)
    expect(proposals.isFull).toBe(true)
    proposals.applied(1, 1)
    expect(proposals.isFull).toBe(false)
    proposals.wait(2, 1, onOutcome)
    proposals.wait(3, 1, onOutcome)
    proposals.stop()
    expect(proposals.isFull).toBe(false)
  })
})
