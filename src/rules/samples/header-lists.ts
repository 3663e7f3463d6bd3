import type { HeaderFacts } from '../facts.ts'

/** How a header's lines are read: each as one value, or as a list that commas separate. */
export type HeaderReading = 'line' | 'list'

/**
 * Whether any value of a header passes a test.
 *
 * @param name in lower case
 */
export function someHeaderValue(
  facts: HeaderFacts,
  name: string,
  reading: HeaderReading,
  test: (value: string) => boolean,
): boolean {
  for (let i = facts.findHeader(name, 0); i >= 0; i = facts.findHeader(name, i + 1)) {
    const line = facts.headerValue(i)
    if (reading === 'line' || !line.includes(',')) {
      if (test(line)) return true
      continue
    }
    for (let start = 0; start <= line.length; ) {
      const end = elementEnd(line, start)
      if (test(line.slice(start, end).trim())) return true
      start = end + 1
    }
  }
  return false
}

/** How many values a header has. */
export function countHeaderValues(
  facts: HeaderFacts,
  name: string,
  reading: HeaderReading,
): number {
  let count = 0
  someHeaderValue(facts, name, reading, () => {
    count++
    return false
  })
  return count
}

/**
 * One value of a header.
 *
 * @param occurrence 1 is the first, 2 the second; -1 the last, -2 the one before
 * @returns null when there are not so many
 */
export function headerValueAt(
  facts: HeaderFacts,
  name: string,
  reading: HeaderReading,
  occurrence: number,
): string | null {
  let left = occurrence > 0 ? occurrence : countHeaderValues(facts, name, reading) + occurrence + 1
  let found: string | null = null
  if (left <= 0) return null
  someHeaderValue(facts, name, reading, (value) => {
    left--
    if (left === 0) found = value
    return left === 0
  })
  return found
}

/**
 * Whether the value of any cookie of this name passes a test. Commas separate cookies as semicolons
 * do, which HAProxy keeps from RFC 2965; one without `=` is none.
 *
 * @param name with regard to case
 */
export function someCookie(
  facts: HeaderFacts,
  name: string,
  test: (value: string) => boolean,
): boolean {
  return someHeaderValue(facts, 'cookie', 'list', (pairs) => {
    for (let start = 0; start <= pairs.length; ) {
      const end = elementEnd(pairs, start, ';')
      const pair = pairs.slice(start, end)
      const equals = pair.indexOf('=')
      if (equals >= 0 && pair.slice(0, equals).trim() === name) {
        if (test(pair.slice(equals + 1).trim())) return true
      }
      start = end + 1
    }
    return false
  })
}

/** Where a list element ends: at the next separator that is in no quoted string, or at the end. */
function elementEnd(text: string, start: number, separator = ','): number {
  let isQuoted = false
  for (let at = start; at < text.length; at++) {
    const character = text[at]
    if (isQuoted && character === '\\') at++
    else if (character === '"') isQuoted = !isQuoted
    else if (character === separator && !isQuoted) return at
  }
  return text.length
}
