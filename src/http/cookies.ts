/** A cookie in the text of a header: places in that text. */
export interface CookiePlace {
  /** Where its pair begins, blanks before it included. */
  readonly start: number
  /** Where its pair ends: the place of a semicolon, or the end of the text. */
  readonly end: number
  /** Where its value begins, without blanks and quotes being looked at. */
  readonly valueStart: number
  /** Where its value ends. */
  readonly valueEnd: number
}

/**
 * The first cookie of this name in the value of a Cookie header, at or after `from`. RFC 6265
 * section 5.4: pairs are separated by semicolons.
 *
 * @param name with regard to case
 * @returns null where there is none
 */
export function findCookie(text: string, name: string, from = 0): CookiePlace | null {
  let equals = text.indexOf('=', from)
  for (let start = from; start < text.length && equals >= 0; ) {
    const end = endOfPair(text, start)
    if (equals < start) equals = text.indexOf('=', start)
    if (equals >= start && equals < end && isNamed(text, start, equals, name)) {
      return placeOf(text, start, equals, end)
    }
    start = end + 1
  }
  return null
}

/**
 * The cookie of a Set-Cookie header, where it has this name. RFC 6265 section 4.1.1: it is the
 * first pair, attributes follow it.
 */
export function findSetCookie(text: string, name: string): CookiePlace | null {
  const end = endOfPair(text, 0)
  const equals = text.indexOf('=')
  if (equals < 0 || equals > end || !isNamed(text, 0, equals, name)) return null
  return placeOf(text, 0, equals, end)
}

/** The value of a cookie. */
export function cookieValue(text: string, { valueStart, valueEnd }: CookiePlace): string {
  return text.slice(valueStart, valueEnd)
}

/** The header's value with another value of the cookie. */
export function withCookieValue(
  text: string,
  { valueStart, valueEnd }: CookiePlace,
  value: string,
): string {
  return text.slice(0, valueStart) + value + text.slice(valueEnd)
}

/** The value of a Cookie header without any cookie of this name; '' where no other is left. */
export function withoutCookie(text: string, name: string): string {
  let kept = ''
  let from = 0
  for (;;) {
    const place = findCookie(text, name, from)
    if (place === null) break
    kept += text.slice(from, place.start)
    from = place.end + 1
  }
  if (from === 0) return text
  return withoutSeparators(kept + text.slice(from))
}

/** How a cookie is to be kept by the client: the attributes of its Set-Cookie. */
export interface CookieAttributes {
  readonly domains: readonly string[]
  readonly httponly: boolean
  readonly secure: boolean
  /** More of them as they are written. */
  readonly others: readonly string[]
}

/**
 * The value of a Set-Cookie header.
 *
 * @param value '' makes the client forget the cookie
 */
export function setCookieText(name: string, value: string, attributes: CookieAttributes): string {
  let text = `${name}=${value}`
  // RFC 6265 section 5.2.1: a moment that has passed.
  if (value === '') text += '; Expires=Thu, 01-Jan-1970 00:00:01 GMT'
  text += '; path=/'
  for (const domain of attributes.domains) text += `; domain=${domain}`
  if (attributes.httponly) text += '; HttpOnly'
  if (attributes.secure) text += '; Secure'
  for (const other of attributes.others) text += `; ${other}`
  return text
}

/** Stands between the name of a server and a date in a cookie, and between two dates. */
const DATE_MARK = '|'
/** HAProxy counts in steps of four seconds, so that 30 bits last until 2106. */
const DATE_STEP_SEC = 4
const DATE_DIGITS = 5
const DIGIT_BITS = 6
const DIGIT_VALUES = 2 ** DIGIT_BITS
const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

/** What a persistence cookie says: the server, and dates in seconds since 1970, 0 for none. */
export interface DatedCookie {
  readonly server: string
  /** When the client was last here. */
  readonly lastSec: number
  /** When it was first given the cookie. */
  readonly firstSec: number
}

/**
 * Reads the value of a cookie that may have dates: `SERVER`, `SERVER|LAST`, `SERVER|LAST|FIRST`.
 * HAProxy configuration manual, cookie, maxidle and maxlife. A date that cannot be read is 0.
 */
export function readDatedCookie(value: string): DatedCookie {
  const [server = '', last = '', first = ''] = value.split(DATE_MARK, 3)
  return { server, lastSec: readDate(last), firstSec: readDate(first) }
}

/**
 * Writes the value of a cookie with dates. The date of now is rounded up to the next step, so that
 * no cookie is older than it says.
 *
 * @param firstSec 0: none is written
 */
export function datedCookieText({ server, lastSec, firstSec }: DatedCookie): string {
  const text = `${server}${DATE_MARK}${dateText(lastSec)}`
  return firstSec === 0 ? text : `${text}${DATE_MARK}${dateText(firstSec)}`
}

function dateText(sec: number): string {
  let steps = Math.ceil(sec / DATE_STEP_SEC)
  let text = ''
  for (let n = 0; n < DATE_DIGITS; n++) {
    text = DIGITS.charAt(steps % DIGIT_VALUES) + text
    steps = Math.floor(steps / DIGIT_VALUES)
  }
  return text
}

function readDate(text: string): number {
  if (text.length < DATE_DIGITS) return 0
  let steps = 0
  for (let n = 0; n < DATE_DIGITS; n++) {
    const digit = DIGITS.indexOf(text.charAt(n))
    if (digit < 0) return 0
    steps = steps * DIGIT_VALUES + digit
  }
  return steps * DATE_STEP_SEC
}

/** What is left may begin or end with what stood between it and a cookie that is gone. */
function withoutSeparators(text: string): string {
  const isSeparator = (at: number): boolean => text.charAt(at) === ';' || isBlank(text.charAt(at))
  let start = 0
  let end = text.length
  while (start < end && isSeparator(start)) start++
  while (end > start && isSeparator(end - 1)) end--
  return text.slice(start, end)
}

function endOfPair(text: string, start: number): number {
  const end = text.indexOf(';', start)
  return end < 0 ? text.length : end
}

function isNamed(text: string, start: number, equals: number, name: string): boolean {
  const from = skipBlanksIn(text, start, equals)
  const to = blanksStart(text, from, equals)
  return to - from === name.length && text.startsWith(name, from)
}

function placeOf(text: string, start: number, equals: number, end: number): CookiePlace {
  const valueStart = skipBlanksIn(text, equals + 1, end)
  return { start, end, valueStart, valueEnd: blanksStart(text, valueStart, end) }
}

function skipBlanksIn(text: string, start: number, end: number): number {
  let at = start
  while (at < end && isBlank(text.charAt(at))) at++
  return at
}

function blanksStart(text: string, start: number, end: number): number {
  let at = end
  while (at > start && isBlank(text.charAt(at - 1))) at--
  return at
}

function isBlank(character: string): boolean {
  return character === ' ' || character === '\t'
}
