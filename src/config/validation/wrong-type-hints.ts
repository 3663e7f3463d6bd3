import { shorten } from '../diagnostics/diagnostics.ts'
import type { Cursor, MapNode, TreeNode } from '../text/tree.ts'
import { inQuotes } from '../text/yaml/syntax-problems.ts'

/** Characters of a user's text that a hint repeats. */
const SHOWN_CHARACTERS_MAX = 80

/** What is known of a place whose value has the wrong type. */
export interface WrongType {
  readonly at: Cursor
  /** What the schema takes there, in words: `a map`, `true or false` ... */
  readonly expected: readonly string[]
  /** Keys of the section that belongs there; empty where none does. */
  readonly keys: readonly string[]
  /** The value as the source has it. */
  readonly written: string
}

/** How a value of the wrong type would be right; '' where nobody can say. */
export function wrongTypeHint(wrong: WrongType): string {
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

function shown(text: string): string {
  return shorten(text, SHOWN_CHARACTERS_MAX)
}
