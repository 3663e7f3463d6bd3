import { expect, it } from 'vitest'
import { reportOf } from './report.ts'
import { type Outcome, simulate } from './simulation.ts'
import type { Counts } from './world.ts'

/** Seeds of one test. */
const CHUNK_SEEDS = 100

/** Runs in which the search for an order of what clients saw may be given up: one in so many. */
const UNDECIDED_ONE_IN = 100

/** What has to come to pass in so many seeds, or the simulation does not test what it says. */
const EXPECTED: readonly (keyof Counts)[] = [
  'snapshotsTaken',
  'snapshotsReceived',
  'crashes',
  'storageCrashes',
  'pauses',
  'partitions',
  'wipes',
  'diskFailures',
  'membershipChanges',
  'promotions',
  'transfers',
  'acknowledged',
  'dropped',
  'unknown',
  'reads',
  'failedReads',
]

/** Defines the tests of a range of seeds. */
export function testSeeds(firstSeed: number, count: number): void {
  const outcomes: Outcome[] = []
  for (let from = firstSeed; from < firstSeed + count; from += CHUNK_SEEDS) {
    const end = Math.min(from + CHUNK_SEEDS, firstSeed + count)
    it(`seeds ${from} to ${end - 1} keep every property`, () => {
      for (let seed = from; seed < end; seed += 1) {
        const outcome = simulate(seed)
        outcomes.push(outcome)
        if (outcome.violation !== null) expect.fail(reportOf(outcome))
      }
    })
  }

  it('finds an order of what clients saw in nearly every run', () => {
    const undecided = outcomes.filter((outcome) => outcome.isUndecided)
    expect(undecided.length * UNDECIDED_ONE_IN).toBeLessThanOrEqual(outcomes.length)
  })

  it.each(EXPECTED)('has many %s', (name) => {
    const sum = outcomes.reduce((total, { counts }) => total + counts[name], 0)
    expect(sum).toBeGreaterThan(count / 10)
  })
}
