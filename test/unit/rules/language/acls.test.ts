import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compileRules } from '../../../../src/rules/language/compile.ts'
import { linearPatterns } from '../../../../src/rules-host/linear-patterns.ts'
import { TLS_FACTS } from '../../../fixtures/tls-facts.ts'
import { Message } from '../messages.ts'

/** Whether an expression matches a request. */
function matches(expression: string, request: Message): boolean {
  const { route } = compileRules(
    {
      acls: [{ name: 'tested', expressions: [expression] }],
      captures: null,
      httpRequest: [],
      httpResponse: [],
      useBackend: ['yes if tested'],
      backendNames: ['yes'],
    },
    linearPatterns,
  )
  return route!(request) === 'yes'
}

/** Checks which of some requests, in order, an expression matches: `1001`. */
function expectMatches(expression: string, requests: readonly Message[], expected: string): void {
  const found = requests.map((request) => (matches(expression, request) ? '1' : '0')).join('')
  expect(`${expression}: ${found}`).toBe(`${expression}: ${expected}`)
}

// Unless a comment says otherwise, the answers are those that HAProxy 2.6 gave to the same.

describe('text', () => {
  const host = 'Host: WWW.Example.com:8080'
  const requests = ['/a/b', '/', '/ab/a', '/?a/b', '*', '/ba/x.y?q=1/a'].map(
    (target) => new Message({ line: `GET ${target}`, headers: [host] }),
  )
  it.each([
    ['path /', '010100'],
    ['path /a/b /ab/a', '101000'],
    ['path_beg /a', '101000'],
    ['path_beg /a /b', '101001'],
    ['path_end a b', '101000'],
    ['path_sub b/', '001000'],
    ['path_dir a', '101000'],
    ['path_dir a/b', '100000'],
    ['path_dir /b/', '100000'],
    ['path_dir /', '000000'],
    ['url_dir a', '101101'],
    ['url_dom x.y', '000001'],
    ['hdr_dom(host) example', '000000'],
    ['hdr_dom(host) -i example', '111111'],
    ['hdr_dom(host) -i .example.', '111111'],
    ['hdr_dom(host) -i example.com:8080', '111111'],
    ['hdr_dom(host) -i xample', '000000'],
    ['base_beg -i www.example.com', '111111'],
    ['base -i www.example.com:8080/a/b', '100000'],
    ['base -m end /a/b', '100000'],
    ['path_len gt 3', '101001'],
    ['path_len 2:5', '101000'],
    ['path -m len lt 2', '010100'],
    ['path -m found', '111101'],
    ['url *', '000010'],
    ['path,length 1', '010100'],
    ['path,upper /A/B', '100000'],
    ['path,field(2,/) a', '100000'],
    ['path,field(-1,/) a', '001000'],
    ['hdr(host),host_only www.example.com', '111111'],
    ['hdr_beg(host),lower www.example.com:8080', '111111'],
  ])('%s', (expression, expected) => {
    expectMatches(expression, requests, expected)
  })
})

describe('quotes and regular expressions', () => {
  const requests = ['/a.b', '/axb', '/a\\b'].map((path) => new Message({ line: `GET ${path}` }))
  it.each([
    ['path_reg ^/a\\.b$', '100'],
    ["path_reg '^/a\\.b$'", '100'],
    ['path_reg "^/a.b$"', '111'],
    ['path_reg -i ^/AX', '010'],
    ['path_reg ^/x ^/a\\.', '100'],
    ['path_beg /a\\b', '001'],
    ['path_beg "/a\\b"', '001'],
    ['path -- /a.b', '100'],
  ])('%s', (expression, expected) => {
    expectMatches(expression, requests, expected)
  })

  it.each([
    ['url_reg ^/admin', '1'],
    ['url_reg !$', '1'],
    ['url_reg ^/admin[?]a*$', '0'],
    ['url_reg -i A{30}!', '1'],
  ])('%s is tried on all of a long value', (expression, expected) => {
    const request = new Message({ line: `GET /admin?${'a'.repeat(100_000)}!` })
    expectMatches(expression, [request], expected)
  })
})

describe('methods', () => {
  const requests = ['GET', 'get', 'HEAD', 'POST'].map((line) => new Message({ line: `${line} /` }))
  it.each([
    ['method GET', '1000'],
    ['method get', '0100'],
    ['method GET HEAD', '1010'],
  ])('%s', (expression, expected) => {
    expectMatches(expression, requests, expected)
  })
})

