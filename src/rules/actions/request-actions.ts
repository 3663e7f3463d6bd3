import {
  DURATION_MS_MAX,
  readDurationMs,
  readSizeBytes,
  SIZE_BYTES_MAX,
} from '../../base/quantities.ts'
import type { RequestFacts } from '../facts.ts'
import { type Format, parseFormat } from '../language/formats.ts'
import { REQUEST_PHASE } from '../language/phases.ts'
import type { Words } from '../language/words.ts'
import { hostOf, pathOf, queryOf } from '../samples/fetches.ts'
import { parseContentType, parseStatus, refuseUntyped } from './answer-arguments.ts'
import {
  isHeaderValue,
  parseHeaderName,
  parseHeaderValue,
  validateFieldText,
} from './header-rules.ts'
import type { AnswerHeader, RequestAction, RequestOutcome, Wait } from './outcomes.ts'

type RequestFormat = Format<RequestFacts>

// What follows is read behind the word that begins an `http-request` action (HAProxy configuration
// manual, section 4.2, http-request). Each function returns null where it is wrong, with the problem
// in `words`.

const DENY_STATUS_DEFAULT = 403
/** HAProxy's, so that who attacks does not suspect anything. */
const TARPIT_STATUS_DEFAULT = 500
const LATE: RequestOutcome = { kind: 'late' }
const RETURN_STATUS_DEFAULT = 200
const REDIRECT_STATUS_DEFAULT = 302
const REDIRECT_KINDS = ['location', 'prefix', 'scheme']
const REDIRECT_STATUSES = [301, 302, 303, 307, 308] as const
/** Answer to a request that cannot be redirected: what it sent would break the Location. */
const UNREDIRECTABLE_STATUS = 400

/** A path with query that is safe in a request line: visible ASCII, no fragment. */
const PATHQ = /^\/[\x21\x22\x24-\x7e]*$/

/** Reads what follows `deny`. */
export function parseDeny(words: Words): RequestAction | null {
  const status = parseDenyStatus(DENY_STATUS_DEFAULT, words)
  if (status === null) return null
  const outcome: RequestOutcome = { kind: 'deny', status, termination: 'PR' }
  return () => outcome
}

/** Reads what follows `tarpit`. */
export function parseTarpit(words: Words): RequestAction | null {
  const status = parseDenyStatus(TARPIT_STATUS_DEFAULT, words)
  if (status === null) return null
  const outcome: RequestOutcome = { kind: 'deny', status, termination: 'PT' }
  const wait: Wait = { kind: 'wait', timeoutMs: null, bodyBytes: null, resume: () => outcome }
  return () => wait
}

/** Reads what follows `wait-for-body`: `time TIME [at-least BYTES]`. */
export function parseWaitForBody(words: Words): RequestAction | null {
  const usage = 'Write wait-for-body time 1s, or wait-for-body time 1s at-least 1k.'
  const keyword = words.expect('time', usage)
  if (keyword === null) return null
  if (keyword.text !== 'time') return words.refuse(keyword, `"${keyword.text}" is not time`, usage)
  const timeoutMs = parseNumber('a duration', readDurationMs, DURATION_MS_MAX, words)
  if (timeoutMs === null) return null
  const isBounded = words.nextIf('at-least') !== null
  const bodyBytes = isBounded ? parseNumber('a size', readSizeBytes, SIZE_BYTES_MAX, words) : 0
  if (bodyBytes === null) return null
  const resume = (isLate: boolean): RequestOutcome | null => (isLate ? LATE : null)
  const wait: Wait = { kind: 'wait', timeoutMs, bodyBytes, resume }
  return () => wait
}

function parseNumber(
  what: string,
  read: (text: string) => number | null,
  max: number,
  words: Words,
): number | null {
  const word = words.expect(what)
  const value = word === null ? null : read(word.text)
  if (word === null || (value !== null && value <= max)) return value
  return words.refuse(word, `"${word.text}" is not ${what} up to ${max}`)
}

function parseDenyStatus(standard: number, words: Words): number | null {
  return words.nextIf('deny_status', 'status') === null ? standard : parseStatus(400, words)
}

/** Reads what follows `redirect`. */
export function parseRedirect(words: Words): RequestAction | null {
  const hint = 'Write redirect location URL, redirect prefix URL or redirect scheme https.'
  const kind = words.expect('location, prefix or scheme', hint)
  if (kind === null) return null
  if (!REDIRECT_KINDS.includes(kind.text)) {
    return words.refuse(kind, `"${kind.text}" is not location, prefix or scheme`, hint)
  }
  const word = words.expect(`the ${kind.text} to redirect to`)
  if (word === null || !validateFieldText(word, words)) return null
  const target = parseFormat(word, REQUEST_PHASE, words)
  const options = target === null ? null : parseRedirectOptions(words)
  if (target === null || options === null) return null
  const { status } = options
  const locate = locationOf(kind.text, target, options.dropQuery)
  return (facts, edits) => {
    const location = locate(facts)
    if (isHeaderValue(location)) return { kind: 'redirect', status, location }
    edits.failRewrite()
    return { kind: 'deny', status: UNREDIRECTABLE_STATUS, termination: 'PR' }
  }
}

