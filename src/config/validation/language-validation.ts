import type { Mode } from '../../model/config.ts'
import type { HttpErrorLine, RuleKind, TextProblem } from '../../model/language.ts'
import type { ServerNameConfig } from '../../model/outgoing-tls.ts'
import type { HttpExpectation } from '../../model/probe-protocol.ts'
import type { Parsed, Report } from '../diagnostics/diagnostics.ts'
import type { SourceText } from '../diagnostics/source-text.ts'
import type { Cursor } from '../text/tree.ts'
import { parseExpectation } from '../values/expectations.ts'
import { type ProbeLine, parseProbeLine } from '../values/probe-steps.ts'
import { effectiveMode } from './proxy-views.ts'

/** Who speaks the languages within a config: given by the caller, since neither room is ours. */
export interface LanguageValidation {
  /** Checks the value of `balance` for backends of a mode. */
  readonly validateBalance: (text: string, mode: Mode) => TextProblem | null
  /** Whether a valid value of `balance` looks for the server of a key as `hash-type` says. */
  readonly usesHashType: (balance: string) => boolean
  /**
   * Checks one rule, or one expression of a condition.
   *
   * @param acls the conditions of the same frontend or backend: their expressions by name
   */
  readonly validateRule: (
    kind: RuleKind,
    text: string,
    acls: ReadonlyMap<string, readonly string[]>,
  ) => TextProblem | null
  /** Checks a regular expression that a health check holds against what a server says. */
  readonly validatePattern: (pattern: string) => TextProblem | null
  /** Reads `sni` of a server of a backend of a mode. */
  readonly readSni: (text: string, mode: Mode) => ServerNameConfig | TextProblem
  /** Reads a whole line of `http-error`: `status N ...`. */
  readonly validateHttpError: (line: string) => HttpErrorLine | TextProblem
}

const RULE_KEYS = ['capture', 'tcp-request', 'force-persist', 'ignore-persist'] as const

const COMMENT_HINT = 'Put quotes around the whole line: YAML takes " #" for the start of a comment.'

/** Reports what the speakers of the languages refuse, at the place in the line. */
export function validateLanguage(
  tree: Cursor,
  source: SourceText,
  language: LanguageValidation,
  report: Report,
): void {
  const backends = tree.at('backends').values()
  validateBalances(tree.at('defaults'), backends, language, report)
  validateServerNames(tree.at('defaults'), backends, language, report)
  for (const proxy of [tree.at('defaults'), ...backends])
    validateExpectations(proxy, language, report)
  for (const proxy of [...tree.at('frontends').values(), ...backends]) {
    validateRules(proxy, tree.at('defaults'), source, language, report)
  }
}

function validateBalances(
  defaults: Cursor,
  backends: readonly Cursor[],
  { validateBalance }: LanguageValidation,
  report: Report,
): void {
  const check = (balance: Cursor, mode: Mode): TextProblem | null =>
    isWritten(balance) ? validateBalance(balance.text ?? '', mode) : null
  const reportAt = (balance: Cursor, problem: TextProblem | null): void => {
    if (problem === null) return
    const span = balance.textSpan(problem.offset)
    report.error(span, balance.path, { ...problem, code: 'invalid-balance' })
  }
  const standard = defaults.at('balance')
  const standardProblem = check(standard, 'tcp') && check(standard, 'http')
  reportAt(standard, standardProblem)
  for (const backend of backends) {
    const mode = effectiveMode(backend, defaults) ?? 'http'
    const own = backend.at('balance')
    reportAt(own, check(own, mode))
    if (own.node !== null || standardProblem !== null) continue
    // A line of `defaults` is right for some backends, and at fault where it is taken over.
    const inherited = check(standard, mode)
    if (inherited === null) continue
    const message = `backend "${backend.name}" takes balance from defaults: ${inherited.message}`
    report.error(backend.keySpan, backend.path, {
      code: 'invalid-balance',
      message,
      hint: inherited.hint,
    })
  }
}

