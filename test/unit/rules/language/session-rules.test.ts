import { describe, expect, it } from 'vitest'
import type { HelloReading } from '../../../../src/net/tls/client-hello.ts'
import type { ContentFacts } from '../../../../src/rules/facts.ts'
import { compileSessionRules } from '../../../../src/rules/language/session-rules.ts'
import { NO_SCOPE } from '../../../../src/rules/rule-scope.ts'
import { linearPatterns } from '../../../../src/rules-host/linear-patterns.ts'

const HELLO: HelloReading = {
  outcome: 'complete',
  hello: {
    version: 0x30003,
    serverName: 'a.example',
    alpn: ['h2', 'http/1.1'],
    ticketKeyNames: [],
  },
}
const PART: HelloReading = { outcome: 'incomplete' }
const NO_TLS: HelloReading = { outcome: 'malformed' }

function factsOf(hello: HelloReading, isFinal = false): ContentFacts {
  return {
    src: '127.0.0.1',
    srcPort: 1,
    dst: '127.0.0.1',
    dstPort: 443,
    frontendName: 'web',
    tls: null,
    scope: NO_SCOPE,
    hello,
    isFinal,
    isMissing: false,
  }
}

function compile(tcpRequest: readonly string[], useBackend: readonly string[] = []) {
  const acls = [
    { name: 'here', expressions: ['src 127.0.0.1'] },
    { name: 'either', expressions: ['req.ssl_sni a.example', 'dst_port 443'] },
  ]
  const texts = { acls, tcpRequest, useBackend, backendNames: ['app', 'api'] }
  return compileSessionRules(texts, linearPatterns)
}

/** What a rule that accepts under this condition makes of a connection; reject: it does not. */
function verdict(condition: string, hello: HelloReading, isFinal = false): string | null {
  const rules = compile([`content accept if ${condition}`, 'content reject'])
  return rules?.content?.(factsOf(hello, isFinal)) ?? null
}

const SNI = '{ req.ssl_sni a.example }'

describe('a tcp-request content rule', () => {
  it.each([
    [SNI, 'accept', null, 'reject'],
    [`!${SNI}`, 'reject', null, 'accept'],
    ['{ req.ssl_hello_type 1 }', 'accept', null, 'reject'],
    ['{ req_ssl_sni -m end .example }', 'accept', null, 'reject'],
    ['{ req.ssl_alpn -m sub h2 }', 'accept', null, 'reject'],
    ['{ req.ssl_alpn h2,http/1.1 }', 'accept', null, 'reject'],
    ['{ req.ssl_ver 3.3 }', 'accept', null, 'reject'],
    ['{ req.ssl_ver gt 3.3 }', 'reject', null, 'reject'],
    ['{ req.ssl_ver 3.1:3.3 }', 'accept', null, 'reject'],
    // What is not known yet is not needed where another alternative is.
    [`${SNI} or here`, 'accept', 'accept', 'accept'],
    [`here or ${SNI}`, 'accept', 'accept', 'accept'],
    [`!${SNI} or !here`, 'reject', null, 'accept'],
    [`${SNI} here`, 'accept', null, 'reject'],
    [`${SNI} !here`, 'reject', null, 'reject'],
    [`!here ${SNI}`, 'reject', 'reject', 'reject'],
    ['either', 'accept', 'accept', 'accept'],
    ['!either', 'reject', 'reject', 'reject'],
  ])('if %s is decided as far as it can be', (condition, whole, part, none) => {
    expect(verdict(condition, HELLO)).toBe(whole)
    expect(verdict(condition, PART)).toBe(part)
    expect(verdict(condition, NO_TLS)).toBe(none)
    // Where nothing more comes, what is cut is as good as none.
    expect(verdict(condition, PART, true)).toBe(none)
  })

  it('accepts where none applies, and waits where one is not sure', () => {
    const rules = compile(['content reject if { req.ssl_sni b.example }'])
    expect(rules?.content?.(factsOf(HELLO))).toBe('accept')
    expect(rules?.content?.(factsOf(PART))).toBeNull()
  })

  it('knows how long to wait', () => {
    expect(compile(['content accept'])?.inspectDelayMs).toBe(0)
    expect(compile(['inspect-delay 5s'])).toMatchObject({ inspectDelayMs: 5000, content: null })
    expect(compile([])).toBeNull()
  })
})

describe('use_backend in mode tcp', () => {
  it('goes by what has come', () => {
    const rules = compile([], [`api if ${SNI}`, 'app if { dst_port 444 }'])
    expect(rules?.route?.(factsOf(HELLO, true))).toBe('api')
    expect(rules?.route?.(factsOf(PART, true))).toBeNull()
  })

  it('names backends that there are', () => {
    expect(() => compile([], ['nowhere'])).toThrow('use_backend names no backend: "nowhere"')
  })
})
