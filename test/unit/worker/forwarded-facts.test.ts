import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseRequestHead } from '../../../src/http/h1/request-parser.ts'
import { DEFAULT_HEAD_LIMITS } from '../../../src/http/limits.ts'
import { RequestHead } from '../../../src/http/request-head.ts'
import { ServerTable } from '../../../src/memory/server-table.ts'
import { parseExpression } from '../../../src/rules/language/expressions.ts'
import { REQUEST_PHASE } from '../../../src/rules/language/phases.ts'
import { Words } from '../../../src/rules/language/words.ts'
import { NO_SCOPE } from '../../../src/rules/rule-scope.ts'
import { RequestRewrite } from '../../../src/worker/exchange/rewriting/rewrite.ts'
import { FakeConn } from './fake-network.ts'
import { start } from './session-lab.ts'

/** Everything that a rule can ask of what is forwarded: the URL and the version are each hop's own. */
const FACTS = [
  'method',
  'path',
  'pathq',
  'query',
  'base',
  'baseq',
  'hdr(host)',
  'req.fhdr(host)',
  'req.hdr(host,1)',
  'req.hdr_cnt(host)',
  'req.fhdr_cnt(host)',
  'req.hdr_ip(host)',
  'req.hdr_val(host)',
  'hdr(host),host_only',
  'urlp(a)',
  'req.cook(c)',
  'req.cook_cnt(c)',
  'hdr(x-a)',
  'req.fhdr(x-a)',
  'req.hdr_cnt(x-a)',
  'req.hdr(content-length)',
  'req.hdr(transfer-encoding)',
] as const

/** A request as its server reads it, and what the rules of the proxy said of it, by fact. */
interface Forwarded {
  readonly head: RequestHead
  readonly saw: readonly string[]
}

function parse(text: string): RequestHead {
  const head = new RequestHead({ ...DEFAULT_HEAD_LIMITS, headersMax: 200 })
  const view = Buffer.from(text, 'latin1')
  expect(parseRequestHead(view, 0, view.length, head), text).toBeGreaterThan(0)
  return head
}

const table = ServerTable.create(1)

/** Null where the proxy, or a rule, refuses the request. */
function forward(text: string, rules: readonly string[] = []): Forwarded | null {
  const notes = FACTS.map((fact, n) => `set-header X-Saw-${n} "[%[${fact}]]"`)
  const httpRequest = [...rules, ...notes]
  const { client, engine, connectServer } = start(
    { httpMaxhdr: 200 },
    { frontend: { acceptConnect: true }, backend: { httpRequest } },
    table,
  )
  client.receive(text)
  if (engine.opened.length === 0) {
    expect(client.written).toMatch(/^HTTP\/1\.1 40[03] /)
    return null
  }
  const head = parse(connectServer().written)
  const saw = FACTS.map((_, n) => head.headers.get(`x-saw-${n}`) ?? 'nothing')
  return { head, saw }
}

/** What the same rules say at the server. */
function seenBy(head: RequestHead): string[] {
  const facts = new RequestRewrite(head, 0)
  facts.begin(new FakeConn(), 'server', NO_SCOPE)
  return FACTS.map((fact) => {
    const words = new Words(`${fact}`)
    const word = words.expect('', '')
    const parsed = word === null ? null : parseExpression(word, 0, REQUEST_PHASE, false, words)
    return `[${parsed?.sample.value(facts) ?? ''}]`
  })
}

const host = fc.constantFrom('a', 'A.b', 'a.', 'a:80', 'a:', 'A:8080', '192.0.2.7', '[::1]:80')
const pathq = fc.constantFrom('/', '/x', '//x/y', '/x?a=1&b', '/?a=1;a=2', '/%2e/x?', '/x?y?a=3')
const target = fc.oneof(
  pathq,
  fc
    .tuple(
      fc.constantFrom('http', 'https', 'HTTP'),
      host,
      fc.oneof(fc.constantFrom('', '?a=4'), pathq),
    )
    .map(([scheme, authority, rest]) => `${scheme}://${authority}${rest}`),
  fc.constantFrom('*', 'a:443', '[::1]:80'),
)
const line = fc.constantFrom(
  'X-A: 1, 2',
  'x-a:  3',
  'Cookie: c=1; d=2; c=3',
  'Cookie:c=4',
  'Connection: x-b, close',
  'Connection: keep-alive',
  'Content-Length: 0',
  'Content-Length:  00',
  'Transfer-Encoding: CHUNKED',
  'Expect: 100-continue',
  'TE: trailers',
)
const hostLine = fc.oneof(
  fc.constantFrom<string[]>([], ['Host:']),
  fc
    .tuple(fc.constantFrom('Host: ', 'host:', 'HOST:  '), host)
    .map(([name, value]) => [name + value]),
)
const rule = fc.constantFrom(
  'set-header Host b:81 if !METH_CONNECT',
  'set-path /z',
  'set-query a=5',
  'del-header x-a',
)

describe('what rules see of a request', () => {
  it.each([
    ['GET http://internal/x HTTP/1.0', '[internal]', '[internal/x]', 'Host: internal'],
    ['GET http://INTERNAL:80/x HTTP/1.0', '[INTERNAL:80]', '[INTERNAL:80/x]', 'Host: INTERNAL:80'],
    ['CONNECT internal:443 HTTP/1.0', '[internal:443]', '[internal:443]', 'Host: internal:443'],
  ])('of %s is the host that its target names', (line, host, base, sent) => {
    const { head, saw } = forward(`${line}\r\n\r\n`) as Forwarded
    expect([saw[FACTS.indexOf('hdr(host)')], saw[FACTS.indexOf('base')]]).toEqual([host, base])
    expect([head.headers.get('host'), head.minorVersion]).toEqual([sent.slice('Host: '.length), 1])
    expect(forward(`${line}\r\n\r\n`, ['deny if { hdr_beg(host) -i internal }'])).toBeNull()
  })

  it('is no host where the client has named none, and no server is told of one', () => {
    const { head, saw } = forward('POST /x HTTP/1.0\r\nContent-Length: 0\r\n\r\n') as Forwarded
    expect([saw[FACTS.indexOf('hdr(host)')], saw[FACTS.indexOf('base')]]).toEqual(['[]', '[/x]'])
    expect([head.headers.has('host'), head.minorVersion, head.persistent]).toEqual([
      false,
      0,
      false,
    ])
  })

  it('is the host that a rule has given to a request without one', () => {
    const { head } = forward('GET / HTTP/1.0\r\n\r\n', ['set-header Host b']) as Forwarded
    expect([head.headers.get('host'), head.minorVersion]).toEqual(['b', 1])
  })

  it('is what its server sees', () => {
    let forwarded = 0
    const method = fc.constantFrom('GET', 'POST', 'OPTIONS', 'CONNECT', 'x')
    const version = fc.constantFrom('1.0', '1.1')
    const lines = fc.array(line, { maxLength: 4 })
    const rules = fc.array(rule, { maxLength: 2 })
    fc.assert(
      fc.property(
        method,
        target,
        version,
        hostLine,
        lines,
        rules,
        (verb, to, minor, own, more, edits) => {
          const text = `${[`${verb} ${to} HTTP/${minor}`, ...own, ...more].join('\r\n')}\r\n\r\n`
          const result = forward(text, edits)
          if (result === null) return
          forwarded++
          expect(result.saw).toEqual(seenBy(result.head))
        },
      ),
      { numRuns: 400 },
    )
    expect(forwarded).toBeGreaterThan(50)
  })
})
