import type { RequestFacts, ResponseFacts, SessionFacts } from '../facts.ts'
import type { Parameter } from '../language/calls.ts'
import { parseVariable } from '../variables.ts'
import { CERTIFICATE_ROWS } from './certificate-fetches.ts'
import { COOKIE_FETCHES, headerFetches } from './header-fetches.ts'
import { headerValueAt } from './header-lists.ts'
import {
  convertedSample,
  type Fetch,
  type FetchRow,
  integerOf,
  type Sample,
  singleSample,
  type Value,
} from './samples.ts'

const TEXT: Parameter = { name: 'text', kind: 'text', required: true }
const NUMBER: Parameter = { name: 'number', kind: 'integer', required: true }
const NAME: Parameter = { name: 'name', kind: 'text', required: true }
const SLOT: Parameter = { name: 'idx', kind: 'integer', required: true }
const DEFAULT: Parameter = { name: 'default', kind: 'text', required: false }

const SESSION_ROWS: readonly FetchRow<SessionFacts>[] = [
  ['always_true', plain('bool', () => 1)],
  ['always_false', plain('bool', () => 0)],
  ['str', { parameters: [TEXT], derives: false, make: (text = '') => constant('str', text) }],
  ['int', { parameters: [NUMBER], derives: false, make: (text) => constant('int', Number(text)) }],
  ['src', plain('ip', (facts) => facts.src || null)],
  ['src_port', plain('int', (facts) => facts.srcPort)],
  ['dst', plain('ip', (facts) => facts.dst || null)],
  ['dst_port', plain('int', (facts) => facts.dstPort)],
  ['fe_name', plain('str', (facts) => facts.frontendName)],
  ['ssl_fc', plain('bool', ({ tls }) => Number(tls !== null))],
  ['ssl_fc_protocol', plain('str', ({ tls }) => tls?.protocol ?? null)],
  ['ssl_fc_cipher', plain('str', ({ tls }) => tls?.cipher ?? null)],
  ['ssl_fc_sni', plain('str', ({ tls }) => tls?.serverName ?? null)],
  ['ssl_fc_alpn', plain('str', ({ tls }) => tls?.alpn ?? null)],
  ['ssl_fc_is_resumed', plain('bool', ({ tls }) => Number(tls?.isResumed ?? false))],
  ...CERTIFICATE_ROWS,
  ['var', { parameters: [NAME, DEFAULT], derives: false, make: variableSample }],
]

/** What was captured of the request at hand and its response. HAProxy manual, section 7.3.6. */
const CAPTURE_ROWS: readonly FetchRow<SessionFacts>[] = [
  ['capture.req.hdr', capturedSample('request')],
  ['capture.res.hdr', capturedSample('response')],
  ['capture.req.method', plain('str', ({ scope }) => scope.captures.line.method || null)],
  ['capture.req.uri', plain('str', ({ scope }) => capturedPath(scope.captures.line.target))],
  ['capture.req.ver', plain('str', ({ scope }) => `HTTP/${scope.captures.line.version}`)],
]

/**
 * What can be fetched where a client has connected and nothing more is known. HAProxy
 * configuration manual, sections 7.3.2 to 7.3.4.
 */
export const SESSION_FETCHES: ReadonlyMap<string, Fetch<SessionFacts>> = new Map(SESSION_ROWS)

/** What can be fetched from a request. HAProxy configuration manual, section 7.3.6. */
export const REQUEST_FETCHES: ReadonlyMap<string, Fetch<RequestFacts>> = new Map(
  withShortNames('req.', [
    ...SESSION_ROWS,
    ...CAPTURE_ROWS,
    ...headerFetches('req.'),
    ...COOKIE_FETCHES,
    ['method', plain('str', (facts) => facts.method)],
    ['req.ver', plain('str', (facts) => facts.version)],
    ['req.body', plain('str', (facts) => facts.body)],
    ['req.body_len', plain('int', (facts) => facts.body.length)],
    ['req.body_size', plain('int', bodySizeOf)],
    ['url', plain('str', (facts) => facts.url, 'derives')],
    ['path', plain('str', pathOf, 'derives')],
    ['pathq', plain('str', (facts) => facts.pathq)],
    ['query', plain('str', queryOf)],
    ['base', plain('str', (facts) => hostOf(facts) + (pathOf(facts) ?? ''), 'derives')],
    ['baseq', plain('str', (facts) => hostOf(facts) + (facts.pathq ?? ''))],
    ['urlp', { parameters: [NAME], derives: true, make: (name = '') => urlParameter(name) }],
    ['url_param', { parameters: [NAME], derives: false, make: (name = '') => urlParameter(name) }],
    [
      'urlp_val',
      {
        parameters: [NAME],
        derives: false,
        make: (name = '') => convertedSample('int', urlParameter(name), integerOf),
      },
    ],
  ]),
)

