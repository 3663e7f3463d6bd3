import { describe } from 'vitest'
import { testSeeds } from './seed-range.ts'

/** Where the drawn seeds lie: behind those that are always run. */
const FIRST_MIN = 1_001
const FIRST_MAX = 1_000_000_000

// The names of the tests tell the seeds; `npm run simulate` runs as many as there is time for.
const given = Number(process.env['SIMULATION_FROM'])
const first = given > 0 ? given : FIRST_MIN + Math.floor(Math.random() * (FIRST_MAX - FIRST_MIN))

describe(`the Raft core and its driver, seeds drawn anew: SIMULATION_FROM=${first}`, () => {
  testSeeds(first, 500)
})
