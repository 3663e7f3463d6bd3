import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { RuleKind } from '../../../../src/model/language.ts'
import { compileRules } from '../../../../src/rules/language/compile.ts'
import { validateRule } from '../../../../src/rules/language/rule-validation.ts'
import { Words } from '../../../../src/rules/language/words.ts'
import { linearPatterns } from '../../../../src/rules-host/linear-patterns.ts'

const ACLS = new Map([
  ['is_api', ['path_beg /api/']],
  ['is_error', ['status 400:599']],
  ['is_local', ['src 127.0.0.0/8']],
  ['broken', ['nosuch x']],
])

/** The problem of a rule, as its text with the message put in behind a caret. */
function told(kind: RuleKind, text: string): string {
  const problem = validateRule(kind, text, ACLS, linearPatterns)
  if (problem === null) return 'right'
  const { offset, message, hint } = problem
  return `${text.slice(0, offset)}^${text.slice(offset)} | ${message} | ${hint}`
}

describe('validateRule', () => {
  it.each([
    ['', '^ | an expression is missing | '],
    ['pth_beg /a', '^pth_beg /a | unknown fetch "pth_beg" | Did you mean path_beg?'],
    ['frobnicate', '^frobnicate | unknown fetch "frobnicate" | docs/rules.md lists the fetches.'],
    ['path_beg', '^path_beg | "path_beg" needs a pattern to be held against | '],
    ['pathq_beg /', '^pathq_beg / | "pathq_beg" is not a fetch | Write pathq -m beg.'],
    ['hdr(host', 'hdr^(host | the parenthesis after "hdr" is not closed | '],
    ['hdr x', 'hdr^ x | "hdr" needs name | Write hdr(name,[occurrence]).'],
    ['hdr(x,y) z', 'hdr(x,^y) z | "y" is not a whole number | Write hdr(name,[occurrence]).'],
    ['hdr(x,1,2) z', 'hdr(x,1,^2) z | "hdr" takes at most 2 | Write hdr(name,[occurrence]).'],
    ['path(x) y', 'path(^x) y | "path" takes no argument | Write path.'],
    ['path,lowr x', 'path,^lowr x | unknown converter "lowr" | Did you mean lower?'],
    [
      'path,field(0,/) x',
      'path,^field(0,/) x | the index of a field is 1, 2, ... or from the end -1, -2, ... | ',
    ],
    ['path)x y', 'path^)x y | ")x" cannot follow here | '],
    [
      'path -m begin /',
      'path -m ^begin / | unknown matching method "begin" | Known: found, bool, int, ip, len, str, beg, end, sub, dir, dom, reg.',
    ],
    [
      'path -m',
      'path ^-m | -m needs a matching method | Known: found, bool, int, ip, len, str, beg, end, sub, dir, dom, reg.',
    ],
    ['path -f list', 'path ^-f list | the flag -f is not supported | Write the patterns here.'],
    [
      'path -x /',
      'path ^-x / | "-x" is not a flag | Flags are -i, -m, -n, --; write -- before a pattern that begins with a dash.',
    ],
    [
      'src 10.0.0.0/40',
      'src ^10.0.0.0/40 | "10.0.0.0/40" is not an IP address or network | Write an address (10.0.0.1, ::1) or a network (10.0.0.0/8, 2001:db8::/32) in full.',
    ],
    [
      'src_port gt',
      'src_port ^gt | "gt" is not a number | Write a number (5), a range (5:10, 5:, :10), or an operator and a number (gt 5).',
    ],
    ['src_port 10:5', 'src_port ^10:5 | the range 10:5 is empty | '],
    ['src_port -m ip ::1', '^src_port -m ip ::1 | -m ip needs an address, "src_port" is none | '],
    ['ssl_fc true', 'ssl_fc ^true | "ssl_fc" takes no pattern here | Leave it out.'],
    [
      'path_reg (a',
      `path_reg ^(a | "(a" is not a regular expression: missing closing ) | The syntax is RE2's: no look-around, no back-references; docs/rules.md.`,
    ],
    [
      'path_reg a{9999}{9999}{9999}',
      'path_reg ^a{9999}{9999}{9999} | written out, this has 999700029999 places, and 2000 are the most | Write several patterns, or * and + in place of {N,M}.',
    ],
    [
      'path_reg ^/(?!admin)',
      'path_reg ^^/(?!admin) | look-around cannot be run in time that grows with the text alone | Ask two conditions: { path_reg A } !{ path_reg B }.',
    ],
    ['path "/a', 'path ^"/a | this quote is not closed | Close it, or put a backslash before it.'],
    [
      'status 2xx',
      'status ^2xx | "2xx" is not a number | Write a number (5), a range (5:10, 5:, :10), or an operator and a number (gt 5).',
    ],
  ])('acl: %s', (text, expected) => {
    expect(told('acl', text)).toBe(expected)
  })

  it.each([
    [
      '',
      '^ | an action is missing | Known: set-header, add-header, del-header, set-var, set-var-fmt, unset-var, capture, allow, deny, tarpit, wait-for-body, redirect, return, set-path, set-query.',
    ],
    ['denny', '^denny | unknown action "denny" | Did you mean deny?'],
    [
      'deny deny_status 200',
      'deny deny_status ^200 | "200" is not a status code that fits here | Write a number from 400 to 599.',
    ],
    [
      'deny now',
      'deny ^now | "now" is one word too many | Put text that has blanks in quotes; a condition begins with if or unless.',
    ],
    [
      'deny if',
      'deny if^ | a condition is missing | Name an ACL, or write an expression in braces.',
    ],
    [
      'deny if is_api or',
      'deny if is_api or^ | a condition is missing | Name an ACL, or write an expression in braces.',
    ],
    [
      'deny if !',
      'deny if !^ | a condition is missing | Name an ACL, or write an expression in braces.',
    ],
    ['deny if isapi', 'deny if ^isapi | no ACL "isapi" | Did you mean is_api?'],
    ['deny if METHGET', 'deny if ^METHGET | no ACL "METHGET" | Did you mean METH_GET?'],
    [
      'deny if is_api and is_local',
      'deny if is_api ^and is_local | no ACL "and" | Conditions side by side are joined by and already.',
    ],
    [
      'deny if {path /}',
      'deny if ^{path /} | no ACL "{path" | Write braces as words of their own: { path_beg /api/ }.',
    ],
    ['deny if { path /', 'deny if ^{ path / | this brace is not closed | Write a } of its own.'],
    ['deny if { }', 'deny if ^{ } | there is no expression in these braces | '],
    [
      'deny if { status 200 }',
      'deny if { ^status 200 } | "status" cannot be fetched from a request | ',
    ],
    ['deny if is_error', 'deny if ^is_error | ACL "is_error" cannot be asked of a request | '],
    ['set-header', 'set-header^ | the name of a header is missing | Write set-header NAME ...'],
    ['set-header X', 'set-header X^ | the value of X is missing | An empty one is "".'],
    [
      'set-header X a b',
      'set-header X a ^b | "b" is one word too many | Put text that has blanks in quotes; a condition begins with if or unless.',
    ],
    [
      'set-header X a\\x7f',
      'set-header X a^\\x7f | a header cannot hold this control character | ',
    ],
    ['set-header "X Y" a', 'set-header ^"X Y" a | "X Y" cannot be the name of a header | '],
    ['set-header X: a', 'set-header ^X: a | "X:" cannot be the name of a header | '],
    [
      'set-header Content-Length 5',
      'set-header ^Content-Length 5 | Content-Length is written by the proxy alone | Leave the rule out.',
    ],
    [
      'del-header transfer-encoding',
      'del-header ^transfer-encoding | transfer-encoding is written by the proxy alone | Leave the rule out.',
    ],
    [
      'add-header Host a',
      'add-header ^Host a | a request has exactly one Host | Write set-header Host VALUE.',
    ],
    [
      'set-header X a\\r\\nEvil:\\ 1',
      'set-header X a^\\r\\nEvil:\\ 1 | a header cannot hold this control character | ',
    ],
    [
      'set-header X "a\\x00"',
      'set-header X "a^\\x00" | a header cannot hold this control character | ',
    ],
    [
      'redirect location "/\\n"',
      'redirect location "/^\\n" | a header cannot hold this control character | ',
    ],
    ['set-path "/\\n"', 'set-path "/^\\n" | a header cannot hold this control character | '],
    [
      'return content-type "a\\n" string x',
      'return content-type "a^\\n" string x | a header cannot hold this control character | ',
    ],
    [
      'set-header X %zz',
      'set-header X ^%zz | unknown variable %zz | Known: %ci, %cp, %fi, %fp, %f, %HM, %HPO, %HU, %ST; for a percent sign write %%.',
    ],
    [
      'set-header X 100%',
      'set-header X 100^% | nothing follows this % | For a percent sign write %%.',
    ],
    [
      'set-header X %{+Q}[path]',
      'set-header X ^%{+Q}[path] | flags such as %{+Q} are not supported | Write the sample alone.',
    ],
    ['set-header X a%[pth]', 'set-header X a%[^pth] | unknown fetch "pth" | Did you mean path?'],
    [
      'set-header X %[path_beg]',
      'set-header X %[^path_beg] | "path_beg" is not a fetch | Write path.',
    ],
    [
      'set-header X %[path',
      'set-header X %[path^ | the ] that closes %[ is missing here | Write %[FETCH,CONVERTER...].',
    ],
    [
      'set-header X %[]',
      'set-header X %[^] | a fetch is missing | docs/rules.md lists the fetches.',
    ],
    ['set-header X %ST', 'set-header X ^%ST | "status" cannot be fetched from a request | '],
    [
      'redirect /x',
      'redirect ^/x | "/x" is not location, prefix or scheme | Write redirect location URL, redirect prefix URL or redirect scheme https.',
    ],
    [
      'redirect location /x code 305',
      'redirect location /x code ^305 | "305" is not the status code of a redirect | Write one of 301, 302, 303, 307, 308.',
    ],
    [
      'return string x',
      'return ^string x | a body needs a content-type | Write content-type text/plain.',
    ],
    [
      'return status 99',
      'return status ^99 | "99" is not a status code that fits here | Write a number from 200 to 599.',
    ],
  ])('http-request: %s', (text, expected) => {
    expect(told('http-request', text)).toBe(expected)
  })

  it.each([
    [
      'http-response',
      'deny',
      '^deny | unknown action "deny" | Known: set-header, add-header, del-header, set-var, set-var-fmt, unset-var, capture, allow.',
    ],
    [
      'http-response',
      'set-header X %[path]',
      'set-header X %[^path] | "path" cannot be fetched from a response | ',
    ],
    [
      'http-response',
      'set-header X 1 if { path_beg / }',
      'set-header X 1 if { ^path_beg / } | "path_beg" cannot be fetched from a response | ',
    ],
    [
      'http-response',
      'set-header X 1 if is_api',
      'set-header X 1 if ^is_api | ACL "is_api" cannot be asked of a response | ',
    ],
    [
      'http-response',
      'set-header X 1 if METH_GET',
      'set-header X 1 if ^METH_GET | ACL "METH_GET" cannot be asked of a response | ',
    ],
    ['use_backend', '', '^ | the name of a backend is missing | Write BACKEND if CONDITION.'],
    [
      'use_backend',
      '%[hdr(host)]',
      '^%[hdr(host)] | a backend cannot be named by a sample | Write one rule for each backend.',
    ],
    [
      'use_backend',
      'a/b',
      '^a/b | "a/b" cannot be the name of a backend | Write one rule for each backend.',
    ],
    [
      'use_backend',
      'api is_api',
      'api ^is_api | "is_api" is one word too many | Put text that has blanks in quotes; a condition begins with if or unless.',
    ],
  ] as const)('%s: %s', (kind, text, expected) => {
    expect(told(kind, text)).toBe(expected)
  })

  it.each([
    ['acl', 'status 200'],
    ['http-request', 'deny if is_api !is_local or { hdr(x) -m found }'],
    ['http-request', 'deny if broken'],
    ['http-response', 'set-header X %[src] if is_error is_local'],
    ['use_backend', 'api unless is_api'],
  ] as const)('%s: %s is right', (kind, text) => {
    expect(told(kind, text)).toBe('right')
  })

  it('never throws, points into the text, and passes only what compiles', () => {
    const pieces = fc.constantFrom(
      ...[
        'deny',
        'set-header',
        'X',
        'redirect',
        'location',
        'return',
        'string',
        'if',
        'unless',
        'or',
      ],
      ...['!', '{', '}', 'is_api', 'TRUE', 'path_beg', 'hdr(host)', 'src', '-i', '-m', 'reg', '--'],
      ...[
        '10.0.0.0/8',
        'gt',
        '5',
        '%[path,lower]',
        '%ci',
        '%',
        '"',
        "'",
        '\\',
        '(',
        ')',
        ',',
        'api',
      ],
    )
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(pieces, { maxLength: 12 }).map((list) => list.join(' ')),
      fc.array(pieces, { maxLength: 12 }).map((list) => list.join('')),
    )
    const kinds = fc.constantFrom<RuleKind>('acl', 'http-request', 'http-response', 'use_backend')
    fc.assert(
      fc.property(kinds, text, (kind, rule) => {
        const problem = validateRule(kind, rule, ACLS, linearPatterns)
        if (problem === null) {
          const acls = [...ACLS].filter(([name]) => name !== 'broken')
          const named = acls.map(([name, expressions]) => ({ name, expressions }))
          const compile = () =>
            compileRules(
              {
                acls: kind === 'acl' ? [{ name: 'tested', expressions: [rule] }] : named,
                captures: null,
                httpRequest: kind === 'http-request' ? [rule] : [],
                httpResponse: kind === 'http-response' ? [rule] : [],
                useBackend: kind === 'use_backend' ? [rule] : [],
                backendNames: [new Words(rule).peek()?.text ?? ''],
              },
              linearPatterns,
            )
          expect(compile).not.toThrow()
        } else {
          expect(problem.offset).toBeGreaterThanOrEqual(0)
          expect(problem.offset).toBeLessThanOrEqual(rule.length)
          expect(problem.message).not.toBe('')
        }
      }),
      { numRuns: 2000 },
    )
  })
})