/** What can be fetched from a response. HAProxy configuration manual, section 7.3.6. */
export const RESPONSE_FETCHES: ReadonlyMap<string, Fetch<ResponseFacts>> = new Map<
  string,
  Fetch<ResponseFacts>
>([
  ...SESSION_ROWS,
  ...CAPTURE_ROWS,
  ...headerFetches('res.'),
  ['status', plain('int', (facts) => facts.status)],
  ['res.ver', plain('str', (facts) => facts.version)],
])

/** What the client says, where it does; else what has come. */
function bodySizeOf(facts: RequestFacts): number {
  return Number(headerValueAt(facts, 'content-length', 'line', 1) ?? facts.body.length)
}

/** Path of a request without its query, or null where it has none. */
export function pathOf(facts: RequestFacts): string | null {
  const { pathq } = facts
  if (pathq === null) return null
  const mark = pathq.indexOf('?')
  return mark < 0 ? pathq : pathq.slice(0, mark)
}

/** Query of a request: what follows the first question mark; null where there is none. */
export function queryOf({ pathq }: RequestFacts): string | null {
  const mark = pathq === null ? -1 : pathq.indexOf('?')
  return pathq === null || mark < 0 ? null : pathq.slice(mark + 1)
}

/** The host that a request names, '' where it names none. */
export function hostOf(facts: RequestFacts): string {
  return headerValueAt(facts, 'host', 'line', 1) ?? ''
}

function plain<F>(
  type: Sample<F>['type'],
  value: (facts: F) => Value | null,
  derives?: 'derives',
): Fetch<F> {
  const sample = singleSample(type, value)
  return { parameters: [], derives: derives !== undefined, make: () => sample }
}

function capturedSample(of: 'request' | 'response'): Fetch<SessionFacts> {
  const make = (slot = ''): Sample<SessionFacts> =>
    singleSample('str', ({ scope }) => scope.captures[of][Number(slot)] ?? null)
  return { parameters: [SLOT], derives: false, make }
}

/** Path and query of a request target, whatever its form; null where it has none. */
function capturedPath(target: string): string | null {
  return /^(?:https?:\/\/[^/?]*)?(\/.*)$/.exec(target)?.[1] ?? null
}

function variableSample(name = '', otherwise = ''): Sample<SessionFacts> | string {
  const variable = parseVariable(name)
  if (typeof variable === 'string') return variable
  const fallback = otherwise === '' ? null : otherwise
  return singleSample('str', ({ scope }) => scope.variables.get(variable) ?? fallback)
}

function constant(type: 'str' | 'int', value: Value): Sample<unknown> {
  return singleSample(type, () => value)
}

/** HAProxy's older names: a request's `req.hdr` is `hdr`, too. */
function withShortNames<F>(prefix: string, rows: readonly FetchRow<F>[]): FetchRow<F>[] {
  return rows.flatMap(([name, fetch]) =>
    name.startsWith(prefix)
      ? [
          [name, fetch],
          [name.slice(prefix.length), fetch],
        ]
      : [[name, fetch]],
  )
}

/**
 * A parameter of the query. A rule that inserts takes the first of several, a rule that asks looks
 * at all. HAProxy configuration manual, section 7.3.6, url_param.
 */
export function urlParameter(name: string): Sample<RequestFacts> {
  return {
    type: 'str',
    value: (facts) => {
      let first: string | null = null
      someUrlParameter(facts, name, (value) => {
        first = value
        return true
      })
      return first
    },
    some: (test) => (facts) => someUrlParameter(facts, name, test),
  }
}

/** `&`, `;` and `?` separate parameters; one without `=` is none, nothing is decoded. */
function someUrlParameter(
  facts: RequestFacts,
  name: string,
  test: (value: string) => boolean,
): boolean {
  const query = queryOf(facts)
  if (query === null) return false
  for (let start = 0; start < query.length; ) {
    let end = start
    while (end < query.length && !'&;?'.includes(query[end] as string)) end++
    if (query.startsWith(name, start) && query[start + name.length] === '=') {
      if (test(query.slice(start + name.length + 1, end))) return true
    }
    start = end + 1
  }
  return false
}
