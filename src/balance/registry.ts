import { SluiceError } from '../errors.ts'
import { nearestName } from '../model/spelling.ts'
import { LeastConn } from './leastconn.ts'
import { DRAWS_DEFAULT, DRAWS_MAX, RandomDraws } from './random.ts'
import { RoundRobin } from './round-robin.ts'
import { StaticRoundRobin } from './static-rr.ts'
import type { Strategy, StrategyContext } from './strategy.ts'

/** What of a session the key of a pick is hashed from. */
export type KeyKind = 'none'

/** A balance algorithm as written in a config, checked and ready to be made. */
export interface Balance {
  readonly name: string
  /** What it does, in one line. */
  readonly summary: string
  readonly keyKind: KeyKind
  /** Whether weights may be changed at run time. HAProxy refuses to, with static algorithms. */
  readonly dynamic: boolean
  /** Makes an instance for one backend in one thread. */
  create(context: StrategyContext): Strategy
}

/** Why a text names no balance algorithm. */
export interface BalanceProblem {
  /** Characters of the text before the place that is wrong. */
  readonly offset: number
  readonly message: string
  readonly hint: string
}

type Create = Balance['create']

interface Algorithm extends Omit<Balance, 'name'> {
  /** What may follow the name in parentheses; null: nothing. */
  readonly argument: {
    readonly what: string
    readonly example: string
    /** @returns null when the text is not what it should be */
    readonly parse: (text: string) => Create | null
  } | null
}

/** Every balance algorithm by its name. A new one adds its file and a row here. */
const ALGORITHMS: ReadonlyMap<string, Algorithm> = new Map<string, Algorithm>([
  [
    'roundrobin',
    {
      summary: 'in turns, by weight',
      keyKind: 'none',
      dynamic: true,
      argument: null,
      create: (context) => new RoundRobin(context.random),
    },
  ],
  [
    'static-rr',
    {
      summary: 'in turns, by a weight that does not change at run time',
      keyKind: 'none',
      dynamic: false,
      argument: null,
      create: (context) => new StaticRoundRobin(context.random),
    },
  ],
  [
    'leastconn',
    {
      summary: 'the fewest sessions for its weight',
      keyKind: 'none',
      dynamic: true,
      argument: null,
      create: (context) => new LeastConn(context),
    },
  ],
  [
    'random',
    {
      summary: 'the least loaded of some drawn at random by weight',
      keyKind: 'none',
      dynamic: true,
      create: (context) => new RandomDraws(context, DRAWS_DEFAULT),
      argument: {
        what: `the number of draws, 1-${DRAWS_MAX}`,
        example: 'random(3)',
        parse: (text) => {
          const draws = /^\d{1,9}$/.test(text) ? Number(text) : 0
          if (draws < 1 || draws > DRAWS_MAX) return null
          return (context) => new RandomDraws(context, draws)
        },
      },
    },
  ],
])

/** Names of all balance algorithms, for schemas and completion. */
export const BALANCE_NAMES: readonly string[] = [...ALGORITHMS.keys()]

/**
 * Reads a balance algorithm with its argument: `roundrobin`, `random(3)`.
 *
 * HAProxy configuration manual, balance.
 */
export function parseBalance(text: string): Balance | BalanceProblem {
  const [, name = '', parentheses, written = ''] = /^([^(]*)(\((.*)\))?$/s.exec(text) ?? []
  const algorithm = ALGORITHMS.get(name)
  if (algorithm === undefined) return unknownName(text)
  const { argument, summary, keyKind, dynamic } = algorithm
  let create: Create | null = algorithm.create
  if (parentheses !== undefined) {
    const offset = name.length
    if (argument === null) {
      return { offset, message: `${name} takes no argument`, hint: `Write ${name}.` }
    }
    create = argument.parse(written)
    if (create === null) {
      const message = `"${written}" is not ${argument.what}`
      return { offset: offset + 1, message, hint: `Write ${argument.example}.` }
    }
  }
  return { name, summary, keyKind, dynamic, create }
}

/**
 * Makes the strategy that a config names.
 *
 * @throws SluiceError `config-invalid` where {@link parseBalance} has a problem
 */
export function createStrategy(text: string, context: StrategyContext): Strategy {
  const balance = parseBalance(text)
  if ('message' in balance) throw new SluiceError('config-invalid', balance.message)
  return balance.create(context)
}

function unknownName(text: string): BalanceProblem {
  const name = /^[^( ]*/.exec(text)?.[0] ?? ''
  const near = nearestName(name, BALANCE_NAMES)
  return {
    offset: 0,
    message: `unknown balance algorithm "${text}"`,
    hint: near === null ? `Known: ${BALANCE_NAMES.join(', ')}.` : `Did you mean ${near}?`,
  }
}
