import { SluiceError } from '../../base/errors.ts'
import type { AclConfig } from '../../model/config.ts'
import { parseRequestAction, parseResponseAction } from '../actions/action-registry.ts'
import { type Captured, parseCaptureLine } from '../actions/capture-rules.ts'
import { editedHeader } from '../actions/header-rules.ts'
import type { RequestAction, RequestOutcome, ResponseAction, Wait } from '../actions/outcomes.ts'
import { CaptureSlots } from '../captures.ts'
import type { HeaderEdits, RequestFacts, RequestHeadEdits, ResponseFacts } from '../facts.ts'
import type { PatternEngine } from '../samples/patterns.ts'
import { type AclExpressions, AclScope, aclProblem } from './acls.ts'
import { parseSuffix, type Scope } from './conditions.ts'
import type { Test } from './logic.ts'
import { REQUEST_PHASE, RESPONSE_PHASE } from './phases.ts'
import { invalidText, readOrThrow, Words } from './words.ts'

/** The rules of a frontend or backend as written. */
export interface RuleTexts {
  readonly acls: readonly AclConfig[]
  /** Lines of `capture`; null in a backend, which has no places for captures. */
  readonly captures: readonly string[] | null
  readonly httpRequest: readonly string[]
  readonly httpResponse: readonly string[]
  readonly useBackend: readonly string[]
  /** Backends that `use_backend` may name. */
  readonly backendNames: readonly string[]
}

/** Compiled rules; null where there are none, so that they cost nothing. */
export interface CompiledRules {
  /** Headers that any of the rules sets, adds or deletes, in lower case. */
  readonly editedHeaders: ReadonlySet<string>
  /** The places for what is captured; null in a backend. */
  readonly captures: CaptureSlots | null
  /** Captures of a response what `capture` names, before any rule sees it. */
  readonly capture: ((facts: ResponseFacts, edits: HeaderEdits) => void) | null
  /** Runs `http-request`, behind what `capture` names. Null: the request goes on. */
  readonly request: RequestRules | null
  /** Runs `http-response`. */
  readonly response: ((facts: ResponseFacts, edits: HeaderEdits) => void) | null
  /** Runs `use_backend`. Null: none applies, so that `default_backend` does. */
  readonly route: ((facts: RequestFacts) => string | null) | null
}

/**
 * Runs the rules of a request from one of them on, 0 the first.
 *
 * @returns why the request ends, that it waits, or null where it goes on
 */
export type RequestRules = (
  facts: RequestFacts,
  edits: RequestHeadEdits,
  from: number,
) => RequestOutcome | Waiting | null

/** A request that waits, and where its rules go on. */
export interface Waiting {
  readonly kind: 'wait'
  readonly wait: Wait
  /** The first rule that has not run. */
  readonly next: number
}

/** An action with the condition under which it is done. */
export interface Rule<F, A> {
  readonly test: Test<F>
  readonly action: A
}

const BACKEND_NAME = /^[A-Za-z0-9_.:-]+$/

/**
 * Compiles rules to closures, ahead of time.
 *
 * @throws SluiceError `config-invalid` for a rule that `validateRule` would have refused, or a backend
 *   that does not exist
 */
export function compileRules(texts: RuleTexts, patterns: PatternEngine): CompiledRules {
  const acls = compileAcls(texts.acls, patterns)
  const requestScope = new AclScope(REQUEST_PHASE, acls, patterns)
  const responseScope = new AclScope(RESPONSE_PHASE, acls, patterns)
  const slots = texts.captures === null ? null : new CaptureSlots()
  const captures = compileCaptures(texts.captures ?? [], slots, requestScope)
  const request = [
    ...captures.request,
    ...texts.httpRequest.map((text) =>
      compileRule(text, (words, scope) => readRequestRule(words, scope, slots), requestScope),
    ),
  ]
  const response = texts.httpResponse.map((text) =>
    compileRule(text, (words, scope) => readResponseRule(words, scope, slots), responseScope),
  )
  const routes = compileRoutes(texts, requestScope)
  const edits = [...texts.httpRequest, ...texts.httpResponse].map(editedHeader)
  return {
    editedHeaders: new Set(edits.filter((name) => name !== null)),
    captures: slots,
    capture: runnerOf(captures.response),
    request: request.length === 0 ? null : (facts, edits, from) => run(request, facts, edits, from),
    response: runnerOf(response),
    route: routes.length === 0 ? null : (facts) => runRoutes(routes, facts),
  }
}

/**
 * The ACLs of a section by name.
 *
 * @throws SluiceError `config-invalid` for an expression that no phase can answer
 */
