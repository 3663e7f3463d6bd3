import { type Document, isCollection, isScalar, type Node, visit, type YAMLError } from 'yaml'
import { type Problem, shown } from '../../diagnostics/diagnostics.ts'
import type { SourceText, Span } from '../../diagnostics/source-text.ts'

/** A place in the text, and what is wrong there. */
export interface SyntaxProblem {
  readonly span: Span
  readonly problem: Problem
  /** What comes behind it is read wrongly: further errors say nothing. */
  readonly isLast?: boolean
}

/** A line of the text, without its line break. */
interface Line {
  readonly start: number
  /** Where the line after it starts. */
  readonly next: number
  readonly text: string
  readonly indent: number
}

/**
 * Says what is meant by an error of the YAML library: it tells where its grammar ended, which is
 * often far from the mistake, and in the words of that grammar.
 *
 * @param error of `document`, whose positions are offsets into the text
 */
export function describeSyntaxError(
  error: YAMLError,
  document: Document.Parsed,
  { text }: SourceText,
): SyntaxProblem {
  const [start, end] = error.pos
  const line = lineAt(text, start)
  if (/^\s*\t/.test(line.text)) {
    return syntaxProblem(
      { start, end },
      'tabs are not allowed as indentation',
      'Indent with spaces.',
    )
  }
  const found =
    unclosedProblem(error, document, text) ??
    quotingProblem(error, line) ??
    indentProblem(error, line, text) ??
    keyProblem(error, line)
  if (found !== null) return found
  const message = error.message.replace(/ in YAML stream/, '').replace(/^./, lowerCase)
  return syntaxProblem({ start, end }, message, '')
}

function syntaxProblem(span: Span, message: string, hint: string): SyntaxProblem {
  return { span, problem: { code: 'syntax', message, hint } }
}

