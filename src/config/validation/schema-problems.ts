import type * as z from 'zod'
import { alternatives, nearestName } from '../../base/spelling.ts'
import { type Path, type Problem, type Report, shorten } from '../diagnostics/diagnostics.ts'
import type { SourceText } from '../diagnostics/source-text.ts'
import { sectionAt, sectionsWith } from '../schema/sections.ts'
import {
  UNSUPPORTED_ENGINES,
  UNSUPPORTED_MODES,
  UNSUPPORTED_RETRY_CAUSES,
} from '../schema/unsupported-keys.ts'
import type { ValueIssue } from '../schema/value-schemas.ts'
import type { Cursor } from '../text/tree.ts'
import { wrongTypeHint } from './wrong-type-hints.ts'

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
