import { nearestName } from '../model/spelling.ts'
import { parseExpression } from './expressions.ts'
import type { Phase } from './phases.ts'
import { offsetIn, type Word, type Words } from './words.ts'

/** A text with samples put in. */
export interface Format<F> {
  /** The whole text where no sample is in it, else null. */
  readonly literal: string | null
  /** The text for a message. A sample that the message does not have is ''. */
  readonly render: (facts: F) => string
}

/** What a place in a format gives: text, or a sample expression to be read. */
type Part = { readonly kind: 'text'; readonly text: string } | SamplePart

interface SamplePart {
  readonly kind: 'sample'
  /** The expression, as a word of its own. */
  readonly expression: Word
}

/**
 * The variables that stand for a sample expression. HAProxy configuration manual, section 8.2.6;
 * those of the log that are not known before the end are not among them.
 */
const VARIABLES: ReadonlyMap<string, string> = new Map([
  ['ci', 'src'],
  ['cp', 'src_port'],
  ['fi', 'dst'],
  ['fp', 'dst_port'],
  ['f', 'fe_name'],
  ['HM', 'method'],
  ['HPO', 'path'],
  ['HU', 'url'],
  ['ST', 'status'],
])

/**
 * Reads a log-format string: `%[expression]` inserts a sample, `%ci` a variable, `%%` is a percent
 * sign. HAProxy configuration manual, section 8.2.6.
 *
 * @returns null where it is wrong, with the problem in `words`
 */
export function parseFormat<F>(word: Word, phase: Phase<F>, words: Words): Format<F> | null {
  const parts = splitFormat(word, words)
  if (parts === null) return null
  const renderers: ((facts: F) => string)[] = []
  let literal: string | null = ''
  for (const part of parts) {
    if (part.kind === 'text') {
      const { text } = part
      if (literal !== null) literal += text
      renderers.push(() => text)
      continue
    }
    literal = null
    const expression = parseExpression(part.expression, 0, phase, false, words)
    if (expression === null) return null
    const { value } = expression.sample
    renderers.push((facts) => String(value(facts) ?? ''))
  }
  if (literal !== null) {
    const text = literal
    return { literal, render: () => text }
  }
  const [only] = renderers
  if (only !== undefined && renderers.length === 1) return { literal, render: only }
  return {
    literal,
    render: (facts) => {
      let text = ''
      for (const render of renderers) text += render(facts)
      return text
    },
  }
}

function splitFormat(word: Word, words: Words): Part[] | null {
  const { text } = word
  const parts: Part[] = []
  let at = 0
  while (at < text.length) {
    const percent = text.indexOf('%', at)
    const end = percent < 0 ? text.length : percent
    if (end > at) parts.push({ kind: 'text', text: text.slice(at, end) })
    if (percent < 0) break
    const next = text[percent + 1]
    if (next === '%') {
      parts.push({ kind: 'text', text: '%' })
      at = percent + 2
      continue
    }
    const read =
      next === '[' ? readExpression(word, percent, words) : readVariable(word, percent, words)
    if (read === null) return null
    parts.push({ kind: 'sample', expression: read.expression })
    at = read.end
  }
  return parts
}

interface Read {
  readonly expression: Word
  readonly end: number
}

/** `%[expression]`; a bracket in parentheses does not end it. */
function readExpression(word: Word, percent: number, words: Words): Read | null {
  const start = percent + 2
  let depth = 0
  for (let at = start; at < word.text.length; at++) {
    const character = word.text[at]
    if (character === '(') depth++
    else if (character === ')') depth = Math.max(0, depth - 1)
    else if (character === ']' && depth === 0) {
      return { expression: sliceOf(word, start, at), end: at + 1 }
    }
  }
  return words.refuse(offsetIn(word, percent), 'this %[ is not closed', 'Write a ] behind it.')
}

/** `%ci`: as many letters as follow. */
function readVariable(word: Word, percent: number, words: Words): Read | null {
  const name = /^[A-Za-z]*/.exec(word.text.slice(percent + 1))?.[0] ?? ''
  const expression = VARIABLES.get(name)
  const place = offsetIn(word, percent)
  if (expression !== undefined) {
    const offsets = new Array<number>(expression.length + 1).fill(place)
    return {
      expression: { text: expression, start: place, offsets },
      end: percent + 1 + name.length,
    }
  }
  if (word.text[percent + 1] === '{') {
    return words.refuse(place, 'flags such as %{+Q} are not supported', 'Write the sample alone.')
  }
  if (name === '')
    return words.refuse(place, 'nothing follows this %', 'For a percent sign write %%.')
  const near = nearestName(name, VARIABLES.keys())
  const known = [...VARIABLES.keys()].map((variable) => `%${variable}`).join(', ')
  return words.refuse(
    place,
    `unknown variable %${name}`,
    near === null ? `Known: ${known}; for a percent sign write %%.` : `Did you mean %${near}?`,
  )
}

function sliceOf(word: Word, start: number, end: number): Word {
  const offsets = word.offsets.slice(start, end + 1)
  return { text: word.text.slice(start, end), start: offsetIn(word, start), offsets }
}
