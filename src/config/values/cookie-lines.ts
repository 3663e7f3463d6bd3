import { nearestHint } from '../../base/spelling.ts'
import type { CookieConfig } from '../../model/persistence-config.ts'
import { type Parsed, refused } from '../diagnostics/diagnostics.ts'
import { parseDuration } from './durations.ts'

/** A `cookie` line; whether its values are made from addresses, the key of which is given apart. */
export interface CookieLine extends Omit<CookieConfig, 'dynamicKey'> {
  readonly dynamic: boolean
}

/** What a cookie line looks like, for JSON Schema. */
export const COOKIE_PATTERN = '\\S'

/** RFC 6265 section 4.1.1, cookie-name. */
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/
/** Attributes that are added as they are: no end of theirs, nothing that is not ASCII. */
const ATTRIBUTE = /^[\x21-\x3a\x3c-\x7e]{1,128}$/
const MODES = ['insert', 'rewrite', 'prefix'] as const
const FLAGS = [
  'indirect',
  'nocache',
  'postonly',
  'preserve',
  'httponly',
  'secure',
  'dynamic',
] as const
const ARGUMENTS = ['domain', 'maxidle', 'maxlife', 'attr'] as const

interface Reading {
  readonly modes: (typeof MODES)[number][]
  readonly flags: Set<(typeof FLAGS)[number]>
  readonly domains: string[]
  readonly attributes: string[]
  maxIdleSec: number
  maxLifeSec: number
}

/** Reads `NAME [insert|rewrite|prefix] [FLAG ...]`. HAProxy configuration manual, cookie. */
export function parseCookieLine(text: string): Parsed<CookieLine> {
  const [name = '', ...words] = text.trim().split(/\s+/)
  if (!NAME.test(name)) return refused(`"${name}" cannot be the name of a cookie`, '')
  const reading: Reading = {
    modes: [],
    flags: new Set(),
    domains: [],
    attributes: [],
    maxIdleSec: 0,
    maxLifeSec: 0,
  }
  for (let at = 0; at < words.length; at++) {
    const word = words[at] as string
    const mode = MODES.find((known) => known === word)
    const flag = FLAGS.find((known) => known === word)
    const argument = ARGUMENTS.find((known) => known === word)
    if (mode !== undefined) reading.modes.push(mode)
    else if (flag !== undefined) reading.flags.add(flag)
    else if (argument === undefined) return unknownWord(word)
    else {
      const refusal = takeArgument(argument, words[++at], reading)
      if (refusal !== null) return refusal
    }
  }
  const misfit = misfitOf(reading)
  return misfit ?? { value: lineOf(name, reading) }
}

function lineOf(name: string, { modes, flags, ...rest }: Reading): CookieLine {
  return {
    name,
    mode: modes[0] ?? 'passive',
    indirect: flags.has('indirect'),
    nocache: flags.has('nocache'),
    postonly: flags.has('postonly'),
    preserve: flags.has('preserve'),
    httponly: flags.has('httponly'),
    secure: flags.has('secure'),
    dynamic: flags.has('dynamic'),
    ...rest,
  }
}

function takeArgument(
  name: (typeof ARGUMENTS)[number],
  text: string | undefined,
  reading: Reading,
): Parsed<CookieLine> | null {
  if (text === undefined) return refused(`"${name}" needs a value behind it`, '')
  if (name === 'domain' || name === 'attr') {
    if (!ATTRIBUTE.test(text)) return refused(`"${text}" cannot stand in a Set-Cookie`, '')
    ;(name === 'domain' ? reading.domains : reading.attributes).push(text)
    return null
  }
  // HAProxy counts these in seconds where no unit is given.
  const duration = parseDuration(/^[0-9]+$/.test(text) ? `${text}s` : text)
  if ('problem' in duration) return duration
  const seconds = Math.ceil(duration.value / 1_000)
  if (seconds === 0) return refused(`${name} must be more than 0`, 'Leave it out for no limit.')
  if (name === 'maxidle') reading.maxIdleSec = seconds
  else reading.maxLifeSec = seconds
  return null
}

/** What does not go together, as HAProxy refuses it. */
function misfitOf({ modes, flags, maxIdleSec, maxLifeSec }: Reading): Parsed<CookieLine> | null {
  const [mode] = modes
  if (modes.length > 1) {
    return refused('insert, rewrite and prefix exclude each other', 'Keep one of them.')
  }
  if (mode === 'rewrite' && flags.has('indirect')) {
    return refused('rewrite and indirect exclude each other', 'Write insert indirect.')
  }
  if (flags.has('preserve') && mode !== 'insert' && !flags.has('indirect')) {
    return refused('preserve needs insert or indirect', '')
  }
  if (flags.has('dynamic') && mode === undefined) {
    return refused('dynamic needs insert, rewrite or prefix', '')
  }
  if (maxIdleSec + maxLifeSec > 0 && mode !== 'insert') {
    return refused('maxidle and maxlife need insert', 'The dates are kept in the cookie.')
  }
  return null
}

function unknownWord(word: string): Parsed<CookieLine> {
  const known = [...MODES, ...FLAGS, ...ARGUMENTS]
  return refused(`"${word}" is not a word of cookie`, nearestHint(word, known))
}
