import type { TextProblem } from '../model/language.ts'
import type { BalanceLine, Part } from './balance-line.ts'

/** What of a session or request the key of a pick is hashed from. */
export type KeySource =
  | { readonly kind: 'none' }
  /** The client's IP address. */
  | { readonly kind: 'source' }
  /** The URI of a request, up to a bound. */
  | UriKey
  /** The first value of a parameter in the query of a request. */
  | { readonly kind: 'url-param'; readonly name: string }
  /** The first value of a header, or the middle part of the host name that it holds. */
  | { readonly kind: 'header'; readonly name: string; readonly domainOnly: boolean }
  /** A cookie, by its name in lower case, in the first message of a client of RDP. */
  | { readonly kind: 'rdp-cookie'; readonly name: string }
  /** A sample expression of the rule language, and where it stands in the line. */
  | { readonly kind: 'expression'; readonly text: string; readonly offset: number }

/** HAProxy configuration manual, balance uri. */
export interface UriKey {
  readonly kind: 'uri'
  /** Characters that count; 0: no bound. */
  readonly lengthMax: number
  /** Directories that count, each one from its slash on; 0: no bound. */
  readonly depthMax: number
  /** The query counts too. */
  readonly whole: boolean
  /** The URI counts from its path on, also where a client has sent one with scheme and host. */
  readonly pathOnly: boolean
}

/** What `len` and `depth` can say: no request line is longer. */
const BOUND_MAX = 1_048_576

/** RFC 9110 section 5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/

/** Reads what follows `uri`. */
export function readUriKey({ words }: BalanceLine): UriKey | TextProblem {
  let key: UriKey = { kind: 'uri', lengthMax: 0, depthMax: 0, whole: false, pathOnly: false }
  for (let n = 0; n < words.length; n++) {
    const word = words[n] as Part
    if (word.text === 'whole') key = { ...key, whole: true }
    else if (word.text === 'path-only') key = { ...key, pathOnly: true }
    else if (word.text === 'len' || word.text === 'depth') {
      const bound = words[++n] ?? { text: '', offset: word.offset }
      const number = /^\d{1,9}$/.test(bound.text) ? Number(bound.text) : 0
      if (number < 1 || number > BOUND_MAX) {
        const message = `"${word.text}" needs a whole number from 1 to ${BOUND_MAX}`
        return { offset: bound.offset, message, hint: `Write uri ${word.text} 2.` }
      }
      key = word.text === 'len' ? { ...key, lengthMax: number } : { ...key, depthMax: number }
    } else return unexpected(word, 'Known: len N, depth N, whole, path-only.')
  }
  return key
}

/** Reads what follows `url_param`. */
export function readUrlParamKey({ words, rest }: BalanceLine): KeySource | TextProblem {
  const [name, ...others] = words
  const hint = 'Write url_param NAME.'
  if (name === undefined) {
    return { offset: rest.offset, message: 'the name of a parameter is missing', hint }
  }
  const [other] = others
  if (other?.text === 'check_post') {
    const message = '"check_post" is not available in this version'
    return { offset: other.offset, message, hint: 'Delete it: the query is looked at.' }
  }
  return other === undefined ? { kind: 'url-param', name: name.text } : unexpected(other, hint)
}

/** Reads what follows `hdr`. */
export function readHeaderKey({ argument, words, rest }: BalanceLine): KeySource | TextProblem {
  const hint = 'Write hdr(NAME) or hdr(NAME) use_domain_only.'
  if (argument === null) return { offset: rest.offset, message: 'hdr needs a header', hint }
  const { text: name, offset } = argument
  if (!TOKEN.test(name)) return { offset, message: `"${name}" cannot name a header`, hint }
  const [modifier, other] = words
  if (modifier === undefined) return { kind: 'header', name, domainOnly: false }
  if (modifier.text !== 'use_domain_only') return unexpected(modifier, hint)
  return other === undefined ? { kind: 'header', name, domainOnly: true } : unexpected(other, hint)
}

/** The cookie that clients of RDP send: who wants to log in. */
const RDP_COOKIE = 'mstshash'

/** Reads what follows `rdp-cookie`. HAProxy configuration manual, balance rdp-cookie. */
export function readRdpCookieKey({ argument, words }: BalanceLine): KeySource | TextProblem {
  const hint = 'Write rdp-cookie or rdp-cookie(NAME).'
  const { text: name, offset } = argument ?? { text: RDP_COOKIE, offset: 0 }
  if (!TOKEN.test(name)) return { offset, message: `"${name}" cannot name a cookie`, hint }
  const [word] = words
  return word === undefined
    ? { kind: 'rdp-cookie', name: name.toLowerCase() }
    : unexpected(word, hint)
}

/**
 * Takes what follows for an expression; whether it is one, the rule language has to say.
 *
 * @param standard the expression that is meant where none is written; '': there must be one
 */
export function readExpressionKey(
  { name, rest }: BalanceLine,
  standard = '',
): KeySource | TextProblem {
  const { offset } = rest
  const text = rest.text === '' ? standard : rest.text
  if (text !== '') return { kind: 'expression', text, offset }
  const message = `${name.text} needs a sample expression`
  return { offset, message, hint: `Write ${name.text} req.hdr(x-user).` }
}

/** Refuses a word that the algorithm does not know. */
export function unexpected({ text, offset }: Part, hint: string): TextProblem {
  return { offset, message: `unexpected "${text}"`, hint }
}
