import { nearestName } from '../../base/spelling.ts'
import type { Sample } from '../samples/samples.ts'
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

/** Makes one piece of the text. */
type Render<F> = (facts: F) => string

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
  const { text } = word
  const pieces: Render<F>[] = []
  let literal = ''
  let isLiteral = true
  for (let at = 0; at < text.length; ) {
    const percent = text.indexOf('%', at)
    const end = percent < 0 ? text.length : percent
    const isSign = text[percent + 1] === '%'
    const plain = text.slice(at, end) + (percent >= 0 && isSign ? '%' : '')
    literal += plain
    if (plain !== '') pieces.push(() => plain)
    if (percent < 0) break
    at = percent + 2
    if (isSign) continue
    const read = text[percent + 1] === '[' ? readExpression : readVariable
    const sample = read(word, percent, phase, words)
    if (sample === null) return null
    isLiteral = false
    pieces.push(sample.render)
    at = sample.end
  }
  if (isLiteral) return { literal, render: () => literal }
  return {
    literal: null,
    render: (facts) => {
      let made = ''
      for (const render of pieces) made += render(facts)
      return made
    },
  }
}

/** A sample in a format, and where the text goes on. */
interface FormatSample<F> {
  readonly render: Render<F>
  readonly end: number
}

/** `%[expression]` */
function readExpression<F>(
  word: Word,
  percent: number,
  phase: Phase<F>,
  words: Words,
): FormatSample<F> | null {
  const expression = parseExpression(word, percent + 2, phase, false, words)
  if (expression === null) return null
  const { sample, end } = expression
  if (word.text[end] === ']') return { render: renderOf(sample), end: end + 1 }
  return words.refuse(
    offsetIn(word, end),
    'the ] that closes %[ is missing here',
    'Write %[FETCH,CONVERTER...].',
  )
}

/** `%ci`: as many letters as follow. */
function readVariable<F>(
  word: Word,
  percent: number,
  phase: Phase<F>,
  words: Words,
): FormatSample<F> | null {
  const name = /^[A-Za-z]*/.exec(word.text.slice(percent + 1))?.[0] ?? ''
  const start = offsetIn(word, percent)
  const text = VARIABLES.get(name)
  if (text === undefined) return refuseVariable(name, word.text[percent + 1], start, words)
  const offsets = new Array<number>(text.length + 1).fill(start)
  const expression = parseExpression({ text, start, offsets }, 0, phase, false, words)
  if (expression === null) return null
  return { render: renderOf(expression.sample), end: percent + 1 + name.length }
}

function renderOf<F>({ value }: Sample<F>): Render<F> {
  return (facts) => String(value(facts) ?? '')
}

function refuseVariable(name: string, next: string | undefined, place: number, words: Words): null {
  if (next === '{') {
    return words.refuse(place, 'flags such as %{+Q} are not supported', 'Write the sample alone.')
  }
  if (name === '') {
    return words.refuse(place, 'nothing follows this %', 'For a percent sign write %%.')
  }
  const near = nearestName(name, VARIABLES.keys())
  const known = [...VARIABLES.keys()].map((variable) => `%${variable}`).join(', ')
  return words.refuse(
    place,
    `unknown variable %${name}`,
    near === null ? `Known: ${known}; for a percent sign write %%.` : `Did you mean %${near}?`,
  )
}
