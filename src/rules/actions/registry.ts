import { nearestHint } from '../../base/spelling.ts'
import { REQUEST_PHASE, RESPONSE_PHASE } from '../language/phases.ts'
import type { Words } from '../language/words.ts'
import { type HeaderActionName, parseHeaderAction } from './header-rules.ts'
import type { RequestAction, ResponseAction } from './outcomes.ts'
import {
  parseDeny,
  parseRedirect,
  parseReturn,
  parseSetPath,
  parseSetQuery,
} from './request-actions.ts'

/** Reads an action behind the word that begins it; null where it is wrong, as `words` then says. */
type Reader<A> = (words: Words) => A | null

/** Where an action may stand, each with its reader. */
interface ActionRow {
  readonly request?: Reader<RequestAction>
  readonly response?: Reader<ResponseAction>
}

const allow = (): 'allow' => 'allow'

/**
 * The actions of rules, by the word that begins them. HAProxy configuration manual, section 4.3,
 * Actions keywords matrix.
 */
const ACTIONS: ReadonlyMap<string, ActionRow> = new Map<string, ActionRow>([
  ['set-header', onHeaders('set-header')],
  ['add-header', onHeaders('add-header')],
  ['del-header', onHeaders('del-header')],
  ['allow', { request: () => allow, response: () => allow }],
  ['deny', { request: parseDeny }],
  ['redirect', { request: parseRedirect }],
  ['return', { request: parseReturn }],
  ['set-path', { request: parseSetPath }],
  ['set-query', { request: parseSetQuery }],
])

/** The words that begin a rule of a kind. */
export const ACTION_NAMES = { request: namesOf('request'), response: namesOf('response') } as const

/**
 * Reads the action of an `http-request` rule up to its condition.
 *
 * @returns null where it is wrong, with the problem in `words`
 */
export function parseRequestAction(words: Words): RequestAction | null {
  return findRow('request', words)?.request?.(words) ?? null
}

/** As {@link parseRequestAction}, of an `http-response` rule. */
export function parseResponseAction(words: Words): ResponseAction | null {
  return findRow('response', words)?.response?.(words) ?? null
}

function findRow(kind: keyof ActionRow, words: Words): ActionRow | null {
  const names = ACTION_NAMES[kind]
  const word = words.expect('an action', `Known: ${names.join(', ')}.`)
  if (word === null) return null
  const row = ACTIONS.get(word.text)
  if (row?.[kind] !== undefined) return row
  return words.refuse(word, `unknown action "${word.text}"`, nearestHint(word.text, names))
}

function namesOf(kind: keyof ActionRow): readonly string[] {
  return [...ACTIONS].flatMap(([name, row]) => (row[kind] === undefined ? [] : [name]))
}

function onHeaders(name: HeaderActionName): ActionRow {
  return {
    request: (words) => parseHeaderAction(name, REQUEST_PHASE, words),
    response: (words) => parseHeaderAction(name, RESPONSE_PHASE, words),
  }
}
