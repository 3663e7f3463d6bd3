import { describe, expect, it } from 'vitest'
import { SluiceError } from '../../../../src/base/errors.ts'
import type { RequestOutcome } from '../../../../src/rules/actions/outcomes.ts'
import {
  type CompiledRules,
  compileRules,
  type RuleTexts,
  type Waiting,
} from '../../../../src/rules/language/compile.ts'
import { linearPatterns } from '../../../../src/rules-host/linear-patterns.ts'
import { Message } from '../messages.ts'

function compile(texts: Partial<RuleTexts>): CompiledRules {
  return compileRules(
    {
      acls: [],
      captures: null,
      httpRequest: [],
      httpResponse: [],
      useBackend: [],
      backendNames: ['app', 'api'],
      ...texts,
    },
    linearPatterns,
  )
}

/** Runs `http-request` rules over a request. */
function run(rules: readonly string[], request: Message): RequestOutcome | Waiting | null {
  return compile({ httpRequest: rules }).request!(request, request, 0)
}

describe('compileRules', () => {
  it('is null where there are no rules', () => {
    const editedHeaders = new Set()
    const none = { captures: null, capture: null, request: null, response: null, route: null }
    expect(compile({})).toEqual({ editedHeaders, ...none })
  })

  it('names the headers that any rule edits, whatever its condition', () => {
    const { editedHeaders } = compile({
      httpRequest: ['set-header "X-A" 1', 'deny if { path /x }', 'del-header x-b if FALSE'],
      httpResponse: ['add-header X-C %[status]', 'allow'],
    })
    expect([...editedHeaders]).toEqual(['x-a', 'x-b', 'x-c'])
  })

  it('routes by the first rule whose condition is true', () => {
    const { route } = compile({
      acls: [{ name: 'is_api', expressions: ['path_beg /api/', 'hdr(host) api.example.com'] }],
      useBackend: ['api if is_api', 'app if { path_beg /app/ }', 'api if { path /x }'],
    })
    const routed = (line: string, headers: string[] = []): string | null =>
      route!(new Message({ line, headers }))
    expect(routed('GET /api/x')).toBe('api')
    expect(routed('GET /', ['Host: api.example.com'])).toBe('api')
    expect(routed('GET /app/')).toBe('app')
    expect(routed('GET /')).toBeNull()
  })

  it('shows later rules what earlier ones have set', () => {
    const request = new Message()
    run(['set-header X-A 1', 'set-header X-B 2 if { hdr(x-a) 1 }', 'del-header X-A'], request)
    expect(request.lines).toEqual(['X-B: 2'])
  })

  it.each([
    { rules: { useBackend: ['nowhere'] }, message: 'use_backend names no backend: "nowhere"' },
    { rules: { httpRequest: ['deny if nobody'] }, message: 'no ACL "nobody"' },
    { rules: { httpRequest: ['deny "'] }, message: 'this quote is not closed' },
    { rules: { acls: [{ name: 'a', expressions: ['path'] }] }, message: 'needs a pattern' },
  ])('throws a coded error: $message', ({ rules, message }) => {
    expect(() => compile(rules)).toThrow(SluiceError)
    expect(() => compile(rules)).toThrow(message)
  })
})