describe('validateRule for tcp-request', () => {
  it.each([
    ['inspect-delay 5s', 'right'],
    ['content accept if is_local', 'right'],
    ['content reject unless { req.ssl_sni -m found }', 'right'],
    ['', '^ | what to do is missing | Known: inspect-delay, content.'],
    [
      'inspect 5s',
      '^inspect 5s | "inspect" is not a kind of tcp-request | Known: inspect-delay, content.',
    ],
    [
      'inspect-delay soon',
      'inspect-delay ^soon | "soon" is not a duration | Write inspect-delay 5s.',
    ],
    [
      'inspect-delay 5s if is_local',
      'inspect-delay 5s ^if is_local | "if" is one word too many | ',
    ],
    ['content deny', 'content ^deny | unknown action "deny" | Known: accept, reject.'],
    [
      'content accept if is_api',
      'content accept if ^is_api | ACL "is_api" cannot be asked of a connection in mode tcp | ',
    ],
    [
      'content accept if { path / }',
      'content accept if { ^path / } | "path" cannot be fetched from a connection in mode tcp | ',
    ],
  ])('%s', (text, message) => {
    expect(told('tcp-request', text)).toBe(message)
  })

  it('knows later kinds', () => {
    expect(told('tcp-request', 'connection reject')).toContain('is not available in this version')
  })

  it('has a request not ask for what a client of mode tcp sends first', () => {
    expect(told('use_backend', 'app if { req.ssl_sni a }')).toContain(
      '"req.ssl_sni" cannot be fetched from a request',
    )
  })
})
