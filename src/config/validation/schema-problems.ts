import type * as z from 'zod'
import { alternatives, nearestName } from '../../base/spelling.ts'
import { type Path, type Problem, type Report, shorten, shown } from '../diagnostics/diagnostics.ts'
import type { SourceText } from '../diagnostics/source-text.ts'
import { sectionAt, sectionsWith } from '../schema/sections.ts'
import {
  UNSUPPORTED_ENGINES,
  UNSUPPORTED_MODES,
  UNSUPPORTED_RETRY_CAUSES,
  UNSUPPORTED_TLS_VERSIONS,
} from '../schema/unsupported-keys.ts'
import type { ValueIssue } from '../schema/value-schemas.ts'
import type { Cursor, MapNode, TreeNode } from '../text/tree.ts'
import { inQuotes } from '../text/yaml/syntax-problems.ts'

type Issue = z.core.$ZodIssue

/** Characters of a user's text that a message repeats. */
const QUOTED_CHARACTERS_MAX = 40

/** What zod calls a type, as users would. */
const TYPE_TITLES: Readonly<Record<string, string>> = {
  array: 'a list',
  boolean: 'true or false',
  int: 'a whole number',
  number: 'a whole number',
  object: 'a map',
  record: 'a map',
  string: 'a text',
}

/** Values of a key that HAProxy has and this version does not. */
const UNSUPPORTED_VALUES = new Map([
  ['ssl-min-ver', UNSUPPORTED_TLS_VERSIONS],
  ['ssl-max-ver', UNSUPPORTED_TLS_VERSIONS],
  ['mode', UNSUPPORTED_MODES],
  ['engine', UNSUPPORTED_ENGINES],
  ['retry-on', UNSUPPORTED_RETRY_CAUSES],
])

/** Reports what the schema refuses, at the places of the tree that the issues' paths lead to. */
export class SchemaProblems {
  readonly #schema: z.ZodType
  readonly #source: SourceText
  readonly #tree: Cursor
  readonly #report: Report

  constructor(schema: z.ZodType, source: SourceText, tree: Cursor, report: Report) {
    this.#schema = schema
    this.#source = source
    this.#tree = tree
    this.#report = report
  }

  /** Reports issues that lie under a path. */
  add(issues: readonly Issue[], under: Path = []): void {
    for (const issue of issues) this.#addIssue(issue, [...under, ...(issue.path as Path)])
  }

  #addIssue(issue: Issue, path: Path): void {
    const at = this.#tree.follow(path)
    if (at.node === null) this.#addMissing(at)
    else if (issue.code === 'unrecognized_keys') this.#addUnknownKeys(issue.keys, at)
    else if (issue.code === 'invalid_union') this.#addUnion(issue, at)
    else if (isTypeIssue(issue)) this.#addWrongType(issue, at)
    else {
      const span = issue.code === 'invalid_key' ? at.keySpan : at.span
      this.#report.error(span, path, describeIssue(issue, at))
    }
  }

  /** Passes over a key that is there, but misspelt: that is reported where it stands. */
  #addMissing(at: Cursor): void {
    const sectionPath = at.path.slice(0, -1)
    const { title = '', keys = [] } = sectionAt(this.#schema, sectionPath) ?? {}
    const isMisspelt = ({ name }: Cursor): boolean =>
      !keys.includes(name) && nearestName(name, keys) === at.name
    if (this.#tree.follow(sectionPath).values().some(isMisspelt)) return
    const message = `"${at.name}" is missing in ${title}`
    this.#report.error(at.keySpan, at.path, { code: 'missing-key', message, hint: '' })
  }

  /** Of the members of a union, the one whose type the value has tells what is wrong with it. */
  #addUnion(issue: Issue & { code: 'invalid_union' }, at: Cursor): void {
    // A list or a map is no attempt at a choice: the member that takes one knows better.
    const isOther = at.node?.kind === 'scalar' ? isOfWrongType : isChoiceOrWrongType
    const fitting = issue.errors.find((errors) => !errors.some(isOther))
    if (fitting === undefined) this.#addWrongType(issue, at)
    else this.add(fitting, at.path)
  }

  #addWrongType(issue: Issue, at: Cursor): void {
    const issues = typeIssuesOf(issue)
    const expected = issues.map(expectedTitle)
    const hint = issues.map((inner) => valueIssueOf(inner)?.hint ?? '').find((text) => text !== '')
    const { keys = [] } = sectionAt(this.#schema, at.path) ?? {}
    const written = this.#source.text.slice(at.span.start, at.span.end).trimEnd()
    this.#report.error(at.span, at.path, {
      code: 'wrong-type',
      message: `expected ${alternatives([...new Set(expected)])}, found ${describeNode(at)}`,
      hint: hint ?? wrongTypeHint({ at, expected, keys, written }),
    })
  }

  #addUnknownKeys(keys: readonly string[], section: Cursor): void {
    const facts = sectionAt(this.#schema, section.path)
    for (const key of keys) {
      const at = section.at(key)
      const name = shorten(key, QUOTED_CHARACTERS_MAX)
      const alternative = facts?.unsupported[key]
      if (alternative !== undefined) {
        const message = `"${name}" is not available in this version`
        this.#report.error(at.keySpan, at.path, { code: 'unsupported', message, hint: alternative })
      } else {
        const message = `unknown key "${name}" in ${facts?.title}`
        const hint = this.#unknownKeyHint(facts?.keys ?? [], key)
        this.#report.error(at.keySpan, at.path, { code: 'unknown-key', message, hint })
      }
    }
  }

  #unknownKeyHint(known: readonly string[], key: string): string {
    const [, first = '', second] = /^(\S+?)[ .]([\w.-]+)$/.exec(key) ?? []
    const outer = second === undefined ? null : nearestName(first, known)
    if (outer !== null) return `Write it as a map: ${outer}: {${second}: ...}.`
    const near = nearestName(key, known)
    if (near !== null) return `Did you mean "${near}"?`
    const elsewhere = sectionsWith(this.#schema, key)
    if (elsewhere.length > 0) return `It belongs in ${alternatives(elsewhere)}.`
    return `Known here: ${known.join(', ')}.`
  }
}