interface RedirectOptions {
  status: (typeof REDIRECT_STATUSES)[number]
  dropQuery: boolean
}

function parseRedirectOptions(words: Words): RedirectOptions | null {
  const options: RedirectOptions = { status: REDIRECT_STATUS_DEFAULT, dropQuery: false }
  for (;;) {
    const option = words.nextIf('code', 'drop-query')
    if (option === null) return options
    if (option.text === 'drop-query') {
      options.dropQuery = true
      continue
    }
    const hint = `Write one of ${REDIRECT_STATUSES.join(', ')}.`
    const code = words.expect('a status code', hint)
    if (code === null) return null
    const status = REDIRECT_STATUSES.find((known) => String(known) === code.text)
    if (status === undefined) {
      return words.refuse(code, `"${code.text}" is not the status code of a redirect`, hint)
    }
    options.status = status
  }
}

function locationOf(
  kind: string,
  { render }: RequestFormat,
  dropQuery: boolean,
): (facts: RequestFacts) => string {
  // A request for the server itself (`*`) is redirected to the root.
  const place = (facts: RequestFacts): string => (dropQuery ? pathOf(facts) : facts.pathq) ?? '/'
  switch (kind) {
    case 'prefix':
      // A lone slash stands for no prefix at all.
      return (facts) => {
        const prefix = render(facts)
        return (prefix === '/' ? '' : prefix) + place(facts)
      }
    case 'scheme':
      return (facts) => `${render(facts)}://${hostOf(facts)}${place(facts)}`
    default:
      return render
  }
}

/** The answer of a `return` rule as far as it has been read. */
interface Draft {
  status: number
  contentType: string | null
  body: RequestFormat | null
  headers: { name: string; value: RequestFormat }[]
}

/** Reads what follows `return`. */
export function parseReturn(words: Words): RequestAction | null {
  const draft: Draft = {
    status: RETURN_STATUS_DEFAULT,
    contentType: null,
    body: null,
    headers: [],
  }
  for (;;) {
    const option = words.nextIf('status', 'content-type', 'string', 'lf-string', 'hdr')
    if (option === null) return answer(draft)
    if (!parseReturnOption(option.text, draft, words)) return null
    const hasType = draft.contentType !== null || words.peek()?.text === 'content-type'
    if (draft.body !== null && !hasType) {
      return refuseUntyped(option, words)
    }
  }
}

/** @returns false where it is wrong, with the problem in `words` */
function parseReturnOption(option: string, draft: Draft, words: Words): boolean {
  if (option === 'status') {
    const status = parseStatus(200, words)
    draft.status = status ?? 0
    return status !== null
  }
  if (option === 'hdr') {
    const name = parseHeaderName('hdr', words)
    const value = name === null ? null : parseHeaderValue(name, REQUEST_PHASE, words)
    if (name === null || value === null) return false
    draft.headers.push({ name: name.written, value })
    return true
  }
  if (option === 'content-type') {
    draft.contentType = parseContentType(words)
    return draft.contentType !== null
  }
  const word = words.expect('the body')
  if (word === null) return false
  const { text } = word
  const isFormat = option === 'lf-string'
  draft.body = isFormat
    ? parseFormat(word, REQUEST_PHASE, words)
    : { literal: text, render: () => text }
  return draft.body !== null
}

function answer({ status, contentType, body, headers }: Draft): RequestAction {
  return (facts, edits) => {
    const lines: AnswerHeader[] = []
    for (const { name, value: format } of headers) {
      const value = format.render(facts)
      if (isHeaderValue(value)) lines.push({ name, value })
      else edits.failRewrite()
    }
    return {
      kind: 'return',
      status,
      contentType: body === null ? null : contentType,
      body: body?.render(facts) ?? '',
      headers: lines,
    }
  }
}

/** Reads what follows `set-path`. */
export function parseSetPath(words: Words): RequestAction | null {
  return parseTargetAction('the path', words, (path, facts) => {
    if (path.includes('?')) return null
    const query = queryOf(facts)
    return query === null ? path : `${path}?${query}`
  })
}

/** Reads what follows `set-query`. An empty query leaves the question mark that was there, but adds none. */
export function parseSetQuery(words: Words): RequestAction | null {
  return parseTargetAction('the query', words, (query, facts) => {
    const path = pathOf(facts) ?? ''
    return query === '' && queryOf(facts) === null ? path : `${path}?${query}`
  })
}

/** @param combine makes path with query of the new part and the request; null where it cannot */
function parseTargetAction(
  what: string,
  words: Words,
  combine: (part: string, facts: RequestFacts) => string | null,
): RequestAction | null {
  const word = words.expect(what)
  if (word === null || !validateFieldText(word, words)) return null
  const format = parseFormat(word, REQUEST_PHASE, words)
  if (format === null) return null
  return (facts, edits) => {
    const pathq = facts.pathq === null ? null : combine(format.render(facts), facts)
    if (pathq !== null && PATHQ.test(pathq)) edits.setPathq(pathq)
    else edits.failRewrite()
    return null
  }
}
