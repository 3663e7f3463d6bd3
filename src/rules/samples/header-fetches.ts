import { addressIn } from '../../base/networks.ts'
import type { HeaderFacts } from '../facts.ts'
import type { Parameter } from '../language/calls.ts'
import {
  countHeaderValues,
  type HeaderReading,
  headerValueAt,
  someCookie,
  someHeaderValue,
} from './header-lists.ts'
import { convertedSample, type FetchRow, integerOf, type Sample, singleSample } from './samples.ts'

const NAME: Parameter = { name: 'name', kind: 'text', required: true }
const OCCURRENCE: Parameter = { name: 'occurrence', kind: 'integer', required: false }

/**
 * The fetches that read headers, for messages of one direction. HAProxy configuration manual,
 * section 7.3.6.
 *
 * @param prefix `req.` or `res.`
 */
export function headerFetches(prefix: string): FetchRow<HeaderFacts>[] {
  const list = (texts: readonly string[]): Sample<HeaderFacts> => headerSample('list', texts)
  const parameters = [NAME, OCCURRENCE]
  return [
    [`${prefix}hdr`, { parameters, derives: true, make: (...texts) => list(texts) }],
    [
      `${prefix}fhdr`,
      { parameters, derives: false, make: (...texts) => headerSample('line', texts) },
    ],
    [`${prefix}hdr_cnt`, { parameters: [NAME], derives: false, make: countSample('list') }],
    [`${prefix}fhdr_cnt`, { parameters: [NAME], derives: false, make: countSample('line') }],
    [
      `${prefix}hdr_val`,
      {
        parameters,
        derives: false,
        make: (...texts) => convertedSample('int', list(texts), (value) => integerOf(value) ?? 0),
      },
    ],
    [
      `${prefix}hdr_ip`,
      {
        parameters,
        derives: false,
        make: (...texts) => convertedSample('ip', list(texts), (value) => addressIn(String(value))),
      },
    ],
  ]
}

/** The fetches that read the cookies of a request. */
export const COOKIE_FETCHES: readonly FetchRow<HeaderFacts>[] = [
  ['req.cook', { parameters: [NAME], derives: true, make: cookieSample }],
  [
    'req.cook_cnt',
    {
      parameters: [NAME],
      derives: false,
      make: (name = '') => singleSample('int', (facts) => cookiesOf(facts, name).length),
    },
  ],
]

function headerSample(reading: HeaderReading, texts: readonly string[]): Sample<HeaderFacts> {
  const name = (texts[0] ?? '').toLowerCase()
  const occurrence = Number(texts[1] ?? '')
  if (occurrence !== 0) {
    return singleSample('str', (facts) => headerValueAt(facts, name, reading, occurrence))
  }
  return {
    type: 'str',
    value: (facts) => headerValueAt(facts, name, reading, -1),
    some: (test) => (facts) => someHeaderValue(facts, name, reading, test),
  }
}

function countSample(reading: HeaderReading): (name?: string) => Sample<HeaderFacts> {
  return (name = '') => {
    const lower = name.toLowerCase()
    return singleSample('int', (facts) => countHeaderValues(facts, lower, reading))
  }
}

function cookieSample(name = ''): Sample<HeaderFacts> {
  return {
    type: 'str',
    value: (facts) => cookiesOf(facts, name).at(-1) ?? null,
    some: (test) => (facts) => someCookie(facts, name, test),
  }
}

function cookiesOf(facts: HeaderFacts, name: string): string[] {
  const values: string[] = []
  someCookie(facts, name, (value) => {
    values.push(value)
    return false
  })
  return values
}
