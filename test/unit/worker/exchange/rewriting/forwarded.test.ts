import { describe, expect, it } from 'vitest'
import { parseRequestHead } from '../../../../../src/http/h1/request-parser.ts'
import { DEFAULT_HEAD_LIMITS } from '../../../../../src/http/limits.ts'
import { RequestHead } from '../../../../../src/http/request-head.ts'
import type { ForwardedConfig } from '../../../../../src/model/config.ts'
import type { SessionFacts } from '../../../../../src/rules/facts.ts'
import { NO_SCOPE } from '../../../../../src/rules/rule-scope.ts'
import {
  compileForwarded,
  type ForwardedLine,
} from '../../../../../src/worker/exchange/rewriting/forwarded.ts'
import { TLS_FACTS } from '../../../../fixtures/tls-facts.ts'

const NOTHING: ForwardedConfig = {
  proto: false,
  host: false,
  by: false,
  byPort: false,
  for: false,
  forPort: false,
}
const SESSION: SessionFacts = {
  src: '192.0.2.1',
  srcPort: 50_000,
  dst: '192.0.2.2',
  dstPort: 80,
  frontendName: 'web',
  tls: null,
  scope: NO_SCOPE,
}
const IPV6: Partial<SessionFacts> = { src: '2001:db8::1', dst: '::1' }
const UNIX: Partial<SessionFacts> = { src: '', srcPort: 0, dst: '', dstPort: 0 }
const ALL = { proto: true, host: true, by: true, byPort: true, for: true, forPort: true }

function compile(option: Partial<ForwardedConfig>): ForwardedLine {
  const line = compileForwarded({ ...NOTHING, ...option })
  if (line === null) throw new Error('compiled to nothing')
  return line
}

function headWith(lines: string, target = '/'): RequestHead {
  const head = new RequestHead(DEFAULT_HEAD_LIMITS)
  const view = Buffer.from(`GET ${target} HTTP/1.0\r\n${lines}\r\n`, 'latin1')
  expect(parseRequestHead(view, 0, view.length, head)).toBe(view.length)
  return head
}

/** The value of the line for a session and the header lines of a request; '' without a line. */
function valueFor(
  option: Partial<ForwardedConfig>,
  session: Partial<SessionFacts> = {},
  lines = 'Host: a\r\n',
): string {
  const line = compile(option)({ ...SESSION, ...session }, headWith(lines))
  if (line === '') return ''
  const [, value = 'malformed'] = /^Forwarded: (.*)\r\n$/.exec(line) ?? []
  return value
}

describe('option forwarded', () => {
  it.each<[string, Partial<ForwardedConfig>, Partial<SessionFacts>]>([
    ['proto=http;for=192.0.2.1', { proto: true, for: true }, {}],
    ['proto=https', { proto: true }, { tls: TLS_FACTS }],
    ['proto=http;host="a";by="192.0.2.2:80";for="192.0.2.1:50000"', ALL, {}],
    ['proto=http;host="a";by="[::1]:80";for="[2001:db8::1]:50000"', ALL, IPV6],
    ['by=192.0.2.2', { by: true }, {}],
    ['by="[::1]";for="[2001:db8::1]"', { by: true, for: true }, IPV6],
    ['for="[fe80::1]"', { for: true }, { src: 'fe80::1%eth0' }],
    ['proto=http;host="a";by=unknown;for=unknown', ALL, UNIX],
    ['for=192.0.2.1', { for: true, byPort: true }, {}],
  ])('%s', (value, option, session) => {
    expect(valueFor(option, session)).toBe(value)
  })

  it.each([
    ['Host: example.com\r\n', 'host="example.com"'],
    ['Host: example.com:8080\r\n', 'host="example.com:8080"'],
    ['hOST:   [2001:db8::1]:80  \r\n', 'host="[2001:db8::1]:80"'],
    ["Host: a;for=evil'%00\r\n", 'host="a;for=evil\'%00"'],
    ['X: y\r\n', ''],
    ['Host:\r\n', ''],
  ])('has the host of %j', (lines, value) => {
    expect(valueFor({ host: true }, {}, lines)).toBe(value)
  })

  it('has the host as it was received, whatever a rule has made of it', () => {
    const head = headWith('X: y\r\nHost: a\r\n')
    head.headers.remove('host')
    expect(compile({ host: true })(SESSION, head)).toBe('Forwarded: host="a"\r\n')
  })

  it('has the host that only the target names', () => {
    const head = headWith('X: y\r\n', 'http://a:81/')
    expect(compile({ host: true })(SESSION, head)).toBe('Forwarded: host="a:81"\r\n')
  })

  it('is no line where it has nothing to tell, and nothing where it is off', () => {
    expect(valueFor({ host: true }, {}, '')).toBe('')
    expect(valueFor({ host: true, for: true }, {}, '')).toBe('for=192.0.2.1')
    expect(compileForwarded(null)).toBeNull()
  })
})
