import type { TextProblem } from '../../model/language.ts'
import { parseExpression } from '../language/expressions.ts'
import type { Phase } from '../language/phases.ts'
import { offsetIn, readOrThrow, Words } from '../language/words.ts'
import type { Sample } from './samples.ts'

/**
 * Checks a text that is one sample expression: `req.hdr(x-user),lower`. HAProxy configuration
 * manual, section 7.3.
 *
 * @returns the first problem, or null
 */
export function sampleProblem<F>(text: string, phase: Phase<F>): TextProblem | null {
  const words = new Words(text)
  readSample(words, phase)
  return words.problem
}

/**
 * Compiles a text that is one sample expression.
 *
 * @throws SluiceError `config-invalid` where {@link sampleProblem} has a problem
 */
export function compileSample<F>(text: string, phase: Phase<F>): Sample<F> {
  const words = new Words(text)
  return readOrThrow('expression', text, words, readSample(words, phase))
}

function readSample<F>(words: Words, phase: Phase<F>): Sample<F> | null {
  const word = words.expect('a sample expression')
  if (word === null) return null
  const expression = parseExpression(word, 0, phase, false, words)
  if (expression === null) return null
  if (expression.end < word.text.length) {
    const rest = word.text.slice(expression.end)
    return words.refuse(offsetIn(word, expression.end), `unexpected "${rest}"`)
  }
  const extra = words.next()
  return extra === null ? expression.sample : words.refuse(extra, `unexpected "${extra.text}"`)
}
