import { SluiceError } from '../errors.ts'
import { parseExpression } from './expressions.ts'
import type { Phase } from './phases.ts'
import type { Sample } from './samples.ts'
import { offsetIn, type RuleProblem, Words } from './words.ts'

/**
 * Checks a text that is one sample expression: `req.hdr(x-user),lower`. HAProxy configuration
 * manual, section 7.3.
 *
 * @returns the first problem, or null
 */
export function sampleProblem<F>(text: string, phase: Phase<F>): RuleProblem | null {
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
  const sample = readSample(words, phase)
  if (sample !== null && words.problem === null) return sample
  const why = words.problem?.message ?? ''
  throw new SluiceError('config-invalid', `in the expression "${text}": ${why}`)
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
