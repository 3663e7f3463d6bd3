import { describe } from 'vitest'
import { testSeeds } from './seed-range.ts'

// Two files, for a file is run by one core.
describe('the Raft core and its driver, the same seeds each time', () => {
  testSeeds(1, 500)
})
