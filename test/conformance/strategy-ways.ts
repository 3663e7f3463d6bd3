import type { Way } from './strategy-suite.ts'

const map = { method: 'map-based', function: 'sdbm', avalanche: false } as const
const ring = { method: 'consistent', function: 'sdbm', avalanche: true } as const

/** Strategies that give a key its server, in each way that `hash-type` can say. */
export const KEYED_WAYS: readonly Way[] = [
  { balance: 'source', hashType: map, title: ', map-based', hasTable: true },
  { balance: 'source', hashType: ring, title: ', consistent', hasTable: true },
  { balance: 'source', hashType: ring, hashBalanceFactor: 125, title: ', bounded', hasTable: true },
  { balance: 'uri depth 2', hashType: ring, hasTable: true },
  { balance: 'url_param id', hashType: map, hasTable: true },
  { balance: 'hdr(x-user)', hashType: map, hasTable: true },
  { balance: 'rdp-cookie', hashType: map, hasTable: true },
  { balance: 'hash src', hashType: ring, hasTable: true },
  { balance: 'maglev', hasTable: true },
]

/** Strategies that share by weight without a key; of the keyed ones, one stands for all. */
export const TURN_WAYS: readonly Way[] = [
  { balance: 'roundrobin' },
  { balance: 'static-rr', hasTable: true },
  { balance: 'leastconn' },
  { balance: 'random' },
  { balance: 'random(1)' },
  { balance: 'random(5)' },
  { balance: 'peak-ewma' },
  { balance: 'source', hashType: map, title: ', without keys', hasTable: true },
]

/** Each strategy in each way. */
export const WAYS: readonly Way[] = [...TURN_WAYS, ...KEYED_WAYS, { balance: 'first' }]
