import type { ClientHello } from '../../net/tls/client-hello.ts'
import type { ContentFacts } from '../facts.ts'
import { SESSION_FETCHES } from './fetches.ts'
import { type Fetch, type FetchRow, type Sample, singleSample, type Value } from './samples.ts'

/** HandshakeType of RFC 8446 section 4. */
const CLIENT_HELLO = 1

/** Each with the name that it had first. HAProxy configuration manual, section 7.3.5. */
const CONTENT_ROWS: readonly FetchRow<ContentFacts>[] = [
  // What is complete is a ClientHello: nothing else is read.
  ...named(
    'req.ssl_hello_type',
    helloSample('int', () => CLIENT_HELLO),
  ),
  ...named(
    'req.ssl_sni',
    helloSample('str', ({ serverName }) => serverName),
  ),
  ...named(
    'req.ssl_ver',
    helloSample('int', ({ version }) => version),
    'version',
  ),
  ['req.ssl_alpn', fetchOf(helloSample('str', ({ alpn }) => alpn.join(',') || null))],
]

/** What can be fetched where a client in `mode tcp` has begun to send. */
export const CONTENT_FETCHES: ReadonlyMap<string, Fetch<ContentFacts>> = new Map([
  ...SESSION_FETCHES,
  ...CONTENT_ROWS,
])

function named(
  name: string,
  sample: Sample<ContentFacts>,
  method?: 'version',
): FetchRow<ContentFacts>[] {
  const fetch = { ...fetchOf(sample), ...(method !== undefined && { method }) }
  return [
    [name, fetch],
    [name.replace('.', '_'), fetch],
  ]
}

function fetchOf(sample: Sample<ContentFacts>): Fetch<ContentFacts> {
  return { parameters: [], derives: false, make: () => sample }
}

function helloSample(
  type: 'str' | 'int',
  read: (hello: ClientHello) => Value | null,
): Sample<ContentFacts> {
  return singleSample(type, (facts) => {
    const reading = facts.hello
    if (reading.outcome === 'incomplete') return missing(facts)
    return reading.outcome === 'complete' ? read(reading.hello) : null
  })
}

/** Nothing is found, as yet or for good. */
function missing(facts: ContentFacts): null {
  if (!facts.isFinal) facts.isMissing = true
  return null
}
