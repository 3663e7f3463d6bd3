import { CAPTURE_CHARS_MAX, type CaptureSlots } from '../captures.ts'
import type { HeaderFacts, SessionFacts } from '../facts.ts'
import { parseExpression } from '../language/expressions.ts'
import type { Phase } from '../language/phases.ts'
import { offsetIn, type Words } from '../language/words.ts'
import { headerValueAt } from '../samples/header-lists.ts'
import { lowerAscii, type Value } from '../samples/samples.ts'
import { parseAnyName } from './header-rules.ts'

/** Which of the two messages something is captured from. */
export type Captured = 'request' | 'response'

/** Keeps a value of a message; the rules go on. */
export type CaptureAction<F> = (facts: F) => null

const USAGE = 'Write capture req.fhdr(host) len 32.'

/**
 * Reads what follows `capture` in a rule: `SAMPLE len LENGTH`. HAProxy configuration manual, section
 * 4.4, capture.
 *
 * @param slots of the frontend whose rule it is; null: it is a backend's, where there are none
 * @returns null where it is wrong, with the problem in `words`
 */
export function parseCapture<F extends SessionFacts>(
  of: Captured,
  phase: Phase<F>,
  slots: CaptureSlots | null,
  words: Words,
): CaptureAction<F> | null {
  const word = words.expect('a sample expression', USAGE)
  if (word === null) return null
  const expression = parseExpression(word, 0, phase, false, words)
  if (expression === null) return null
  const { sample, end } = expression
  if (end < word.text.length) {
    return words.refuse(offsetIn(word, end), `unexpected "${word.text.slice(end)}"`)
  }
  const chars = parseLength(words)
  if (chars === null) return null
  if (slots !== null) return keep(of, slots, chars, sample.value)
  return words.refuse(word, 'only a frontend has places for captures', 'Capture it there.')
}

/**
 * Reads a line of `capture`: `request header NAME len LENGTH`, or of the response. What is kept is
 * the last line of that name. HAProxy configuration manual, capture request header.
 *
 * @returns of which message, and the action; null where it is wrong, with the problem in `words`
 */
export function parseCaptureLine(
  slots: CaptureSlots,
  words: Words,
): { readonly of: Captured; readonly action: CaptureAction<HeaderFacts & SessionFacts> } | null {
  const usage = 'Write request header NAME len LENGTH, or response header NAME len LENGTH.'
  const of = words.expect('request or response', usage)
  if (of === null) return null
  if (of.text !== 'request' && of.text !== 'response') {
    return words.refuse(of, `"${of.text}" cannot be captured`, usage)
  }
  const what = words.expect('header', usage)
  if (what === null) return null
  if (what.text !== 'header') {
    return words.refuse(what, `"${what.text}" cannot be captured`, usage)
  }
  const name = parseAnyName(usage, words)
  const chars = name === null ? null : parseLength(words)
  if (name === null || chars === null) return null
  const extra = words.next()
  if (extra !== null) return words.refuse(extra, `"${extra.text}" is one word too many`, usage)
  const lower = lowerAscii(name.text)
  const last = (facts: HeaderFacts): string | null => headerValueAt(facts, lower, 'line', -1)
  const action = keep<HeaderFacts & SessionFacts>(of.text, slots, chars, last)
  return { of: of.text, action }
}

function keep<F extends SessionFacts>(
  of: Captured,
  slots: CaptureSlots,
  chars: number,
  read: (facts: F) => Value | null,
): CaptureAction<F> {
  const slot = slots[of]++
  return (facts) => {
    const value = read(facts)
    if (value !== null) facts.scope.captures[of][slot] = String(value).slice(0, chars)
    return null
  }
}

function parseLength(words: Words): number | null {
  const keyword = words.expect('len', USAGE)
  if (keyword === null) return null
  if (keyword.text === 'id') {
    return words.refuse(keyword, 'there are no places with a number to capture into', USAGE)
  }
  if (keyword.text !== 'len') return words.refuse(keyword, `"${keyword.text}" is not len`, USAGE)
  const hint = `Write a number from 1 to ${CAPTURE_CHARS_MAX}.`
  const word = words.expect('a length', hint)
  if (word === null) return null
  const chars = /^\d{1,5}$/.test(word.text) ? Number(word.text) : 0
  if (chars >= 1 && chars <= CAPTURE_CHARS_MAX) return chars
  return words.refuse(word, `"${word.text}" is not a length`, hint)
}
