import { offsetIn, type Word, type Words } from './words.ts'

/** A keyword with its arguments, part of a word: `hdr(host,1)`. */
export interface Call {
  readonly name: string
  readonly arguments: readonly Argument[]
  /** Index in the word of the first character of the name. */
  readonly start: number
  /** Index in the word behind the call. */
  readonly end: number
}

/** One argument of a call, with quotes and escapes resolved. */
export interface Argument {
  readonly text: string
  readonly start: number
}

/** What a parameter takes. */
export interface Parameter {
  readonly name: string
  readonly kind: 'text' | 'integer'
  readonly required: boolean
}

const NAME = /[A-Za-z0-9_.-]*/y
const ARGUMENT_ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' }
const ARGUMENT_LITERALS = ' \\\'"'

/**
 * Reads a keyword and what it has in parentheses. Commas separate arguments; quotes and backslashes
 * protect, a second time after those of the rule itself (HAProxy configuration manual, section 2.2).
 *
 * @returns null where it is malformed, with the problem in `words`
 */
export function parseCall(word: Word, start: number, words: Words): Call | null {
  NAME.lastIndex = start
  const name = NAME.exec(word.text)?.[0] ?? ''
  const open = start + name.length
  if (word.text[open] !== '(') return { name, arguments: [], start, end: open }
  const list: Argument[] = []
  let at = open
  do {
    const argument = { text: '', start: at + 1 }
    at = readArgument(word.text, at + 1, argument)
    list.push(argument)
  } while (word.text[at] === ',')
  if (word.text[at] !== ')') {
    return words.refuse(offsetIn(word, open), `the parenthesis after "${name}" is not closed`)
  }
  const isEmpty = list.length === 1 && at === open + 1
  return { name, arguments: isEmpty ? [] : list, start, end: at + 1 }
}

/**
 * Holds the arguments of a call against what the keyword takes.
 *
 * @returns false where they do not fit, with the problem in `words`
 */
export function validateArguments(
  call: Call,
  parameters: readonly Parameter[],
  word: Word,
  words: Words,
): boolean {
  const extra = call.arguments[parameters.length]
  if (extra !== undefined) {
    const most = parameters.length === 0 ? 'no argument' : `at most ${parameters.length}`
    words.refuse(
      offsetIn(word, extra.start),
      `"${call.name}" takes ${most}`,
      usage(call, parameters),
    )
    return false
  }
  for (const [n, { name, kind, required }] of parameters.entries()) {
    const argument = call.arguments[n]
    if (argument === undefined || argument.text === '') {
      if (!required) continue
      const place = offsetIn(word, argument?.start ?? call.end)
      words.refuse(place, `"${call.name}" needs ${name}`, usage(call, parameters))
      return false
    }
    if (kind === 'integer' && !/^-?\d{1,9}$/.test(argument.text)) {
      words.refuse(
        offsetIn(word, argument.start),
        `"${argument.text}" is not a whole number`,
        usage(call, parameters),
      )
      return false
    }
  }
  return true
}

function usage({ name }: Call, parameters: readonly Parameter[]): string {
  if (parameters.length === 0) return `Write ${name}.`
  const list = parameters.map((parameter) =>
    parameter.required ? parameter.name : `[${parameter.name}]`,
  )
  return `Write ${name}(${list.join(',')}).`
}

/** @returns where the argument ends: at a comma, the closing parenthesis or the end of the text */
function readArgument(text: string, start: number, argument: { text: string }): number {
  let quote = ''
  let at = start
  for (; at < text.length; at++) {
    const character = text[at] as string
    const next = text[at + 1] ?? ''
    if (character === quote) {
      quote = ''
    } else if (quote === '' && (character === '"' || character === "'")) {
      quote = character
    } else if (quote === '' && (character === ',' || character === ')')) {
      return at
    } else if (character === '\\' && quote !== "'" && next !== '') {
      const meant = ARGUMENT_LITERALS.includes(next) ? next : ARGUMENT_ESCAPES[next]
      argument.text += meant ?? character
      if (meant !== undefined) at++
    } else {
      argument.text += character
    }
  }
  return at
}
