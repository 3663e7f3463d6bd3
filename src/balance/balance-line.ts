import type { TextProblem } from '../model/language.ts'

/** A part of a `balance` line and where it begins. */
export interface Part {
  readonly text: string
  /** Characters of the line before it. */
  readonly offset: number
}

/** A `balance` line in its parts: `hdr(host) use_domain_only`. */
export interface BalanceLine {
  readonly name: Part
  /** What the parentheses behind the name hold; null without them. */
  readonly argument: Part | null
  /** All that follows, as it is written. */
  readonly rest: Part
  /** Its words. */
  readonly words: readonly Part[]
}

/** Splits a line, which need not name anything that exists. */
export function splitBalanceLine(text: string): BalanceLine | TextProblem {
  const [before, blanks, word] = /^(\s*)([^\s(]*)/.exec(text) as unknown as [string, string, string]
  const name = { text: word, offset: blanks.length }
  const open = before.length
  if (text[open] !== '(') return { name, argument: null, ...restOf(text, open) }
  const close = text.indexOf(')', open)
  if (close < 0) {
    const message = `the parenthesis after "${word}" is not closed`
    return { offset: open, message, hint: 'Add ")".' }
  }
  const argument = { text: text.slice(open + 1, close), offset: open + 1 }
  return { name, argument, ...restOf(text, close + 1) }
}

function restOf(text: string, from: number): Pick<BalanceLine, 'rest' | 'words'> {
  const words: Part[] = []
  for (const match of text.slice(from).matchAll(/\S+/g)) {
    words.push({ text: match[0], offset: from + match.index })
  }
  const offset = words[0]?.offset ?? text.length
  return { words, rest: { text: text.slice(offset).trimEnd(), offset } }
}
