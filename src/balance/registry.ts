import { SluiceError } from '../base/errors.ts'
import { nearestHint } from '../base/spelling.ts'
import type { BackendConfig, HashTypeConfig } from '../model/config.ts'
import type { TextProblem } from '../model/language.ts'
import { type BalanceLine, splitBalanceLine } from './balance-line.ts'
import { First } from './first.ts'
import {
  type KeySource,
  readExpressionKey,
  readHeaderKey,
  readRdpCookieKey,
  readUriKey,
  readUrlParamKey,
  unexpected,
} from './key-sources.ts'
import { Keyed } from './keyed.ts'
import { LeastConn } from './leastconn.ts'
import { Maglev } from './maglev.ts'
import { MapBased } from './map-based.ts'
import { PeakEwma } from './peak-ewma.ts'
import { DRAWS_DEFAULT, DRAWS_MAX, RandomDraws } from './random.ts'
import { RoundRobin } from './round-robin.ts'
import { StaticRoundRobin } from './static-rr.ts'
import type { Strategy, StrategyContext } from './strategy.ts'
import { HashRing } from './structures/hash-ring.ts'

/** What of a backend says how its servers are picked. */
export type BalanceSettings = Pick<BackendConfig, 'balance' | 'hashType' | 'hashBalanceFactor'>

/** A balance algorithm as written in a config, checked and ready to be made. */
export interface Balance {
  readonly name: string
  /** What it does, in one line. */
  readonly summary: string
  /** What the keys are made of that its picks are to be given. */
  readonly key: KeySource
  /** Whether `hash-type` says how the server of a key is found. */
  readonly usesHashType: boolean
  /** Whether weights may be changed at run time. HAProxy refuses to, with static algorithms. */
  readonly isDynamic: (hashType: HashTypeConfig) => boolean
  /** Makes an instance for one backend in one thread. */
  readonly create: Create
}

type Create = (context: StrategyContext, settings: BalanceSettings) => Strategy

/** Reads a line that names an algorithm. */
type Read = (line: BalanceLine) => Pick<Balance, 'key' | 'create'> | TextProblem

interface Algorithm extends Pick<Balance, 'summary' | 'isDynamic'> {
  readonly usesHashType?: true
  readonly read: Read
}

const always = (): boolean => true
const never = (): boolean => false

/** Every balance algorithm by its name. A new one adds its file and a row here. */
const ALGORITHMS: ReadonlyMap<string, Algorithm> = new Map<string, Algorithm>([
  [
    'roundrobin',
    {
      summary: 'in turns, by weight',
      isDynamic: always,
      read: plain(({ random }) => new RoundRobin(random)),
    },
  ],
  [
    'static-rr',
    {
      summary: 'in turns, by a weight that does not change at run time',
      isDynamic: never,
      read: plain(({ random }) => new StaticRoundRobin(random)),
    },
  ],
  [
    'leastconn',
    {
      summary: 'the fewest sessions for its weight',
      isDynamic: always,
      read: plain((context) => new LeastConn(context)),
    },
  ],
  [
    'first',
    {
      summary: 'the first that has room',
      isDynamic: always,
      read: plain(({ loads }) => new First(loads)),
    },
  ],
  [
    'random',
    {
      summary: 'the least loaded of some drawn at random by weight',
      isDynamic: always,
      read: readRandom,
    },
  ],
  [
    'peak-ewma',
    {
      summary: 'the one of two drawn at random by weight that promises to answer sooner',
      isDynamic: always,
      read: plain((context) => new PeakEwma(context)),
    },
  ],
  ['source', hashing('the same for each client address', () => ({ kind: 'source' }))],
  ['uri', hashing('the same for each URI', readUriKey)],
  ['url_param', hashing('the same for each value of a query parameter', readUrlParamKey)],
  ['hdr', hashing('the same for each value of a header', readHeaderKey, 'takes argument')],
  ['rdp-cookie', hashing('the same for each RDP cookie', readRdpCookieKey, 'takes argument')],
  ['hash', hashing('the same for each value of an expression', (line) => readExpressionKey(line))],
  [
    'maglev',
    {
      summary: 'the same for each value of an expression, or client address; few of them ever move',
      isDynamic: always,
      read: keyed(
        (line) => readExpressionKey(line, 'src'),
        ({ random }) => new Keyed(new Maglev(), random),
      ),
    },
  ],
])

