import { parseTcpRequest } from '../actions/content-rules.ts'
import type { ContentAction } from '../actions/outcomes.ts'
import type { ContentFacts } from '../facts.ts'
import type { PatternEngine } from '../samples/patterns.ts'
import { AclScope } from './acls.ts'
import {
  compileAcls,
  compileRoutes,
  compileRule,
  type Rule,
  type RuleTexts,
  runRoutes,
  withCondition,
} from './compile.ts'
import type { Scope } from './conditions.ts'
import { CONTENT_PHASE } from './phases.ts'
import type { Words } from './words.ts'

/** The rules of a frontend in `mode tcp` as written. */
export interface SessionRuleTexts extends Pick<RuleTexts, 'acls' | 'useBackend' | 'backendNames'> {
  readonly tcpRequest: readonly string[]
}

/** Compiled rules of a frontend in `mode tcp`. */
export interface SessionRules {
  /** How long a client may take to send what `content` rules ask for; 0: they ask at once. */
  readonly inspectDelayMs: number
  /**
   * Runs `tcp-request content`, every time that more has come. Null: no rule applies yet, and one
   * may once more has come; that is never said where the facts are final.
   */
  readonly content: ((facts: ContentFacts) => ContentAction | null) | null
  /** Runs `use_backend`, on final facts. Null: none applies, so that `default_backend` does. */
  readonly route: ((facts: ContentFacts) => string | null) | null
}

/** A `tcp-request` line, read. */
type TcpRequest =
  | { readonly kind: 'inspect-delay'; readonly inspectDelayMs: number }
  | ({ readonly kind: 'content' } & Rule<ContentFacts, ContentAction>)

/**
 * Compiles the rules of a frontend in `mode tcp` to closures, ahead of time.
 *
 * @returns null where there are none, so that they cost nothing
 * @throws SluiceError `config-invalid` as `compileRules` does
 */
export function compileSessionRules(
  texts: SessionRuleTexts,
  patterns: PatternEngine,
): SessionRules | null {
  if (texts.tcpRequest.length + texts.useBackend.length === 0) return null
  const scope = new AclScope(CONTENT_PHASE, compileAcls(texts.acls, patterns), patterns)
  const lines = texts.tcpRequest.map((text) => compileRule(text, readTcpRequest, scope))
  const rules = lines.flatMap((line) => (line.kind === 'content' ? [line] : []))
  const delays = lines.flatMap((line) => (line.kind === 'content' ? [] : [line.inspectDelayMs]))
  const routes = compileRoutes(texts, scope)
  return {
    inspectDelayMs: delays.at(-1) ?? 0,
    content: rules.length === 0 ? null : (facts) => runContent(rules, facts),
    route: routes.length === 0 ? null : (facts) => runRoutes(routes, facts),
  }
}

/** Reads a `tcp-request` line; null where it is wrong, with the problem in `words`. */
export function readTcpRequest(words: Words, scope: Scope<ContentFacts>): TcpRequest | null {
  const line = parseTcpRequest(words)
  if (line === null) return null
  if (line.kind === 'content') {
    const rule = withCondition(line.action, words, scope)
    return rule === null ? null : { kind: 'content', ...rule }
  }
  const more = words.next()
  return more === null ? line : words.refuse(more, `"${more.text}" is one word too many`)
}

/** HAProxy: `tcp_inspect_request`. A rule that is not sure yet holds up those behind it. */
function runContent(
  rules: readonly Rule<ContentFacts, ContentAction>[],
  facts: ContentFacts,
): ContentAction | null {
  for (const { test, action } of rules) {
    facts.isMissing = false
    if (test(facts)) return action
    if (facts.isMissing) return null
  }
  return 'accept'
}
