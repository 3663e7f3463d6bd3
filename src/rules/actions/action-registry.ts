import { nearestHint } from '../../base/spelling.ts'
import type { CaptureSlots } from '../captures.ts'
import { REQUEST_PHASE, RESPONSE_PHASE } from '../language/phases.ts'
import type { Word, Words } from '../language/words.ts'
import { parseCapture } from './capture-rules.ts'
import { type HeaderActionName, parseHeaderAction } from './header-rules.ts'
import type { ContentAction, RequestAction, ResponseAction } from './outcomes.ts'
import {
  parseDeny,
  parseRedirect,
  parseReturn,
  parseSetPath,
  parseSetQuery,
  parseTarpit,
  parseWaitForBody,
} from './request-actions.ts'
import { parseVariableAction, VARIABLE_ACTIONS, type VariableActionName } from './variable-rules.ts'

/**
 * Reads an action behind the word that begins it, which is given; null where it is wrong, as `words`
 * then says.
 */
type Reader<A> = (words: Words, word: Word, slots: CaptureSlots | null) => A | null

/** Where an action may stand, each with its reader. */
interface ActionRow {
  readonly request?: Reader<RequestAction>
  readonly response?: Reader<ResponseAction>
  readonly content?: Reader<ContentAction>
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
  ['set-var', onVariables('set-var')],
  ['set-var-fmt', onVariables('set-var-fmt')],
  ['unset-var', onVariables('unset-var')],
  [
    'capture',
    {
      request: (words, _, slots) => parseCapture('request', REQUEST_PHASE, slots, words),
      response: (words, _, slots) => parseCapture('response', RESPONSE_PHASE, slots, words),
    },
  ],
  ['allow', { request: () => allow, response: () => allow }],
  ['deny', { request: parseDeny }],
  ['tarpit', { request: parseTarpit }],
  ['wait-for-body', { request: parseWaitForBody }],
  ['redirect', { request: parseRedirect }],
  ['return', { request: parseReturn }],
  ['set-path', { request: parseSetPath }],
  ['set-query', { request: parseSetQuery }],
  ['accept', { content: () => 'accept' }],
  ['reject', { content: () => 'reject' }],
])

/** The actions that take an argument in parentheses. */
const WITH_ARGUMENT: readonly string[] = VARIABLE_ACTIONS

/** The words that begin a rule of a kind. */
export const ACTION_NAMES = {
  request: namesOf('request'),
  response: namesOf('response'),
  content: namesOf('content'),
} as const

/**
 * Reads the action of an `http-request` rule up to its condition.
 *
 * @param slots of the frontend whose rule it is, null for a backend's
 * @returns null where it is wrong, with the problem in `words`
 */
export function parseRequestAction(words: Words, slots: CaptureSlots | null): RequestAction | null {
  const found = findRow('request', words)
  return found?.row.request?.(words, found.word, slots) ?? null
}

/** As {@link parseRequestAction}, of an `http-response` rule. */
export function parseResponseAction(
  words: Words,
  slots: CaptureSlots | null,
): ResponseAction | null {
  const found = findRow('response', words)
  return found?.row.response?.(words, found.word, slots) ?? null
}

/** As {@link parseRequestAction}, of a `tcp-request content` rule. */
export function parseContentAction(words: Words): ContentAction | null {
  const found = findRow('content', words)
  return found?.row.content?.(words, found.word, null) ?? null
}

function findRow(kind: keyof ActionRow, words: Words): { row: ActionRow; word: Word } | null {
  const names = ACTION_NAMES[kind]
  const word = words.expect('an action', `Known: ${names.join(', ')}.`)
  if (word === null) return null
  const [keyword = ''] = word.text.split('(', 1)
  const row = ACTIONS.get(keyword)
  const isPlain = keyword === word.text || WITH_ARGUMENT.includes(keyword)
  if (row?.[kind] !== undefined && isPlain) return { row, word }
  return words.refuse(word, `unknown action "${word.text}"`, nearestHint(word.text, names))
}

function namesOf(kind: keyof ActionRow): readonly string[] {
  return [...ACTIONS].flatMap(([name, row]) => (row[kind] === undefined ? [] : [name]))
}

function onVariables(name: VariableActionName): ActionRow {
  return {
    request: (words, word) => parseVariableAction(name, word, REQUEST_PHASE, words),
    response: (words, word) => parseVariableAction(name, word, RESPONSE_PHASE, words),
  }
}

function onHeaders(name: HeaderActionName): ActionRow {
  return {
    request: (words) => parseHeaderAction(name, REQUEST_PHASE, words),
    response: (words) => parseHeaderAction(name, RESPONSE_PHASE, words),
  }
}