/** What a `default-server` of `defaults` says must be right for one of the modes. */
function validateServerNames(
  defaults: Cursor,
  backends: readonly Cursor[],
  { readSni }: LanguageValidation,
  report: Report,
): void {
  const check = (server: Cursor, modes: readonly Mode[]): void => {
    const sni = server.at('ssl').at('sni')
    if (!isWritten(sni)) return
    const read = modes.map((mode) => readSni(sni.text ?? '', mode))
    const [problem] = read.filter((one) => 'message' in one)
    if (problem === undefined || read.some((one) => !('message' in one))) return
    report.error(sni.textSpan(problem.offset), sni.path, { ...problem, code: 'invalid-rule' })
  }
  check(defaults.at('default-server'), ['http', 'tcp'])
  for (const backend of backends) {
    const mode = effectiveMode(backend, defaults) ?? 'http'
    for (const server of [backend.at('default-server'), ...backend.at('servers').values()]) {
      check(server, [mode])
    }
  }
}

function validateRules(
  proxy: Cursor,
  defaults: Cursor,
  source: SourceText,
  language: LanguageValidation,
  report: Report,
): void {
  const conditions = proxy.at('acl').values()
  const acls = new Map(
    conditions.map((acl) => [acl.name, acl.items().flatMap(({ text }) => text ?? [])]),
  )
  const check = (kind: RuleKind, lines: readonly Cursor[]): void => {
    for (const line of lines.filter(isWritten)) {
      const problem = language.validateRule(kind, line.text ?? '', acls)
      if (problem === null) continue
      const hint = isCutByComment(line, source) ? COMMENT_HINT : problem.hint
      const span = line.textSpan(problem.offset)
      report.error(span, line.path, { ...problem, hint, code: 'invalid-rule' })
    }
  }
  for (const acl of conditions) check('acl', acl.items())
  const isBackend = proxy.path[0] === 'backends'
  for (const key of ['http-request', 'http-response'] as const)
    check(isBackend ? `${key} of a backend` : key, proxy.at(key).items())
  for (const key of RULE_KEYS) check(key, proxy.at(key).items())
  const mode = effectiveMode(proxy, defaults)
  const routes = mode === 'tcp' ? 'use_backend in mode tcp' : 'use_backend'
  check(routes, proxy.at('use_backend').items())
  check(mode === 'tcp' ? 'stick in mode tcp' : 'stick', proxy.at('stick').items())
}

/** What health checks expect: the patterns in it are all that the schema has not looked at. */
function validateExpectations(
  proxy: Cursor,
  { validatePattern }: LanguageValidation,
  report: Report,
): void {
  const check = (line: Cursor, parsed: Parsed<HttpExpectation | ProbeLine>): void => {
    const pattern = 'value' in parsed ? patternIn(parsed.value) : null
    const problem = pattern === null ? null : validatePattern(pattern)
    if (pattern === null || problem === null) return
    // A pattern is all that is left of its line.
    const start = (line.text ?? '').trimEnd().length - pattern.length
    report.error(line.textSpan(start + problem.offset), line.path, problem)
  }
  for (const line of proxy.follow(['option', 'httpchk', 'expect']).items()) {
    check(line, parseExpectation(line.text ?? ''))
  }
  for (const line of proxy.at('tcp-check').items()) check(line, parseProbeLine(line.text ?? ''))
}

function patternIn(read: HttpExpectation | ProbeLine): string | null {
  if (read.kind === 'expect') return patternIn(read.expectation)
  return 'pattern' in read ? read.pattern : null
}

/** True where a comment begins in the midst of a line: within quotes or braces of its own. */
function isCutByComment(line: Cursor, { text: source }: SourceText): boolean {
  const text = line.text ?? ''
  const isOpen = (open: string, close: string): boolean =>
    text.split(open).length > text.split(close).length
  const isCut = text.split('"').length % 2 === 0 || isOpen('{', '}')
  return isCut && /^[ \t]+#/.test(source.slice(line.span.end))
}

/** True for a text with words; the schema has said what it has to about anything else. */
export function isWritten({ text }: Cursor): boolean {
  return text !== null && text.trim() !== ''
}
