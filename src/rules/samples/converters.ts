import type { Argument, Parameter } from '../language/calls.ts'
import { hexOf, integerOf, lowerAscii, type SampleType, upperAscii, type Value } from './samples.ts'

/** A keyword that makes another value of a value. HAProxy configuration manual, section 7.3.1. */
export interface Converter {
  readonly parameters: readonly Parameter[]
  readonly type: SampleType
  /** It takes bytes as they are; other converters take them as text. */
  readonly takesBytes?: true
  /**
   * Compiles the conversion for its arguments; a value that it makes null is taken out.
   *
   * @returns what is wrong with the arguments, where something is
   */
  readonly make: (list: readonly Argument[]) => ((value: Value) => Value | null) | string
}

const INDEX: Parameter = { name: 'index', kind: 'integer', required: true }
const DELIMITERS: Parameter = { name: 'delimiters', kind: 'text', required: true }
const IN_FORM: Parameter = { name: 'in_form', kind: 'integer', required: false }
const IF_TRUE: Parameter = { name: 'true', kind: 'text', required: false }
const IF_FALSE: Parameter = { name: 'false', kind: 'text', required: false }

/** The converters by name. */
export const CONVERTERS: ReadonlyMap<string, Converter> = new Map<string, Converter>([
  ['lower', { parameters: [], type: 'str', make: () => (value) => lowerAscii(String(value)) }],
  ['upper', { parameters: [], type: 'str', make: () => (value) => upperAscii(String(value)) }],
  ['hex', { parameters: [], type: 'str', takesBytes: true, make: () => hexOf }],
  ['base64', { parameters: [], type: 'str', takesBytes: true, make: () => base64Of }],
  ['length', { parameters: [], type: 'int', make: () => (value) => String(value).length }],
  ['host_only', { parameters: [], type: 'str', make: () => (value) => hostOnly(String(value)) }],
  [
    'field',
    {
      parameters: [INDEX, DELIMITERS],
      type: 'str',
      make: ([index, delimiters]) => {
        const position = Number(index?.text)
        if (position === 0) return 'the index of a field is 1, 2, ... or from the end -1, -2, ...'
        return (value) => fieldAt(String(value), position, delimiters?.text ?? '')
      },
    },
  ],
  [
    'url_dec',
    {
      parameters: [IN_FORM],
      type: 'str',
      make: ([inForm]) => {
        const plusIsSpace = Number(inForm?.text ?? 0) !== 0
        return (value) => urlDecode(String(value), plusIsSpace)
      },
    },
  ],
  [
    'iif',
    {
      parameters: [IF_TRUE, IF_FALSE],
      type: 'str',
      make: ([ifTrue, ifFalse]) => {
        const whenTrue = ifTrue?.text ?? ''
        const whenFalse = ifFalse?.text ?? ''
        return (value) => {
          const number = integerOf(value)
          if (number === null) return null
          return number === 0 ? whenFalse : whenTrue
        }
      },
    },
  ],
])

function base64Of(value: Value): string {
  return Buffer.from(String(value), 'latin1').toString('base64')
}

/** Host without its port, in lower case. RFC 9110 section 7.2. */
function hostOnly(text: string): string {
  return lowerAscii(text.replace(/:\d*$/, ''))
}

/** The field that many from the start (1, 2, ...) or from the end (-1, -2, ...), or null. */
function fieldAt(text: string, position: number, delimiters: string): string | null {
  const fields: string[] = []
  let start = 0
  for (let at = 0; at <= text.length; at++) {
    if (at < text.length && !delimiters.includes(text[at] as string)) continue
    fields.push(text.slice(start, at))
    start = at + 1
  }
  return fields.at(position > 0 ? position - 1 : position) ?? null
}

/** Percent-decodes. A plus is a space in a form, and in a URL behind its question mark. */
function urlDecode(text: string, plusIsSpace: boolean): string | null {
  const mark = plusIsSpace ? 0 : text.indexOf('?')
  const spaced = mark < 0 ? text : text.slice(0, mark) + text.slice(mark).replaceAll('+', ' ')
  if (/%(?![0-9a-fA-F]{2})/.test(spaced)) return null
  return spaced.replace(/%(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}