/** True where the value itself, and not a part of it, is of a type that is not expected. */
function isOfWrongType(issue: Issue): boolean {
  if (issue.path.length > 0) return false
  if (issue.code === 'invalid_union') return issue.errors.every((e) => e.some(isOfWrongType))
  return isTypeIssue(issue)
}

function isChoiceOrWrongType(issue: Issue): boolean {
  return isOfWrongType(issue) || (issue.code === 'invalid_value' && issue.path.length === 0)
}

function isTypeIssue(issue: Issue): boolean {
  return issue.code === 'invalid_type' || valueIssueOf(issue)?.expected !== undefined
}

/** What {@link valueSchema} raised, if the issue is its. */
function valueIssueOf(issue: Issue): ValueIssue | undefined {
  return issue.code === 'custom' ? (issue.params as ValueIssue | undefined) : undefined
}

/** The issue, or those of the members of a union, that say what type was expected. */
function typeIssuesOf(issue: Issue): Issue[] {
  if (issue.code !== 'invalid_union') return [issue]
  return issue.errors.flat().filter(isChoiceOrWrongType).flatMap(typeIssuesOf)
}

function expectedTitle(issue: Issue): string {
  if (issue.code === 'invalid_value') return 'one value'
  if (issue.code === 'invalid_type') return TYPE_TITLES[issue.expected] ?? issue.expected
  return valueIssueOf(issue)?.expected ?? 'another value'
}

function describeNode({ node }: Cursor): string {
  if (node?.kind === 'map') return 'a map'
  if (node?.kind === 'list') return 'a list'
  if (node === null || node.value === null) return 'nothing'
  if (typeof node.value === 'string')
    return `the text "${shorten(node.value, QUOTED_CHARACTERS_MAX)}"`
  return String(node.value)
}

function describeIssue(issue: Issue, at: Cursor): Problem {
  if (issue.code === 'invalid_key') {
    const [inner = issue] = issue.issues
    return valueIssueOf(inner) ?? { code: 'invalid-name', message: inner.message, hint: '' }
  }
  if (issue.code === 'invalid_value') return describeChoice(issue.values.map(String), at)
  if (issue.code === 'too_small' || issue.code === 'too_big') {
    if (issue.origin === 'array') return { message: 'this must not be empty', hint: '' }
    const bound =
      issue.code === 'too_small' ? `at least ${issue.minimum}` : `at most ${issue.maximum}`
    return { code: 'out-of-range', message: `must be ${bound}`, hint: '' }
  }
  return valueIssueOf(issue) ?? { message: issue.message, hint: '' }
}

function describeChoice(choices: readonly string[], at: Cursor): Problem {
  const value = at.text ?? ''
  const key = String(at.path.findLast((step) => typeof step === 'string'))
  const alternative = UNSUPPORTED_VALUES.get(key)?.[value]
  if (alternative !== undefined) {
    const message = `${key} "${value}" is not available in this version`
    return { code: 'unsupported', message, hint: alternative }
  }
  return { message: `expected ${alternatives(choices)}`, hint: choiceHint(choices, value) }
}

