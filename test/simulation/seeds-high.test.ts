import { describe } from 'vitest'
import { testSeeds } from './seed-range.ts'

describe('the Raft core and its driver, seeds 1,001 to 2,000', () => {
  testSeeds(1_001, 1_000)
})