describe('headers', () => {
  const requests = [
    ['X: a,"b,c",d'],
    ['X: a,,d'],
    ['X:'],
    ['X: ,'],
    ['X: a, b', 'x: c, d'],
    ['X: "a,b'],
    [],
  ].map((headers) => new Message({ headers }))
  it.each([
    ['hdr(x) -m found', '1111110'],
    ['hdr(X) a', '1100100'],
    ['hdr(x) b', '0000100'],
    ['hdr(x) d', '1100100'],
    ['req.hdr(x,1) a', '1100100'],
    ['req.hdr(x,-1) d', '1100100'],
    ['req.hdr(x,2) b', '0000100'],
    ['req.hdr(x,3) d', '1100000'],
    ['req.hdr(x,9) -m found', '0000000'],
    ['req.hdr(x,-9) -m found', '0000000'],
    ['req.fhdr(x) -m beg a', '1100100'],
    ['req.fhdr(x) -m str "c, d"', '0000100'],
    ['hdr_cnt(x) 1', '0010010'],
    ['hdr_cnt(x) 2', '0001000'],
    ['hdr_cnt(x) 3', '1100000'],
    ['hdr_cnt(x) 4', '0000100'],
    ['hdr_cnt(x) 0', '0000001'],
    ['req.fhdr_cnt(x) 1', '1111010'],
    ['req.fhdr_cnt(x) 2', '0000100'],
  ])('%s', (expression, expected) => {
    expectMatches(expression, requests, expected)
  })
})

describe('numbers', () => {
  const values = ['12', '12abc', '-5', '3', 'abc', null, '0', '007', '1, 25', '']
  const requests = values.map(
    (value) => new Message({ headers: value === null ? [] : [`X: ${value}`] }),
  )
  it.each([
    ['hdr(x) -m int 12', '1100000000'],
    ['req.hdr_val(x) 12', '1100000000'],
    ['req.hdr_val(x) gt 5', '1100000110'],
    ['req.hdr_val(x) gt 5 lt 3', '1110101111'],
    ['req.hdr_val(x) gt 5 12', '1100000110'],
    ['req.hdr_val(x) 10:20', '1100000000'],
    ['req.hdr_val(x) :5', '0011101011'],
    ['req.hdr_val(x) 20:', '0000000010'],
    ['req.hdr_val(x) lt 0', '0010000000'],
    ['req.hdr_val(x) le 12', '1111101111'],
    ['req.hdr_val(x) eq 3 7', '0001000100'],
    ['hdr(x) -m len 2', '1010000010'],
    ['hdr(x) -m len gt 2', '0100100100'],
    ['hdr(x) -m bool', '1111000110'],
    ['req.hdr_val(x) -m found', '1111101111'],
    ['req.hdr_val(x) -m str 12', '1100000000'],
    ['req.hdr_val(x),iif(yes,no) yes', '1111000110'],
  ])('%s', (expression, expected) => {
    expectMatches(expression, requests, expected)
  })
})

describe('query parameters', () => {
  const targets = [
    '/x?a=1',
    '/x?a=1&a=2',
    '/x?a=1;b=2',
    '/x?a',
    '/x?a=',
    '/x?',
    '/x',
    '/x?b=2&a=1&',
    '/x?xa=1',
    '/x?a=%31',
    '/x?q?a=1',
    '/x?=1&&b=2',
    '/x?a=1=2',
  ]
  const requests = targets.map((target) => new Message({ line: `GET ${target}` }))
  it.each([
    ['urlp(a) 1', '1110000100100'],
    ['urlp(a) -m found', '1110100101101'],
    ['urlp(a) 2', '0100000000000'],
    ['urlp(A) 1', '0000000000000'],
    ['url_param(b) 2', '0010000100010'],
    ['urlp(a) %31', '0000000001000'],
    ['urlp(a),url_dec 1', '1110000101100'],
    ['urlp(a) -m len 0', '0000100000000'],
    ['urlp_beg(a) 1', '1110000100101'],
    ['urlp_val(a) 1', '1110000100101'],
    ['query -m found', '1111110111111'],
    ['query a=1', '1000000000000'],
    ['query -m beg a=', '1110100001001'],
    ['path /x', '1111111111111'],
    ['pathq /x?', '0000010000000'],
    ['baseq /x?', '0000010000000'],
    ['url /x?', '0000010000000'],
  ])('%s', (expression, expected) => {
    expectMatches(expression, requests, expected)
  })
})