function choiceHint(choices: readonly string[], value: string): string {
  // A text that is one of the choices and was refused all the same is a number in quotes.
  if (choices.includes(value)) return `Write ${value} without quotes.`
  const near = nearestName(value, choices)
  return near === null ? '' : `Did you mean "${near}"?`
}

/** What is known of a place whose value has the wrong type. */
interface WrongType {
  readonly at: Cursor
  /** What the schema takes there, in words: `a map`, `true or false` ... */
  readonly expected: readonly string[]
  /** Keys of the section that belongs there; empty where none does. */
  readonly keys: readonly string[]
  /** The value as the source has it. */
  readonly written: string
}

/** How a value of the wrong type would be right; '' where nobody can say. */
function wrongTypeHint(wrong: WrongType): string {
  const { node } = wrong.at
  switch (node?.kind) {
    case 'list':
      return wrong.expected.includes('a map') ? listAsMapHint(wrong, node.items) : ''
    case 'map':
      return mapAsTextHint(wrong, node)
    case 'scalar':
      return scalarHint(wrong, node.value)
    case undefined:
      return ''
    default:
      return node satisfies never
  }
}

/** A list whose items have names: what stands in front of each is no dash but its name. */
function listAsMapHint({ at, keys }: WrongType, items: readonly TreeNode[]): string {
  const [first] = items
  const [known] = keys
  const key = at.name === '' ? 'the config' : at.name
  const example = first === undefined ? null : namedEntry(first, keys)
  if (example !== null) return `Write a map, names in place of the dashes: ${shown(example)}`
  return `Write a map: ${key}: {${known ?? 'NAME'}: ...}.`
}

/** The first item of a list as the entry of a map; null where it has nothing to be named by. */
function namedEntry(item: TreeNode, keys: readonly string[]): string | null {
  if (item.kind === 'map') {
    const name = item.entries.get('name')?.value
    const [[key, { value }] = ['', { value: item }]] = item.entries
    if (name?.kind === 'scalar') return `${String(name.value)}: {...}`
    return item.entries.size === 1 && value.kind === 'scalar'
      ? `${key}: ${scalar(value.value)}`
      : null
  }
  if (item.kind !== 'scalar') return null
  const text = String(item.value)
  const [, name, rest] = /^([\w.-]+)\s+(\S.*)$/.exec(text) ?? []
  if (name !== undefined && rest !== undefined) return `${name}: ${scalar(rest)}`
  return keys.includes(text) ? `${text}: true` : `NAME: ${scalar(text)}`
}

/** A text in which YAML has found a colon or a brace of its own. */
function mapAsTextHint({ expected, written }: WrongType, node: MapNode): string {
  if (!expected.includes('a text') || written.includes('\n')) return ''
  const inner = /^\{ (.*) \}$/.exec(written)?.[1]
  const isExpression = [...node.entries.values()].every(({ value }) => isNothing(value))
  if (inner !== undefined && isExpression) return `Write it without the braces: ${shown(inner)}`
  return `Put quotes around it: ${shown(inQuotes(written))}`
}

function isNothing(node: TreeNode): boolean {
  return node.kind === 'scalar' && node.value === null
}

function scalarHint(
  { at, expected, keys }: WrongType,
  value: string | number | boolean | null,
): string {
  if (value === null) return 'Give it a value, or delete the key.'
  if (expected.includes('true or false') && typeof value === 'string') {
    if (/^(yes|on|true|enabled)$/i.test(value)) return 'Write true.'
    if (/^(no|off|false|disabled)$/i.test(value)) return 'Write false.'
  }
  if (expected.includes('a whole number') && typeof value === 'string' && /^\d+$/.test(value)) {
    return `Write ${shown(value)} without quotes.`
  }
  if (typeof value !== 'string' && expected.includes('a text')) {
    return `Write "${value}", with the quotes.`
  }
  if (typeof value === 'string' && expected.includes('a list')) {
    return 'Write a list: every item on a line of its own, after "- ".'
  }
  if (!expected.includes('a map') || at.name === '') return ''
  const [first = 'NAME'] = keys
  return `Write a map: ${at.name}: {${first}: ...}.`
}

/** A value in a line that begins with a key: quotes are put where YAML needs them. */
function scalar(value: string | number | boolean | null): string {
  const text = String(value)
  return /: |:$| #|^[[\]{}"'@`%&*!|>,-]/.test(text) ? inQuotes(text) : text
}