describe('http-request', () => {
  const request = (line = 'GET /a?b=c'): Message =>
    new Message({ line, headers: ['Host: Example.com:8080', 'X: 1', 'X: 2'] })

  it.each([
    ['set-header X 3', ['Host: Example.com:8080', 'X: 3']],
    ['set-header X %[req.fhdr(x,1)],%[req.fhdr(x)]', ['Host: Example.com:8080', 'X: 1,2']],
    ['add-header X %ci', ['Host: Example.com:8080', 'X: 1', 'X: 2', 'X: 127.0.0.1']],
    ['del-header x', ['Host: Example.com:8080']],
    ['set-header Host a', ['X: 1', 'X: 2', 'Host: a']],
    [
      'set-header X "%f %fi:%fp %HM %HU %HPO %cp 100%%"',
      ['Host: Example.com:8080', 'X: web 192.0.2.1:8080 GET /a?b=c /a 50000 100%'],
    ],
    ['set-header X %[ssl_fc,iif(https,http)]', ['Host: Example.com:8080', 'X: http']],
    ['set-header X <%[hdr(nosuch)]>', ['Host: Example.com:8080', 'X: <>']],
    [`set-header X '%[str("a]b)")]%[str("(")]'`, ['Host: Example.com:8080', 'X: a]b)(']],
    ['set-header X ""', ['Host: Example.com:8080', 'X: ']],
    ['set-header X é', ['Host: Example.com:8080', 'X: \xc3\xa9']],
    ['set-header X 3 if { path /b }', ['Host: Example.com:8080', 'X: 1', 'X: 2']],
  ])('%s', (rule, lines) => {
    const edited = request()
    expect(run([rule], edited)).toBeNull()
    expect(edited.lines).toEqual(lines)
    expect(edited.failedRewrites).toBe(0)
  })

  it.each([
    { rule: 'set-path /n%[path]', target: '/a?b=c', edited: '/n/a?b=c' },
    { rule: 'set-path /n', target: '/a', edited: '/n' },
    { rule: 'set-path /n', target: '/a?', edited: '/n?' },
    { rule: 'set-query x=%[query]', target: '/a?b=c', edited: '/a?x=b=c' },
    { rule: 'set-query x', target: '/a', edited: '/a?x' },
    { rule: 'set-query ""', target: '/a?b', edited: '/a?' },
    { rule: 'set-query ""', target: '/a', edited: '/a' },
    { rule: 'set-path /n', target: 'http://e.com/a?b', edited: '/n?b' },
  ])('$rule makes $edited of $target', ({ rule, target, edited }) => {
    const message = request(`GET ${target}`)
    run([rule], message)
    expect(message.url).toBe(edited)
  })

  it.each([
    { rule: 'set-path n', target: '/a' },
    { rule: 'set-path /%[urlp(q),url_dec]', target: '/a?q=x%20y' },
    { rule: 'set-path /%[urlp(q),url_dec]', target: '/a?q=x%0d%0aGET' },
    { rule: 'set-path /%[urlp(q),url_dec]', target: '/a?q=x%3fy' },
    { rule: 'set-path /%[urlp(q),url_dec]', target: '/a?q=x%23y' },
    { rule: 'set-query %[urlp(q),url_dec]', target: '/a?q=%ff' },
    { rule: 'set-query x', target: '*' },
    { rule: 'set-header X %[urlp(q),url_dec]', target: '/a?q=x%0d%0aEvil:1' },
    { rule: 'add-header X %[urlp(q),url_dec]', target: '/a?q=x%0aEvil:1' },
    { rule: 'set-header X a%[urlp(q),url_dec]', target: '/a?q=%00' },
  ])('$rule leaves $target as it was, and counts', ({ rule, target }) => {
    const message = request(`GET ${target}`)
    const { lines } = message
    expect(run([rule], message)).toBeNull()
    expect(message).toMatchObject({ url: target, lines, failedRewrites: 1 })
  })

  it.each([
    ['deny', { kind: 'deny', status: 403, termination: 'PR' }],
    ['deny deny_status 429', { kind: 'deny', status: 429, termination: 'PR' }],
    ['deny status 599', { kind: 'deny', status: 599, termination: 'PR' }],
    ['redirect location /x%[path] code 301', { kind: 'redirect', status: 301, location: '/x/a' }],
    ['redirect prefix /', { kind: 'redirect', status: 302, location: '/a?b=c' }],
    [
      'redirect prefix https://a.b code 307',
      { kind: 'redirect', status: 307, location: 'https://a.b/a?b=c' },
    ],
    ['redirect prefix /p drop-query', { kind: 'redirect', status: 302, location: '/p/a' }],
    [
      'redirect scheme https',
      { kind: 'redirect', status: 302, location: 'https://Example.com:8080/a?b=c' },
    ],
    [
      'redirect scheme https drop-query code 308',
      { kind: 'redirect', status: 308, location: 'https://Example.com:8080/a' },
    ],
    ['return', { kind: 'return', status: 200, contentType: null, body: '', headers: [] }],
    [
      'return status 204 hdr X-A "b c" hdr X-B %[path]',
      {
        kind: 'return',
        status: 204,
        contentType: null,
        body: '',
        headers: [
          { name: 'X-A', value: 'b c' },
          { name: 'X-B', value: '/a' },
        ],
      },
    ],
    [
      'return content-type text/plain string "a %[path]"',
      { kind: 'return', status: 200, contentType: 'text/plain', body: 'a %[path]', headers: [] },
    ],
    [
      'return lf-string "a %[path] %%" content-type text/plain status 201',
      { kind: 'return', status: 201, contentType: 'text/plain', body: 'a /a %', headers: [] },
    ],
    [
      'return content-type text/plain',
      { kind: 'return', status: 200, contentType: null, body: '', headers: [] },
    ],
  ])('%s', (rule, outcome) => {
    expect(run([rule, 'deny deny_status 500'], request())).toEqual(outcome)
  })

  it('redirects a request for the server itself to the root', () => {
    const star = new Message({ line: 'OPTIONS *', headers: ['Host: a'] })
    expect(run(['redirect scheme https'], star)).toMatchObject({ location: 'https://a/' })
  })

  it('answers 400 rather than break a Location, and leaves out a broken header', () => {
    const evil = new Message({ line: 'GET /?q=%0d%0aSet-Cookie:a=b' })
    expect(run(['redirect location /%[urlp(q),url_dec]'], evil)).toEqual({
      kind: 'deny',
      status: 400,
      termination: 'PR',
    })
    expect(run(['return hdr X-Q %[urlp(q),url_dec] hdr X-P a'], evil)).toMatchObject({
      headers: [{ name: 'X-P', value: 'a' }],
    })
    expect(evil.failedRewrites).toBe(2)
  })

  it('waits where a rule does, and goes on behind it', () => {
    const rules = compile({ httpRequest: ['set-header X a', 'tarpit if { path /a }', 'deny'] })
    const at = rules.request?.(request(), request(), 0)
    expect(at).toMatchObject({ kind: 'wait', wait: { timeoutMs: null, bodyBytes: null }, next: 2 })
    if (at?.kind !== 'wait') return
    expect(at.wait.resume(true)).toEqual({ kind: 'deny', status: 500, termination: 'PT' })
    expect(rules.request?.(request(), request(), at.next)).toMatchObject({ status: 403 })
  })

  it.each([
    ['wait-for-body time 5s', { timeoutMs: 5000, bodyBytes: 0 }],
    ['wait-for-body time 250 at-least 2k', { timeoutMs: 250, bodyBytes: 2048 }],
  ])('waits for a body: %s', (rule, wait) => {
    const at = run([rule, 'deny'], request())
    expect(at).toMatchObject({ kind: 'wait', wait, next: 1 })
    if (at?.kind !== 'wait') return
    expect([at.wait.resume(false), at.wait.resume(true)]).toEqual([null, { kind: 'late' }])
  })

  it('passes over the rules that follow an allow', () => {
    const rules = ['allow if { path /a }', 'deny']
    expect(run(rules, request())).toBeNull()
    expect(run(rules, request('GET /b'))).toEqual({ kind: 'deny', status: 403, termination: 'PR' })
  })
})

describe('http-response', () => {
  it.each([
    { status: 200, lines: ['Server: x', 'Cache-Control: no-cache', 'X-Status: 200'] },
    { status: 404, lines: ['Server: x', 'Cache-Control: no-store'] },
    { status: 503, lines: [] },
  ])('edits the headers of $status', ({ status, lines }) => {
    const { response } = compile({
      acls: [{ name: 'is_error', expressions: ['status 400:499'] }],
      httpResponse: [
        'set-header Cache-Control no-store if is_error',
        'allow if is_error',
        'del-header server if { status ge 500 }',
        'del-header cache-control if { status ge 500 }',
        'add-header X-Status %ST if { res.hdr_cnt(server) gt 0 }',
      ],
    })
    const message = new Message({ status, headers: ['Server: x', 'Cache-Control: no-cache'] })
    response!(message, message)
    expect(message.lines).toEqual(lines)
  })
})
