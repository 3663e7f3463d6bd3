import { SluiceError } from '../../base/errors.ts'
import { ADMIN_STATES, WEIGHT_MAX } from '../../model/admin-state.ts'
import { COMMENT_LENGTH_MAX } from '../../model/change-limits.ts'
import {
  ADDRESS_LENGTH_MAX,
  AUTHOR_LENGTH_MAX,
  NAMES_MAX,
  POOL_ENTRIES_MAX,
  REASON_LENGTH_MAX,
  RUN_LENGTH_MAX,
  TEXT_BYTES_MAX,
  VERSIONS_MAX,
  WITNESSES_MAX,
} from './bounds.ts'
import { Catalogue } from './catalogue.ts'
import {
  FORMAT,
  FORMAT_MIN,
  NAME,
  readBackends,
  readNodeName,
  readServerKeys,
  readTimeMs,
  SERVER_KEY,
} from './command-encoding.ts'
import type { AgreedBackend } from './commands.ts'
import type { ConfigHistory } from './config-versions.ts'
import type { HealthRecords, Report } from './health-agreements.ts'
import {
  jsonBytes,
  listOf,
  matching,
  nullable,
  oneOf,
  pairOf,
  parseJson,
  type Reader,
  record,
  text,
  truth,
  whole,
} from './json-fields.ts'
import type { ConfigVersion, PendingConfirmation, PoolEntry } from './state.ts'

/** Everything that a snapshot holds. */
export interface WholeState {
  /** In which the cluster agrees, and so in which the snapshot is written. */
  readonly format: number
  readonly config: ConfigHistory
  readonly pool: readonly PoolEntry[]
  readonly health: HealthRecords
}

interface EncodedCatalogue {
  readonly servers: readonly string[]
  readonly backends: readonly AgreedBackend[]
}

interface EncodedState {
  readonly format: number
  readonly versions: readonly ConfigVersion[]
  readonly activeVersion: number
  readonly confirmation: PendingConfirmation | null
  readonly active: EncodedCatalogue
  readonly previous: EncodedCatalogue
  readonly pool: readonly PoolEntry[]
  readonly health: HealthRecords
}

const readReport = record<Report>({ isUp: truth, reason: text(REASON_LENGTH_MAX) })
const readKey = matching(SERVER_KEY)
const readCatalogue = record<EncodedCatalogue>({ servers: readServerKeys, backends: readBackends })

/** Servers of the config and those that were added. */
const KEYS_MAX = NAMES_MAX + POOL_ENTRIES_MAX

/** One version, as a snapshot holds it. */
export const readConfigVersion: Reader<ConfigVersion> = record<ConfigVersion>({
  version: whole(1),
  text: text(TEXT_BYTES_MAX),
  author: text(AUTHOR_LENGTH_MAX),
  timeMs: readTimeMs,
  comment: text(COMMENT_LENGTH_MAX),
  cause: oneOf(['seed', 'apply', 'rollback', 'expiry']),
  result: oneOf(['active', 'unconfirmed', 'superseded', 'rolled-back']),
})

const readPoolEntry = record<PoolEntry>({
  backend: matching(NAME),
  server: matching(NAME),
  isAdded: truth,
  address: nullable(text(ADDRESS_LENGTH_MAX, 1)),
  state: nullable(oneOf(ADMIN_STATES)),
  weight: nullable(whole(0, WEIGHT_MAX)),
})

/** The pool, as a snapshot holds it. */
export const readPool: Reader<PoolEntry[]> = listOf(readPoolEntry, POOL_ENTRIES_MAX)

const readHealth = record<HealthRecords>({
  witnesses: listOf(readNodeName, WITNESSES_MAX),
  runs: listOf(pairOf(readNodeName, text(RUN_LENGTH_MAX, 1)), WITNESSES_MAX),
  reports: listOf(
    pairOf(readKey, listOf(pairOf(readNodeName, readReport), WITNESSES_MAX)),
    KEYS_MAX,
  ),
  verdicts: listOf(pairOf(readKey, readReport), KEYS_MAX),
})

const readState: Reader<EncodedState> = record<EncodedState>({
  format: whole(FORMAT_MIN, FORMAT),
  versions: listOf(readConfigVersion, VERSIONS_MAX),
  activeVersion: whole(0),
  confirmation: nullable(
    record<PendingConfirmation>({ version: whole(1), previous: whole(1), deadlineMs: readTimeMs }),
  ),
  active: readCatalogue,
  previous: readCatalogue,
  pool: readPool,
  health: readHealth,
})

const readFormat = record<{ format: number }>({ format: whole(1) }, 'left-out')

/** Elements of a list in one part of a state. */
const PART_ELEMENTS = 64

/** Encodes a state; equal states give equal bytes. */
export function encodeState(whole: WholeState): Uint8Array {
  return jsonBytes(encodedOf(whole))
}

/**
 * The same in parts of a bounded number of elements, so that who hashes them need not do it in one
 * turn: of the state at the moment of the call, whenever they are taken.
 */
export function encodedParts(whole: WholeState): Iterable<string> {
  return partsOf('', encodedOf(whole))
}

function* partsOf(name: string, value: unknown): Generator<string> {
  if (Array.isArray(value)) {
    // A text may be as long as thousands of the others.
    const step = name === 'versions' ? 1 : PART_ELEMENTS
    for (let at = 0; at < value.length; at += step) {
      yield JSON.stringify(value.slice(at, at + step))
    }
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, member] of Object.entries(value)) {
      yield `${key}:`
      yield* partsOf(key, member)
    }
  } else yield JSON.stringify(value)
}

function encodedOf({ format, config, pool, health }: WholeState): EncodedState {
  const { versions, activeVersion, confirmation, active, previous } = config
  return {
    format,
    versions: versions.map(inOrder),
    activeVersion,
    confirmation,
    active: { servers: active.servers, backends: active.backends.map(backendInOrder) },
    previous: { servers: previous.servers, backends: previous.backends.map(backendInOrder) },
    pool,
    health,
  }
}

/**
 * Decodes what {@link encodeState} gave.
 *
 * @param formatMax the newest format that this node knows
 * @throws SluiceError `state-newer`: of a newer program; `invariant-broken`: these bytes are none,
 *   although the store and the links check sums
 */
export function decodeState(bytes: Uint8Array, formatMax: number = FORMAT): WholeState {
  const json = parseJson(bytes)
  const format = readFormat(json)?.format ?? FORMAT_MIN
  if (format > formatMax) {
    throw new SluiceError(
      'state-newer',
      `the snapshot is of format ${format}, this is ${formatMax}`,
    )
  }
  const state = readState(json)
  if (state === undefined) {
    throw new SluiceError('invariant-broken', 'a snapshot of the cluster state cannot be read')
  }
  const { versions, activeVersion, confirmation, active, previous, pool, health } = state
  return {
    format,
    config: {
      versions,
      activeVersion,
      confirmation,
      active: new Catalogue(active.servers, active.backends),
      previous: new Catalogue(previous.servers, previous.backends),
    },
    pool,
    health,
  }
}

/** Members in one order, whichever they were made in. */
function inOrder(version: ConfigVersion): ConfigVersion {
  const { text: written, author, timeMs, comment, cause, result } = version
  return { version: version.version, text: written, author, timeMs, comment, cause, result }
}

function backendInOrder({ name, healthAgreement, watchers }: AgreedBackend): AgreedBackend {
  return { name, healthAgreement, watchers }
}
