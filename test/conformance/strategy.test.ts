import { expect, it } from 'vitest'
import { BALANCE_NAMES } from '../../src/balance/registry.ts'
import { describeKeyed } from './strategy-keyed-suite.ts'
import { describeSharing, describeStrategy } from './strategy-suite.ts'
import { KEYED_WAYS, TURN_WAYS, WAYS } from './strategy-ways.ts'

it('every strategy is there', () => {
  const names = WAYS.map(({ balance }) => /^[^ (]*/.exec(balance)?.[0])
  expect([...new Set(names)].sort()).toEqual([...BALANCE_NAMES].sort())
})

for (const way of WAYS) describeStrategy(way)
for (const way of TURN_WAYS) describeSharing(way)
for (const way of KEYED_WAYS) describeKeyed(way)
