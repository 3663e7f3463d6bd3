import type { Span } from '../../diagnostics/source-text.ts'
import type { ScalarNode } from '../tree.ts'

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const CONTROL_CHARACTER = /[\x00-\x1f\x7f]/

/** How a value begins that may be more than a text. */
const TYPED_START = /^[-+.0-9~nNtTfF]/

const NUMBER = /^([-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|0o[0-7]+|0x[0-9a-fA-F]+)$/

/** Whether a value, once the environment is in it, has what none may have. */
export function hasControlCharacter(text: string): boolean {
  return CONTROL_CHARACTER.test(text)
}

/**
 * A value as a node of the tree.
 *
 * @param text what it says, once the environment is in it
 * @param isPlain it has no quotes that would make it a text: its type is what it looks like
 * @param source the config
 */
export function scalarNode(text: string, isPlain: boolean, source: string, span: Span): ScalarNode {
  const textStart = source.startsWith(text, span.start)
    ? span.start
    : source.startsWith(text, span.start + 1)
      ? span.start + 1
      : null
  return { kind: 'scalar', span, value: isPlain ? resolvePlain(text) : text, textStart }
}

/** What a key has that is followed by nothing: it stands where the key does. */
export function emptyNode(keySpan: Span): ScalarNode {
  return { kind: 'scalar', span: keySpan, value: null, textStart: null }
}

/**
 * The types of YAML's core schema (YAML 1.2 section 10.3.2): null, booleans and finite numbers;
 * everything else is text.
 */
function resolvePlain(text: string): ScalarNode['value'] {
  if (text === '') return null
  if (!TYPED_START.test(text)) return text
  if (/^(~|null|Null|NULL)$/.test(text)) return null
  if (/^(true|True|TRUE)$/.test(text)) return true
  if (/^(false|False|FALSE)$/.test(text)) return false
  return NUMBER.test(text) ? Number(text) : text
}
