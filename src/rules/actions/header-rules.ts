import { FRAMING_HEADERS } from '../../http/fields.ts'
import type { HeaderEdits, HeaderName } from '../facts.ts'
import { type Format, parseFormat } from '../language/formats.ts'
import type { Phase } from '../language/phases.ts'
import { offsetIn, type Word, Words } from '../language/words.ts'
import { lowerAscii } from '../samples/samples.ts'

/** Something that a rule does to the headers of a message with facts F; the rules go on. */
export type HeaderAction<F> = (facts: F, edits: HeaderEdits) => null

/** The actions on headers, by the words that begin them. */
export const HEADER_ACTIONS = ['set-header', 'add-header', 'del-header'] as const

/** A word of {@link HEADER_ACTIONS}. */
export type HeaderActionName = (typeof HEADER_ACTIONS)[number]

/** RFC 9110 section 5.6.2. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

/** What RFC 9110 section 5.5 does not allow in a value: control characters other than HTAB. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const UNFIT = /[\x00-\x08\x0a-\x1f\x7f]/

/** Whether a text may be the value of a header line. */
export function isHeaderValue(text: string): boolean {
  return !UNFIT.test(text)
}

/**
 * Reads the name and the value that follow `set-header`, `add-header` or `del-header`.
 *
 * @returns null where they are wrong, with the problem in `words`
 */
export function parseHeaderAction<F>(
  action: HeaderActionName,
  phase: Phase<F>,
  words: Words,
): HeaderAction<F> | null {
  const name = parseHeaderName(action, words)
  if (name === null) return null
  if (action === 'del-header') {
    return (_facts, edits) => {
      edits.removeHeader(name)
      return null
    }
  }
  const value = parseHeaderValue(name, phase, words)
  if (value === null) return null
  const { render } = value
  // The value is made before the header is touched, so that it may contain what was there.
  const put =
    action === 'set-header'
      ? (edits: HeaderEdits, text: string) => edits.setHeader(name, text)
      : (edits: HeaderEdits, text: string) => edits.addHeader(name, text)
  if (value.literal !== null) {
    const text = value.literal
    return (_facts, edits) => {
      put(edits, text)
      return null
    }
  }
  return (facts, edits) => {
    const text = render(facts)
    if (isHeaderValue(text)) put(edits, text)
    else edits.failRewrite()
    return null
  }
}

/** The header that a rule sets, adds or deletes, in lower case; null where it does something else. */
export function editedHeader(text: string): string | null {
  const words = new Words(text)
  const action = words.next()?.text
  if (!HEADER_ACTIONS.some((known) => known === action)) return null
  const name = words.next()
  return name === null ? null : lowerAscii(name.text)
}

/** Reads the name of a header that a rule may write. */
export function parseHeaderName(action: string, words: Words): HeaderName | null {
  const word = parseAnyName(`Write ${action} NAME ...`, words)
  if (word === null) return null
  const lower = lowerAscii(word.text)
  if (FRAMING_HEADERS.has(lower)) {
    return words.refuse(word, `${word.text} is written by the proxy alone`, 'Leave the rule out.')
  }
  if (lower === 'host' && action !== 'set-header') {
    return words.refuse(word, 'a request has exactly one Host', 'Write set-header Host VALUE.')
  }
  return { written: word.text, lower }
}

/** Reads the name of a header that is only looked at. @param hint where there is none */
export function parseAnyName(hint: string, words: Words): Word | null {
  const word = words.expect('the name of a header', hint)
  if (word === null || TOKEN.test(word.text)) return word
  return words.refuse(word, `"${word.text}" cannot be the name of a header`)
}

/** Reads the value of a header: a format whose literal text may stand in one. */
export function parseHeaderValue<F>(
  name: HeaderName,
  phase: Phase<F>,
  words: Words,
): Format<F> | null {
  const word = words.expect(`the value of ${name.written}`, 'An empty one is "".')
  if (word === null || !validateFieldText(word, words)) return null
  return parseFormat(word, phase, words)
}

/** Refuses text of a rule that could not stand in a header, as written. */
export function validateFieldText(word: Word, words: Words): boolean {
  const unfit = UNFIT.exec(word.text)
  if (unfit === null) return true
  words.refuse(offsetIn(word, unfit.index), 'a header cannot hold this control character')
  return false
}
