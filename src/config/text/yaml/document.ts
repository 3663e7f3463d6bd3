import type { CST } from 'yaml'
import { Composer, type Document, isScalar, Lexer, Parser } from 'yaml'
import type { Report } from '../../diagnostics/diagnostics.ts'
import type { SourceText } from '../../diagnostics/source-text.ts'
import type { AllowedVariables, Environment } from '../environment.ts'
import type { TreeNode } from '../tree.ts'
import { recognizeForeignFormat } from './foreign-formats.ts'
import { NodeReader } from './node-reader.ts'
import { readPlainDocument } from './plain-reader.ts'
import { describeSyntaxError } from './syntax-problems.ts'

/** UTF-16 units that a config may have: 10,000 servers take an eighth of them. */
const TEXT_LENGTH_MAX = 4 * 1024 * 1024

/** Words and blanks that a config may have: 10,000 servers take about 200,000. */
const LEXEMES_MAX = 1_000_000

/**
 * Values within values that the YAML parser has open at once. The schema needs 10. It keeps the
 * recursion of the library and of our own code shallow.
 */
const DEPTH_MAX = 64

/** What YAML 1.2 section 5.1 does not allow in a file, less what editors leave behind. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const CONTROL_CHARACTER = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/

/**
 * Reads the text of a config into a tree with positions. What is wrong is reported.
 *
 * @returns null where there is no tree to go on with
 */
export function readDocument(
  source: SourceText,
  environment: Environment,
  report: Report,
  allowed: AllowedVariables = null,
): TreeNode | null {
  const { text } = source
  if (text.length > TEXT_LENGTH_MAX) {
    const problem = `the config is longer than ${TEXT_LENGTH_MAX} characters`
    report.error({ start: 0, end: 1 }, [], { code: 'too-large', message: problem, hint: '' })
    return null
  }
  const control = text.search(CONTROL_CHARACTER)
  if (control >= 0) {
    report.error({ start: control, end: control + 1 }, [], {
      code: 'syntax',
      message: 'control characters are not allowed',
      hint: 'Delete it.',
    })
    return null
  }
  const plain = readPlainDocument(text, environment, allowed)
  if (plain !== null) return plain
  return readAnyDocument(source, environment, report, allowed)
}

/** Reads with the library whatever may be YAML: it is slower, and knows what is wrong. */
export function readAnyDocument(
  source: SourceText,
  environment: Environment,
  report: Report,
  allowed: AllowedVariables = null,
): TreeNode | null {
  const { text } = source
  const tokens = parseTokens(text, report)
  if (tokens === null) return null
  const composer = new Composer({
    schema: 'failsafe',
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: 'silent',
  })
  const documents = [...composer.compose(tokens, true, text.length)]
  if (!validateFormat(documents[0], source, report)) return null
  if (!validateSyntax(documents, source, report)) return null
  const contents = documents[0]?.contents ?? null
  if (contents !== null && contents.range[1] > contents.range[0]) {
    return new NodeReader(text, environment, report, allowed).read(contents)
  }
  report.error({ start: 0, end: 1 }, [], {
    code: 'missing-key',
    message: 'the config is empty',
    hint: 'It needs at least the section "frontends".',
  })
  return null
}

/** The concrete syntax, or null where it nests too deep or has directives. */
function parseTokens(text: string, report: Report): CST.Token[] | null {
  const tokens: CST.Token[] = []
  const parser = new Parser()
  let lexemes = 0
  for (const lexeme of new Lexer().lex(text)) {
    tokens.push(...parser.next(lexeme))
    const isTooDeep = parser.stack.length > DEPTH_MAX
    if (!isTooDeep && ++lexemes <= LEXEMES_MAX) continue
    const message = isTooDeep ? 'values are nested too deep' : 'the config has too many words'
    const span = { start: parser.offset - lexeme.length, end: parser.offset }
    report.error(span, [], { code: 'too-large', message, hint: '' })
    return null
  }
  tokens.push(...parser.end())
  const directive = tokens.find((token) => token.type === 'directive')
  if (directive === undefined) return tokens
  const end = directive.offset + directive.source.length
  report.error({ start: directive.offset, end }, [], {
    code: 'unsupported-yaml',
    message: 'YAML directives are not used here',
    hint: 'Delete the line.',
  })
  return null
}

function validateSyntax(
  documents: readonly Document.Parsed[],
  source: SourceText,
  report: Report,
): boolean {
  const [, second] = documents
  if (second !== undefined) {
    report.error({ start: second.range[0], end: second.range[0] + 1 }, [], {
      code: 'unsupported-yaml',
      message: 'a config is one YAML document',
      hint: 'Delete the line --- that starts another one.',
    })
  }
  for (const document of documents) {
    // Once YAML has lost its place, it complains of every further word.
    const known = document.errors.filter(
      ({ message }, i) => i === 0 || !/ in YAML stream/.test(message),
    )
    for (const error of known) {
      const { span, problem, isLast } = describeSyntaxError(error, document, source)
      report.error(span, [], problem)
      if (isLast) break
    }
  }
  return !report.failed
}

/** Says of what cannot be a config what it is instead, where that is known. */
function validateFormat(
  document: Document.Parsed | undefined,
  source: SourceText,
  report: Report,
): boolean {
  if (document !== undefined && document.errors.length === 0 && !isScalar(document.contents))
    return true
  const foreign = recognizeForeignFormat(source)
  if (foreign !== null) report.error(foreign.span, [], foreign.problem)
  return foreign === null
}
