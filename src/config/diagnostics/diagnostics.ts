import type { SourceText, Span } from './source-text.ts'

/** An error refuses the config; a warning does not. */
export type Severity = 'error' | 'warning'

/**
 * What a diagnostic is about, for programs. A code may be added, never renamed.
 *
 * Errors of the text: `foreign-format` (a file of another program), `syntax` (not YAML), `unsupported-yaml` (YAML that a config may not use),
 * `too-large` (over a cap), `duplicate-key`, `environment` (a `${NAME}` that cannot be replaced).
 *
 * Errors of the schema: `unknown-key`, `missing-key`, `unsupported` (known to HAProxy or planned,
 * but not available in this version), `wrong-type`, `out-of-range`, `invalid-value`,
 * `invalid-name`.
 *
 * Errors between places: `unknown-backend`, `mode-mismatch`, `duplicate-bind`, `invalid-balance`,
 * `invalid-rule`, `exposed-admin`, `exposed-peers`, `too-many-names`.
 *
 * What the text names outside of itself, as this host has it: `unusable-file`, `unusable-address`,
 * `unresolved-name` (a warning where the server can begin without an address).
 *
 * Warnings: `no-route`, `no-server`, `unused-backend`, `unused-setting`, `short-timeout`,
 * `not-applied` (a section that each node has in its own file).
 *
 * `too-many-problems` closes a list that was cut.
 */
export const DIAGNOSTIC_CODES = [
  'foreign-format',
  'syntax',
  'unsupported-yaml',
  'too-large',
  'duplicate-key',
  'environment',
  'unknown-key',
  'missing-key',
  'unsupported',
  'wrong-type',
  'out-of-range',
  'invalid-value',
  'invalid-name',
  'unknown-backend',
  'mode-mismatch',
  'duplicate-bind',
  'invalid-balance',
  'invalid-rule',
  'exposed-admin',
  'exposed-peers',
  'too-many-names',
  'unusable-file',
  'unusable-address',
  'unresolved-name',
  'no-route',
  'no-server',
  'unused-backend',
  'unused-setting',
  'short-timeout',
  'not-applied',
  'too-many-problems',
] as const

/** One of {@link DIAGNOSTIC_CODES}. */
export type DiagnosticCode = (typeof DIAGNOSTIC_CODES)[number]

/** Where a value is in the tree of the config: keys, and indices of lists. */
export type Path = readonly (string | number)[]

/** One problem of a config, as plain data. Lines and columns count from 1. */
export interface Diagnostic {
  readonly severity: Severity
  readonly code: DiagnosticCode
  readonly path: Path
  readonly line: number
  readonly col: number
  /** Column after the last marked character of the same line; more than `col`. */
  readonly endCol: number
  readonly message: string
  /** What would be right; '' where nothing better is known than the message. */
  readonly hint: string
}

/** A problem with a value, told by what has read it without knowing where the value is written. */
export interface Problem {
  readonly message: string
  readonly hint: string
  /** Default `invalid-value`. */
  readonly code?: DiagnosticCode
}

/** What reading a value gives. */
export type Parsed<T> = { readonly value: T } | { readonly problem: Problem }

/** A refusal, for the parsers of values. */
export function refused(message: string, hint = '', code?: DiagnosticCode): { problem: Problem } {
  return { problem: code === undefined ? { message, hint } : { message, hint, code } }
}

/** Diagnostics that one check gives at most; the rest is counted. */
export const DIAGNOSTICS_MAX = 50

/** Characters of a message or a hint: what they repeat of the config may be of any length. */
const SENTENCE_LENGTH_MAX = 300

interface Finding extends Problem {
  readonly severity: Severity
  readonly code: DiagnosticCode
  readonly span: Span
  readonly path: Path
}

/** Collects what the stages of a check find, in any order. */
export class Report {
  readonly #source: SourceText
  readonly #findings = new Map<string, Finding>()
  #failed = false

  constructor(source: SourceText) {
    this.#source = source
  }

  /** True once an error was found: there will be no config. */
  get failed(): boolean {
    return this.#failed
  }

  /** Adds an error, with the code `invalid-value` unless the problem names another. */
  error(span: Span, path: Path, problem: Problem): void {
    this.#add('error', span, path, problem)
  }

  /** Adds a warning, with the code `invalid-value` unless the problem names another. */
  warn(span: Span, path: Path, problem: Problem): void {
    this.#add('warning', span, path, problem)
  }

  /**
   * One place has one finding, the first: what comes after it is mostly a consequence. Only an
   * error takes the place of a warning.
   */
  #add(severity: Severity, span: Span, path: Path, problem: Problem): void {
    const place = `${span.start}-${span.end}`
    const known = this.#findings.get(place)
    if (known !== undefined && (known.severity === 'error' || severity === 'warning')) return
    const code = problem.code ?? 'invalid-value'
    const message = shorten(problem.message, SENTENCE_LENGTH_MAX)
    const hint = shorten(problem.hint, SENTENCE_LENGTH_MAX)
    this.#findings.set(place, { severity, code, span, path, message, hint })
    if (severity === 'error') this.#failed = true
  }

  /** What was found, by position. Past {@link DIAGNOSTICS_MAX} errors go before warnings. */
  diagnostics(): Diagnostic[] {
    const byPosition = (a: Finding, b: Finding): number => a.span.start - b.span.start
    const found = [...this.#findings.values()].sort(byPosition)
    const errors = found.filter((finding) => finding.severity === 'error')
    const warnings = found.filter((finding) => finding.severity === 'warning')
    const kept = [...errors, ...warnings].slice(0, DIAGNOSTICS_MAX).sort(byPosition)
    const diagnostics = kept.map((finding) => this.#locate(finding))
    const left = found.length - kept.length
    const last = diagnostics.at(-1)
    if (left > 0 && last !== undefined) {
      const severity = errors.length > DIAGNOSTICS_MAX ? 'error' : 'warning'
      const message = `${left} more ${left === 1 ? 'problem is' : 'problems are'} not shown`
      diagnostics.push({ ...last, severity, code: 'too-many-problems', message, hint: '' })
    }
    return diagnostics
  }

  #locate({ severity, code, path, span, message, hint }: Finding): Diagnostic {
    const start = this.#source.position(span.start)
    const end = this.#source.position(span.end)
    const lineEnd = [...this.#source.line(start.line)].length + 1
    const endCol = Math.max(start.col + 1, end.line > start.line ? lineEnd : end.col)
    return { severity, code, path, line: start.line, col: start.col, endCol, message, hint }
  }
}

/** The beginning of a text that is too long, with an ellipsis; any other as it is. */
export function shorten(text: string, charactersMax: number): string {
  if (text.length <= charactersMax) return text
  const characters = [...text.slice(0, 2 * charactersMax)]
  if (characters.length <= charactersMax) return text
  return `${characters.slice(0, charactersMax).join('')}…`
}

/** Characters of a user's text that a hint repeats. */
const SHOWN_CHARACTERS_MAX = 120

/** A text of the user as a hint repeats it. */
export function shown(text: string): string {
  return shorten(text, SHOWN_CHARACTERS_MAX)
}
