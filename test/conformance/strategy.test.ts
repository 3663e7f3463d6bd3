import { BALANCE_NAMES } from '../../src/balance/registry.ts'
import { describeStrategy } from './strategy-suite.ts'

for (const text of [...BALANCE_NAMES, 'random(1)', 'random(5)']) describeStrategy(text)