/** A quote or bracket that is never closed, at the place where it was opened. */
function unclosedProblem(
  error: YAMLError,
  document: Document.Parsed,
  text: string,
): SyntaxProblem | null {
  const isQuote = /^Missing closing ["']quote/.test(error.message)
  const isBracket = /must be sufficiently indented and end with/.test(error.message)
  if (!isQuote && !isBracket) return null
  const start = openingOf(document, error.pos[0], isQuote)
  if (start === null) return null
  const opened = text.charAt(start)
  const closed = ({ '[': ']', '{': '}' } as Record<string, string>)[opened] ?? opened
  const line = lineAt(text, start)
  const end = isQuote ? line.start + line.text.length : start + 1
  const hint = `Close it with ${closed}: ${shown(line.text.trim() + closed)}`
  return { ...syntaxProblem({ start, end }, `this ${opened} is never closed`, hint), isLast: true }
}

/** Where the last value in quotes, or in brackets, begins that reaches as far as an offset. */
function openingOf(document: Document.Parsed, offset: number, isQuoted: boolean): number | null {
  let start: number | null = null
  visit(document, {
    Node: (_, node) => {
      const [from, to = from] = node.range ?? [offset + 1]
      const isOfKind = isQuoted ? isQuotedScalar(node) : isCollection(node) && node.flow === true
      if (isOfKind && from <= offset && to >= offset) start = from
    },
  })
  return start
}

function isQuotedScalar(node: Node): boolean {
  return isScalar(node) && (node.type === 'QUOTE_DOUBLE' || node.type === 'QUOTE_SINGLE')
}

/** A value in which YAML finds punctuation of its own. */
function quotingProblem(error: YAMLError, line: Line): SyntaxProblem | null {
  const isIndent = error.code === 'BAD_INDENT' && !/flow/i.test(error.message)
  if (isIndent) return null
  const [, before = '', value = ''] = /^(\s*(?:- +)?(?:[\w.-]+:\s+)?)(.*)$/.exec(line.text) ?? []
  const start = line.start + before.length
  const span = { start, end: start + value.trimEnd().length }
  const quoted = `${before.trim()} ${inQuotes(value.trim())}`.trim()
  const hint = `Put quotes around the value: ${shown(quoted)}`
  const reference = /^[[{].*?(\$\{[^}]*\}?)/.exec(value)
  if (reference !== null) {
    const [upTo, written = ''] = reference
    const at = { start: start + upTo.length - written.length, end: start + upTo.length }
    const needs = `Put quotes around it: ${shown(inQuotes(written))}`
    return syntaxProblem(at, 'within [] and {} a reference needs quotes', needs)
  }
  if (/^\[[0-9a-f:.]*\]:/i.test(value)) {
    return syntaxProblem(span, 'an address with brackets is read as a list', hint)
  }
  if (/^["']/.test(value)) {
    if (error.code !== 'UNEXPECTED_TOKEN' && error.code !== 'MISSING_CHAR') return null
    return syntaxProblem(span, 'something stands behind the closing quote', hint)
  }
  if (/^[@`%&*!|>]/.test(value) || /^\{ /.test(value)) {
    return syntaxProblem(span, `a value that begins with ${value.charAt(0)} needs quotes`, hint)
  }
  const [, inner] = /^([\w.-]+):(?: |$)/.exec(value) ?? []
  if (inner !== undefined && before.includes(':')) {
    const way = `Write "${inner}:" on the next line, indented further.`
    return syntaxProblem(span, 'two keys stand on one line', way)
  }
  if (/:( |$)/.test(value)) {
    return syntaxProblem(span, 'a value with a colon before a blank needs quotes', hint)
  }
  return null
}

/** A line that begins elsewhere than its neighbours. */
function indentProblem(error: YAMLError, line: Line, text: string): SyntaxProblem | null {
  const isItem = error.message === 'Sequence item without - indicator'
  if (error.code !== 'BAD_INDENT' && !isItem) return null
  const start = line.start + line.indent
  const span = { start, end: line.start + line.text.trimEnd().length }
  const before = previousLine(text, line.start)
  if (before === null) return null
  const [, key, value] = /^\s*(?:- +)?([\w.-]+):\s+(\S.*)$/.exec(before.text) ?? []
  if (line.indent > before.indent && key !== undefined && value !== undefined) {
    const hint = `Indent it by ${before.indent}, as "${key}" is, or give "${key}" no value.`
    return syntaxProblem(span, `nothing can stand below "${key}", which has a value`, hint)
  }
  const open = openIndents(text, line.start)
  const nearest = open.reduce((best, indent) =>
    Math.abs(indent - line.indent) <= Math.abs(best - line.indent) ? indent : best,
  )
  if (nearest === line.indent) {
    if (!isItem && !/^\s*- /.test(before.text)) return null
    const problem = syntaxProblem(span, 'this stands among items of a list', 'Begin it with "- ".')
    return { ...problem, isLast: true }
  }
  return syntaxProblem(
    span,
    `this line is indented by ${line.indent}, what it stands among by ${alternativesOf(open)}`,
    `Indent it by ${nearest}.`,
  )
}

/** A key without its colon. */
function keyProblem(error: YAMLError, line: Line): SyntaxProblem | null {
  const isKey =
    error.message === 'Implicit map keys need to be followed by map values' ||
    error.code === 'MULTILINE_IMPLICIT_KEY'
  if (!isKey) return null
  const start = line.start + line.indent
  const word = line.text.trim()
  const span = { start, end: start + word.length }
  const [, key = word, value = ''] = /^([\w.-]+)\s+(\S.*)$/.exec(word) ?? []
  return syntaxProblem(span, 'a colon is missing here', `Write ${shown(`${key}: ${value}`.trim())}`)
}

/** The indentation of each level that is open before a line, the outermost first. */
function openIndents(text: string, before: number): number[] {
  const open: number[] = []
  for (let at = 0; at < before; ) {
    const line = lineAt(text, at)
    at = line.next
    if (/^\s*(#|$)/.test(line.text)) continue
    while ((open.at(-1) ?? -1) > line.indent) open.pop()
    if (open.at(-1) !== line.indent) open.push(line.indent)
  }
  return open
}

function alternativesOf(indents: readonly number[]): string {
  return indents.length === 1 ? String(indents[0]) : indents.slice(-2).join(' or ')
}

/** The line before an offset that says something; null where there is none. */
function previousLine(text: string, before: number): Line | null {
  for (let end = before - 1; end >= 0; ) {
    const line = lineAt(text, end)
    if (!/^\s*(#|$)/.test(line.text)) return line
    end = line.start - 1
  }
  return null
}

function lineAt(text: string, offset: number): Line {
  // A search backwards from before the text would look at its first character.
  const start = offset <= 0 ? 0 : text.lastIndexOf('\n', offset - 1) + 1
  const lineBreak = text.indexOf('\n', start)
  const end = lineBreak < 0 ? text.length : lineBreak
  const line = text.slice(start, end).replace(/\r$/, '')
  return { start, next: end + 1, text: line, indent: line.length - line.trimStart().length }
}

/** A text as a YAML scalar in quotes, those that it has least to do with. */
export function inQuotes(text: string): string {
  return text.includes("'") && !/["\\]/.test(text) ? `"${text}"` : `'${text.replaceAll("'", "''")}'`
}

function lowerCase(letter: string): string {
  return letter.toLowerCase()
}
