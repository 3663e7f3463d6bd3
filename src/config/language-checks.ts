import type { Report } from './diagnostics.ts'
import type { Cursor } from './tree.ts'

/** What is wrong in a text of the rule language, or in the name of a strategy. */
export interface TextProblem {
  /** Where in the text, in UTF-16 units from its start. */
  readonly offset: number
  readonly message: string
  readonly hint: string
}

/** Where a text of the rule language stands. */
export type RuleKind = 'acl' | 'http-request' | 'http-response' | 'use_backend'

/** Who speaks the languages within a config: given by the caller, since neither room is ours. */
export interface LanguageChecks {
  /** Checks the value of `balance`. */
  readonly checkBalance: (text: string) => TextProblem | null
  /**
   * Checks one rule, or one expression of a condition.
   *
   * @param acls the conditions of the same frontend or backend: their expressions by name
   */
  readonly checkRule: (
    kind: RuleKind,
    text: string,
    acls: ReadonlyMap<string, readonly string[]>,
  ) => TextProblem | null
}

const RULE_KEYS = ['http-request', 'http-response', 'use_backend'] as const

/** Reports what the speakers of the languages refuse, at the place in the line. */
export function checkLanguage(tree: Cursor, language: LanguageChecks, report: Report): void {
  const proxies = [...tree.at('frontends').values(), ...tree.at('backends').values()]
  for (const proxy of [tree.at('defaults'), ...proxies]) {
    const balance = proxy.at('balance')
    const problem = isWritten(balance) ? language.checkBalance(balance.text ?? '') : null
    if (problem !== null) {
      report.error(balance.textSpan(problem.offset), balance.path, {
        ...problem,
        code: 'invalid-balance',
      })
    }
  }
  for (const proxy of proxies) checkRules(proxy, language, report)
}

function checkRules(proxy: Cursor, language: LanguageChecks, report: Report): void {
  const conditions = proxy.at('acl').values()
  const acls = new Map(
    conditions.map((acl) => [acl.name, acl.items().flatMap(({ text }) => text ?? [])]),
  )
  const check = (kind: RuleKind, lines: readonly Cursor[]): void => {
    for (const line of lines.filter(isWritten)) {
      const problem = language.checkRule(kind, line.text ?? '', acls)
      if (problem === null) continue
      report.error(line.textSpan(problem.offset), line.path, { ...problem, code: 'invalid-rule' })
    }
  }
  for (const acl of conditions) check('acl', acl.items())
  for (const key of RULE_KEYS) check(key, proxy.at(key).items())
}

/** The schema has said what it has to about anything else. */
function isWritten({ text }: Cursor): boolean {
  return text !== null && text.trim() !== ''
}