/** Algorithms of HAProxy that are not there. */
const UNAVAILABLE: readonly string[] = ['log-hash', 'sticky']

/** Names of all balance algorithms, for schemas and completion. */
export const BALANCE_NAMES: readonly string[] = [...ALGORITHMS.keys()]

/**
 * Reads a balance algorithm with its arguments: `roundrobin`, `random(3)`, `uri depth 2`. Whether
 * an expression is one, and what a mode allows, is for others to say.
 *
 * HAProxy configuration manual, balance.
 */
export function parseBalance(text: string): Balance | TextProblem {
  const line = splitBalanceLine(text)
  if ('message' in line) return line
  const name = line.name.text
  const algorithm = ALGORITHMS.get(name)
  if (algorithm === undefined) return unknownName(line)
  const read = algorithm.read(line)
  if ('message' in read) return read
  const { summary, isDynamic, usesHashType = false } = algorithm
  return { name, summary, isDynamic, usesHashType, ...read }
}

/** Whether `hash-type` says anything to a `balance` line. */
export function usesHashType(text: string): boolean {
  const balance = parseBalance(text)
  return 'usesHashType' in balance && balance.usesHashType
}

/** Whether weights may change at run time; false too where there is no such algorithm. */
export function hasDynamicWeights({ balance: text, hashType }: BalanceSettings): boolean {
  const balance = parseBalance(text)
  return 'isDynamic' in balance && balance.isDynamic(hashType)
}

/**
 * Makes the strategy that a config names.
 *
 * @throws SluiceError `config-invalid` where {@link parseBalance} has a problem
 */
export function createStrategy(settings: BalanceSettings, context: StrategyContext): Strategy {
  const balance = parseBalance(settings.balance)
  if ('message' in balance) throw new SluiceError('config-invalid', balance.message)
  return balance.create(context, settings)
}

/** An algorithm that is written as its name alone. */
function plain(create: Create): Read {
  return (line) => {
    const { name, argument, words } = line
    const [word] = words
    if (argument !== null) return extraArgument(line)
    if (word !== undefined) return unexpected(word, `Write ${name.text}.`)
    return { key: { kind: 'none' }, create }
  }
}

/** One that balances by a key, in the way that `hash-type` names. */
function hashing(
  summary: string,
  readKey: (line: BalanceLine) => KeySource | TextProblem,
  argument?: 'takes argument',
): Algorithm {
  const read = keyed(
    readKey,
    (context, { hashType, hashBalanceFactor }) => {
      const isRing = hashType.method === 'consistent'
      const table = isRing ? new HashRing(context, hashBalanceFactor) : new MapBased()
      return new Keyed(table, context.random)
    },
    argument,
  )
  return {
    summary,
    read,
    usesHashType: true,
    isDynamic: ({ method }) => method === 'consistent',
  }
}

function keyed(
  readKey: (line: BalanceLine) => KeySource | TextProblem,
  create: Create,
  argument?: 'takes argument',
): Read {
  return (line) => {
    if (line.argument !== null && argument === undefined) return extraArgument(line)
    const key = readKey(line)
    return 'message' in key ? key : { key, create }
  }
}

function readRandom({ argument, words }: BalanceLine): ReturnType<Read> {
  const [word] = words
  const hint = 'Write random(3).'
  if (word !== undefined) return unexpected(word, hint)
  const written = argument?.text ?? String(DRAWS_DEFAULT)
  const draws = /^\d{1,9}$/.test(written) ? Number(written) : 0
  if (draws < 1 || draws > DRAWS_MAX) {
    const message = `"${written}" is not the number of draws, 1-${DRAWS_MAX}`
    return { offset: argument?.offset ?? 0, message, hint }
  }
  return { key: { kind: 'none' }, create: (context) => new RandomDraws(context, draws) }
}

function extraArgument({ name, argument }: BalanceLine): TextProblem {
  const offset = (argument?.offset ?? 1) - 1
  return { offset, message: `${name.text} takes no argument`, hint: `Write ${name.text}.` }
}

function unknownName({ name: { text, offset } }: BalanceLine): TextProblem {
  if (UNAVAILABLE.includes(text)) {
    const message = `balance algorithm "${text}" is not available in this version`
    return { offset, message, hint: 'Balance by source or by a hash.' }
  }
  const message = `unknown balance algorithm "${text}"`
  return { offset, message, hint: nearestHint(text, BALANCE_NAMES) }
}
