import { nearestHint } from '../../base/spelling.ts'
import type { StickTableConfig } from '../../model/persistence-config.ts'
import { type Parsed, refused } from '../diagnostics/diagnostics.ts'
import { parseDuration } from './durations.ts'
import { parseSize } from './sizes.ts'

/** Entries that a table can be told to have room for. */
const ENTRIES_MAX = 16 * 1_024 ** 2
/** Bytes that a key of type string can be told to have. */
const KEY_BYTES_MAX = 1_024
/** HAProxy's default for `type string`. */
const STRING_BYTES = 32

const TYPES: readonly StickTableConfig['type'][] = ['ip', 'ipv6', 'integer', 'string']
const WORDS = ['type', 'size', 'expire', 'nopurge']
/** Words of HAProxy that this version does not have. */
const UNSUPPORTED = ['peers', 'store', 'brates-factor', 'recv-only', 'write-to', 'srvkey']

/** What a stick table looks like, for JSON Schema. */
export const STICK_TABLE_PATTERN = `(^|\\s)type\\s+(${TYPES.join('|')})(\\s|$)`

interface Reading {
  type: StickTableConfig['type'] | null
  keyBytesMax: number
  entriesMax: number
  expireSec: number
  nopurge: boolean
}

/**
 * Reads `type TYPE [len N] size SIZE [expire TIME] [nopurge]`. HAProxy configuration manual,
 * stick-table.
 */
export function parseStickTable(text: string): Parsed<StickTableConfig> {
  const words = text.trim().split(/\s+/)
  const reading: Reading = {
    type: null,
    keyBytesMax: STRING_BYTES,
    entriesMax: 0,
    expireSec: 0,
    nopurge: false,
  }
  while (words.length > 0) {
    const word = words.shift() as string
    const refusal = takeWord(word, words, reading)
    if (refusal !== null) return refusal
  }
  const { type, ...rest } = reading
  if (type === null) return refused('the type is missing', `Known: ${TYPES.join(', ')}.`)
  if (rest.entriesMax === 0) return refused('the size is missing', 'Such as size 200k.')
  return { value: { type, ...rest } }
}

type Refusal = Parsed<StickTableConfig> | null

/** @param rest the words behind it, of which it takes what belongs to it */
function takeWord(word: string, rest: string[], reading: Reading): Refusal {
  switch (word) {
    case 'type':
      return takeType(rest, reading)
    case 'size':
      return takeSize(rest.shift() ?? '', reading)
    case 'expire':
      return takeExpire(rest.shift() ?? '', reading)
    case 'nopurge':
      reading.nopurge = true
      return null
    default: {
      if (UNSUPPORTED.includes(word)) {
        return refused(`"${word}" is not available in this version`, '', 'unsupported')
      }
      return refused(`"${word}" is not a word of stick-table`, nearestHint(word, WORDS))
    }
  }
}

function takeType(rest: string[], reading: Reading): Refusal {
  const word = rest.shift() ?? ''
  const type = TYPES.find((known) => known === word)
  if (type === undefined) {
    return refused(`"${word}" is not a type of key`, `Known: ${TYPES.join(', ')}.`)
  }
  reading.type = type
  if (rest[0] !== 'len') return null
  rest.shift()
  const length = Number(rest.shift())
  if (type !== 'string') return refused('only the type string has a len', '')
  if (!Number.isInteger(length) || length < 1 || length > KEY_BYTES_MAX) {
    return refused(`len must be from 1 to ${KEY_BYTES_MAX}`, '', 'out-of-range')
  }
  reading.keyBytesMax = length
  return null
}

function takeSize(text: string, reading: Reading): Refusal {
  const size = parseSize(text)
  if ('problem' in size) return size
  if (size.value < 1 || size.value > ENTRIES_MAX) {
    return refused('the size must be from 1 to 16m entries', '', 'out-of-range')
  }
  reading.entriesMax = size.value
  return null
}

function takeExpire(text: string, reading: Reading): Refusal {
  const duration = parseDuration(text)
  if ('problem' in duration) return duration
  if (duration.value === 0) return refused('expire must be more than 0', 'Leave it out for never.')
  reading.expireSec = Math.ceil(duration.value / 1_000)
  return null
}
