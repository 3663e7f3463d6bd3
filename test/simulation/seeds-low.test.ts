import { describe } from 'vitest'
import { testSeeds } from './seed-range.ts'

// Two files, for a file is run by one core.
describe('the Raft core and its driver, seeds 1 to 1,000', () => {
  testSeeds(1, 1_000)
})