describe('cookies', () => {
  const requests = [
    ['Cookie: a=1'],
    ['Cookie: a=1; a=2'],
    ['Cookie: b=2;a=1'],
    ['Cookie: a=1', 'Cookie: a=2'],
    ['Cookie: a="1"'],
    // The manual has an empty cookie found, which HAProxy 2.6 does not.
    ['Cookie: a='],
    ['Cookie: a'],
    ['Cookie: a = 1 ; b=2'],
    ['Cookie: a=1,b=2'],
    ['Cookie: ;; a=1;'],
    ['Cookie: xa=1'],
    ['Cookie: a="1;b=2"'],
  ].map((headers) => new Message({ headers }))
  it.each([
    ['cook(a) 1', '111100011100'],
    ['req.cook(a) -m found', '111111011101'],
    ['cook_cnt(a) 2', '010100000000'],
    ['cook(a) 2', '010100000000'],
    ['cook_beg(a) 1', '111100011100'],
    ['cook(A) 1', '000000000000'],
    ['cook(b) 2', '001000011000'],
    ['cook(a) \'"1"\'', '000010000000'],
  ])('%s', (expression, expected) => {
    expectMatches(expression, requests, expected)
  })
})

describe('the connection', () => {
  const requests = [
    new Message({ src: '10.1.2.3' }),
    new Message({ src: '::1', tls: TLS_FACTS }),
    new Message({ src: '127.9.9.9' }),
    new Message({ src: '' }),
  ]
  it.each([
    ['src 10.0.0.0/8', '1000'],
    ['src 10.0.0.0/8 ::1', '1100'],
    ['src -m found', '1110'],
    ['src -m beg 1', '1010'],
    ['src_port 50000', '1111'],
    ['dst 192.0.2.1', '1111'],
    ['dst_port lt 1024', '0000'],
    ['fe_name web', '1111'],
    ['ssl_fc', '0100'],
    ['ssl_fc -m int 0', '1011'],
    ['str(abc) -m sub b', '1111'],
    ['int(5) 5', '1111'],
    ['always_true', '1111'],
    ['always_false', '0000'],
  ])('%s', (expression, expected) => {
    expectMatches(expression, requests, expected)
  })

  it('is asked of addresses in headers, too', () => {
    const values = ['10.0.0.1', '10.0.0.1:80', '10.0.0.1:99999', 'x, 10.9.9.9', '[::1]', 'ten']
    const forwarded = values.map((value) => new Message({ headers: [`X-Forwarded-For: ${value}`] }))
    expectMatches('req.hdr_ip(x-forwarded-for) 10.0.0.0/8', forwarded, '110100')
    expectMatches('hdr(x-forwarded-for) -m ip 10.0.0.0/8', forwarded, '110100')
  })
})

describe('bytes', () => {
  it('beyond ASCII are compared as UTF-8, whatever the case of ASCII letters', () => {
    const path = Buffer.from('/ÉCOLE').toString('latin1')
    const requests = [new Message({ line: `GET ${path}` })]
    expectMatches('path /ÉCOLE', requests, '1')
    expectMatches('path -i /École', requests, '1')
    expectMatches('path -i /école', requests, '0')
    expectMatches('path,lower /École', requests, '1')
    expectMatches('path,lower,upper /ÉCOLE', requests, '1')
    expectMatches('path,lower,length 7', requests, '1')
  })
})

describe('arguments', () => {
  // Quotes and escapes are resolved twice: by the rule, then within the parentheses.
  it.each([
    `str('"a,b"') a,b`,
    'str(\\"a,b\\") a,b',
    `str("'a)b'") a)b`,
    'str(a\\\\\\\\b) a\\\\b',
    'str(a\\\\zb) a\\\\zb',
    `str('"a\\"b"') 'a"b'`,
    'str(a\\\\nb) "a\\nb"',
    `str('a b') "a b"`,
    `str('"a"b') ab`,
    'str(a(b) a(b',
  ])('%s', (expression) => {
    expectMatches(expression, [new Message()], '1')
  })
})

describe('directories', () => {
  it('are found as a regular expression finds them', () => {
    const wanted = fc.constantFrom('a', 'b', 'ab', 'a/b', '/a', 'b/')
    const pieces = fc.array(fc.constantFrom('a', 'b', 'ab', '/', '/', '?'), { maxLength: 8 })
    fc.assert(
      fc.property(pieces, wanted, (list, part) => {
        const value = list.join('')
        const bare = part.replace(/^\/|\/$/g, '')
        const expected = new RegExp(`(^|[/?])${bare}([/?]|$)`).test(value)
        const request = new Message({ headers: [`X: ${value}`] })
        expect(matches(`req.fhdr(x) -m dir ${part}`, request)).toBe(expected)
      }),
    )
  })
})