export function compileAcls(
  configs: readonly AclConfig[],
  patterns: PatternEngine,
): AclExpressions {
  const acls = new Map(configs.map(({ name, expressions }) => [name, expressions]))
  for (const expression of [...acls.values()].flat()) {
    const problem = aclProblem(expression, patterns)
    if (problem !== null) throw invalidText('rule', expression, problem)
  }
  return acls
}

/** @throws SluiceError `config-invalid` as {@link compileRules} */
export function compileRoutes<F>(
  { useBackend, backendNames }: Pick<RuleTexts, 'useBackend' | 'backendNames'>,
  scope: Scope<F>,
): Rule<F, string>[] {
  const routes = useBackend.map((text) => compileRule<F, Rule<F, string>>(text, readRoute, scope))
  for (const { action: backend } of routes) {
    if (backendNames.includes(backend)) continue
    throw new SluiceError('config-invalid', `use_backend names no backend: "${backend}"`)
  }
  return routes
}

/** @throws SluiceError `config-invalid` for a rule that `validateRule` would have refused */
export function compileRule<F, R>(
  text: string,
  read: (words: Words, scope: Scope<F>) => R | null,
  scope: Scope<F>,
): R {
  const words = new Words(text)
  return readOrThrow('rule', text, words, read(words, scope))
}

interface CaptureRules {
  readonly request: readonly Rule<RequestFacts, RequestAction>[]
  readonly response: readonly Rule<ResponseFacts, ResponseAction>[]
}

function compileCaptures(
  lines: readonly string[],
  slots: CaptureSlots | null,
  scope: Scope<RequestFacts>,
): CaptureRules {
  if (slots === null) return { request: [], response: [] }
  const all = lines.map((line) =>
    compileRule(line, (words) => parseCaptureLine(slots, words), scope),
  )
  const of = (message: Captured) =>
    all.filter((line) => line.of === message).map(({ action }) => ({ test: () => true, action }))
  return { request: of('request'), response: of('response') }
}

function runnerOf(
  rules: readonly Rule<ResponseFacts, ResponseAction>[],
): ((facts: ResponseFacts, edits: HeaderEdits) => void) | null {
  return rules.length === 0 ? null : (facts, edits) => runAll(rules, facts, edits)
}

/** Reads an `http-request` rule; null where it is wrong, with the problem in `words`. */
export function readRequestRule(
  words: Words,
  scope: Scope<RequestFacts>,
  slots: CaptureSlots | null,
): Rule<RequestFacts, RequestAction> | null {
  return withCondition(parseRequestAction(words, slots), words, scope)
}

/** Reads an `http-response` rule; null where it is wrong, with the problem in `words`. */
export function readResponseRule(
  words: Words,
  scope: Scope<ResponseFacts>,
  slots: CaptureSlots | null,
): Rule<ResponseFacts, ResponseAction> | null {
  return withCondition(parseResponseAction(words, slots), words, scope)
}

/** Reads a `use_backend` rule; null where it is wrong, with the problem in `words`. */
export function readRoute<F>(words: Words, scope: Scope<F>): Rule<F, string> | null {
  const word = words.expect('the name of a backend', 'Write BACKEND if CONDITION.')
  if (word === null) return null
  if (!BACKEND_NAME.test(word.text)) {
    const isFormat = word.text.includes('%')
    const message = isFormat
      ? 'a backend cannot be named by a sample'
      : `"${word.text}" cannot be the name of a backend`
    return words.refuse(word, message, 'Write one rule for each backend.')
  }
  return withCondition(word.text, words, scope)
}

/** What stands before a condition, with it; null where either is wrong. */
export function withCondition<F, A>(
  action: A | null,
  words: Words,
  scope: Scope<F>,
): Rule<F, A> | null {
  if (action === null) return null
  const test = parseSuffix(words, scope)
  return test === null ? null : { test, action }
}

function run(
  rules: readonly Rule<RequestFacts, RequestAction>[],
  facts: RequestFacts,
  edits: RequestHeadEdits,
  from: number,
): RequestOutcome | Waiting | null {
  for (let index = from; index < rules.length; index++) {
    const { test, action } = rules[index] as Rule<RequestFacts, RequestAction>
    if (!test(facts)) continue
    const verdict = action(facts, edits)
    if (verdict === 'allow') return null
    if (verdict?.kind === 'wait') return { kind: 'wait', wait: verdict, next: index + 1 }
    if (verdict !== null) return verdict
  }
  return null
}

function runAll(
  rules: readonly Rule<ResponseFacts, ResponseAction>[],
  facts: ResponseFacts,
  edits: HeaderEdits,
): void {
  for (const { test, action } of rules) if (test(facts) && action(facts, edits) === 'allow') return
}

/** The backend of the first rule that applies; null: none does. */
export function runRoutes<F>(rules: readonly Rule<F, string>[], facts: F): string | null {
  for (const { test, action: backend } of rules) if (test(facts)) return backend
  return null
}
