import { nearestHint } from '../../base/spelling.ts'
import type { HashFunction, HashTypeConfig } from '../../model/config.ts'
import { type Parsed, refused } from '../diagnostics/diagnostics.ts'

const METHODS = ['map-based', 'consistent'] as const
const FUNCTIONS: readonly HashFunction[] = ['sdbm', 'djb2', 'wt6', 'crc32', 'none']
const MODIFIER = 'avalanche'

/** What a hash type looks like, for JSON Schema. */
export const HASH_TYPE_PATTERN = `^\\s*(${METHODS.join('|')})(\\s+(${FUNCTIONS.join('|')})(\\s+${MODIFIER})?)?\\s*$`

/**
 * Reads `METHOD [FUNCTION [avalanche]]`. HAProxy configuration manual, hash-type: without a
 * function it is sdbm, which `consistent` then mixes too.
 */
export function parseHashType(text: string): Parsed<HashTypeConfig> {
  const [first = '', second, third, extra] = text.trim().split(/\s+/)
  const method = METHODS.find((known) => known === first)
  if (method === undefined) return unknown('a method', first, METHODS)
  if (second === undefined) {
    return { value: { method, function: 'sdbm', avalanche: method === 'consistent' } }
  }
  const name = FUNCTIONS.find((known) => known === second)
  if (name === undefined) {
    return second === MODIFIER
      ? refused('the function is missing', `Write ${method} sdbm ${MODIFIER}.`)
      : unknown('a hash function', second, FUNCTIONS)
  }
  if (third !== undefined && third !== MODIFIER) return unknown('a modifier', third, [MODIFIER])
  if (extra !== undefined) return refused('nothing may follow the modifier', '')
  return { value: { method, function: name, avalanche: third !== undefined } }
}

function unknown(what: string, text: string, known: readonly string[]): Parsed<HashTypeConfig> {
  return refused(`"${text}" is not ${what}`, nearestHint(text, known))
}
