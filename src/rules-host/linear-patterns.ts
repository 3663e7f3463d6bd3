import { createRequire } from 'node:module'
import type * as Re2 from 're2js'
import type { Pattern, PatternEngine, PatternProblem } from '../rules/samples/patterns.ts'

/**
 * Most places that a pattern may have once its counted repetitions are written out: `a{1000}` has a
 * thousand. Compiling so many takes 30 ms. Where the library has to look at all of them with every
 * byte, which takes an ambiguous pattern and a text made for it, a byte takes up to 40 us.
 */
const PLACES_MAX = 2_000

/** Compiled patterns that a thread keeps at hand; compiling one takes about a millisecond. */
const KEPT_MAX = 1_024

/** What RE2 leaves out, by how the part begins that it stumbles over, and what does instead. */
const LEFT_OUT: readonly (PatternProblem & { readonly beginning: RegExp })[] = [
  {
    beginning: /^\(\?<?[=!]/,
    message: 'look-around cannot be run in time that grows with the text alone',
    hint: 'Ask two conditions: { path_reg A } !{ path_reg B }.',
  },
  {
    beginning: /^\\[1-9gk]/,
    message: 'a back-reference cannot be run in time that grows with the text alone',
    hint: 'Write out what may stand there: (a=a|b=b).',
  },
  {
    beginning: /^(\(\?>|[*+?}]\+)/,
    message: 'there are no atomic groups and no possessive repetition',
    hint: 'Leave the > or the second + out: nothing is ever tried twice.',
  },
]

const SYNTAX_HINT = "The syntax is RE2's: no look-around, no back-references; docs/rules.md."

/**
 * Regular expressions as automata (RE2, in `re2js`): every byte of a text is looked at once, so
 * that no request, response or check can make one run for long. V8's own engine tries one way after
 * the other, which takes seconds for 1,500 bytes and for ever for 60.
 */
class LinearPatterns implements PatternEngine {
  readonly #kept = new Map<string, Pattern | PatternProblem>()

  compile(source: string, ignoreCase: boolean): Pattern | PatternProblem {
    const key = (ignoreCase ? 'i' : ' ') + source
    const known = this.#kept.get(key)
    if (known !== undefined) return known
    const pattern = compile(source, ignoreCase)
    if (this.#kept.size >= KEPT_MAX) this.#kept.clear()
    this.#kept.set(key, pattern)
    return pattern
  }
}

let loaded: typeof Re2 | undefined

/** The library, loaded with the first pattern: most configs have none, and each thread would hold it. */
function library(): typeof Re2 {
  loaded ??= createRequire(import.meta.url)('re2js') as typeof Re2
  return loaded
}

/** The engine of this thread. */
export const linearPatterns: PatternEngine = new LinearPatterns()

function compile(source: string, ignoreCase: boolean): Pattern | PatternProblem {
  const places = placesOf(source)
  if (places > PLACES_MAX) {
    return {
      message: `written out, this has ${places} places, and ${PLACES_MAX} are the most`,
      hint: 'Write several patterns, or * and + in place of {N,M}.',
    }
  }
  const { RE2JS, RE2JSSyntaxException } = library()
  try {
    const expression = RE2JS.compile(source, ignoreCase ? RE2JS.CASE_INSENSITIVE : 0)
    return (text) => expression.test(text)
  } catch (error) {
    if (error instanceof RE2JSSyntaxException) return problemOf(source, error)
    throw error
  }
}

function problemOf(source: string, { error, input }: Re2.RE2JSSyntaxException): PatternProblem {
  const part = input ?? ''
  const leftOut = LEFT_OUT.find(({ beginning }) => beginning.test(part))
  if (leftOut !== undefined) return leftOut
  const where = part === '' || part === source ? '' : ` (${part})`
  return {
    message: `"${source}" is not a regular expression: ${error}${where}`,
    hint: SYNTAX_HINT,
  }
}

/** What takes one character: a class in brackets, and an escape; or a text that is quoted. */
const CLASS = /\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\]/sy
const ESCAPE = /\\(?:[pPx]\{[^}]*\}|[pP].|x..|[^Q])/sy
const QUOTED = /\\Q(.*?)(?:\\E|$)/sy
/** What opens a group, with its name or its flags; and a counted repetition. */
const GROUP = /\((?:\?(?:P?<\w+>|[a-zA-Z-]*:?))?/y
const COUNTED = /\{(\d+)(?:,(\d*))?\}/y

/**
 * How many places a pattern has once its counted repetitions are written out, without writing them
 * out: the library would do so first, and count then. Of a text that is no pattern, some number.
 */
function placesOf(source: string): number {
  const open: number[] = []
  /** Places of the present group, and of the last item in it. */
  let group = 0
  let item = 0
  for (let at = 0; at < source.length; ) {
    const counted = matchAt(COUNTED, source, at)
    const opening = matchAt(GROUP, source, at)
    const quoted = matchAt(QUOTED, source, at)
    const one = matchAt(CLASS, source, at) ?? matchAt(ESCAPE, source, at)
    if (counted !== null) {
      const times = Math.max(Number(counted[1]), Number(counted[2] ?? 0), 1)
      group += item * (times - 1)
      item *= times
    } else if (opening !== null) {
      open.push(group)
      group = 0
    } else if (source[at] === ')') {
      item = group
      group += open.pop() ?? 0
    } else {
      item = quoted?.[1]?.length ?? 1
      group += item
    }
    at += (counted ?? opening ?? quoted ?? one)?.[0].length ?? 1
  }
  return open.reduce((sum, outer) => sum + outer, group)
}

function matchAt(expression: RegExp, text: string, at: number): RegExpExecArray | null {
  expression.lastIndex = at
  return expression.exec(text)
}
