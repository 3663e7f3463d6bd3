import { SluiceError } from '../../base/errors.ts'
import type { TextProblem } from '../../model/language.ts'

/** A word of a rule with its quotes and escapes resolved, as latin1: one character a byte. */
export interface Word {
  readonly text: string
  /** Where it begins in the rule, with its quotes. */
  readonly start: number
  /** Per character of `text`, where it stands in the rule; then where the word ends. */
  readonly offsets: readonly number[]
}

const ESCAPED: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' }
const LITERAL_ESCAPES = ' \t\\#\'"$'

/**
 * The words of a rule, read one after the other, and the first problem found in them. Readers
 * return null where they refuse; the problem is then here.
 *
 * HAProxy configuration manual, section 2.2: white space separates; a backslash, weak quotes (")
 * and strong quotes (') protect.
 */
export class Words {
  /** The first problem that was told, or null. */
  problem: TextProblem | null = null
  readonly #words: readonly Word[]
  readonly #end: number
  #at = 0

  constructor(text: string) {
    this.#end = text.length
    this.#words = splitWords(text, (offset) => {
      this.refuse(offset, 'this quote is not closed', 'Close it, or put a backslash before it.')
    })
  }

  /** The next word without taking it, or null at the end. */
  peek(): Word | null {
    return this.#words[this.#at] ?? null
  }

  /** Takes the next word, or null at the end. */
  next(): Word | null {
    return this.#words[this.#at++] ?? null
  }

  /** Takes the next word where it is one of these. */
  nextIf(...texts: readonly string[]): Word | null {
    const word = this.peek()
    if (word === null || !texts.includes(word.text)) return null
    this.#at++
    return word
  }

  /** Takes the next word; there must be one. `what` names it in the message. */
  expect(what: string, hint = ''): Word | null {
    return this.next() ?? this.refuse(this.#end, `${what} is missing`, hint)
  }

  /**
   * Notes a problem unless there is one already.
   *
   * @param place the word, or a place in the rule
   * @returns null, for the caller to return
   */
  refuse(place: Word | number, message: string, hint = ''): null {
    const offset = typeof place === 'number' ? place : place.start
    this.problem ??= { offset, message, hint }
    return null
  }
}

/**
 * What was read of a text that its check has let pass.
 *
 * @param what the text is: `rule`, `expression`, `answer`
 * @throws SluiceError `config-invalid` with the first problem where the text is wrong after all
 */
export function readOrThrow<T>(what: string, text: string, words: Words, read: T | null): T {
  if (read !== null && words.problem === null) return read
  throw invalidText(what, text, words.problem)
}

/** The error for a text that its check should have refused. @param what as {@link readOrThrow} */
export function invalidText(what: string, text: string, problem: TextProblem | null): SluiceError {
  const why = problem?.message ?? ''
  return new SluiceError('config-invalid', `in the ${what} "${text}": ${why}`)
}

/** Where character `index` of a word stands in the rule; past the last, where the word ends. */
export function offsetIn(word: Word, index: number): number {
  return word.offsets[Math.min(index, word.text.length)] as number
}

function splitWords(text: string, onOpenQuote: (offset: number) => void): Word[] {
  const words: Word[] = []
  let at = 0
  while (at < text.length) {
    if (isBlank(text[at])) {
      at++
      continue
    }
    const word = { text: '', start: at, offsets: [] as number[] }
    at = readWord(text, at, word, onOpenQuote)
    word.offsets.push(at)
    words.push(word)
  }
  return words
}

/** @returns where the word ends */
function readWord(
  text: string,
  start: number,
  word: { text: string; offsets: number[] },
  onOpenQuote: (offset: number) => void,
): number {
  let quote = ''
  let quoteAt = 0
  let at = start
  while (at < text.length && (quote !== '' || !isBlank(text[at]))) {
    const character = text[at] as string
    if (character === quote) {
      quote = ''
      at++
    } else if (quote === '' && (character === '"' || character === "'")) {
      quote = character
      quoteAt = at++
    } else {
      const escaped = character === '\\' && quote !== "'" ? readEscape(text, at) : null
      const code = text.codePointAt(at) as number
      const { meant, length } = escaped ?? { meant: utf8(code), length: code > 0xffff ? 2 : 1 }
      for (const byte of meant) {
        word.text += byte
        word.offsets.push(at)
      }
      at += length
    }
  }
  if (quote !== '') onOpenQuote(quoteAt)
  return at
}

/** What a backslash and what follows stand for; null where the backslash stands for itself. */
function readEscape(text: string, at: number): { meant: string; length: number } | null {
  const next = text[at + 1] ?? ''
  if (next !== '' && LITERAL_ESCAPES.includes(next)) return { meant: next, length: 2 }
  const control = ESCAPED[next]
  if (control !== undefined) return { meant: control, length: 2 }
  const hex = /^x([0-9a-fA-F]{2})/.exec(text.slice(at + 1, at + 4))?.[1]
  return hex === undefined
    ? null
    : { meant: String.fromCharCode(Number.parseInt(hex, 16)), length: 4 }
}

function isBlank(character: string | undefined): boolean {
  return character === ' ' || character === '\t' || character === '\n' || character === '\r'
}

/** The bytes that a character has on the wire, as latin1. */
function utf8(code: number): string {
  const tail = (shift: number): number => 0x80 | ((code >> shift) & 0x3f)
  if (code < 0x80) return String.fromCharCode(code)
  if (code < 0x800) return String.fromCharCode(0xc0 | (code >> 6), tail(0))
  if (code < 0x10000) return String.fromCharCode(0xe0 | (code >> 12), tail(6), tail(0))
  return String.fromCharCode(0xf0 | (code >> 18), tail(12), tail(6), tail(0))
}
