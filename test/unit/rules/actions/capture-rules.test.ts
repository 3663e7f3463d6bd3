import { describe, expect, it } from 'vitest'
import { CAPTURE_CHARS_MAX } from '../../../../src/rules/captures.ts'
import { compileRules, type RuleTexts } from '../../../../src/rules/language/compile.ts'
import { validateRule } from '../../../../src/rules/language/rule-validation.ts'
import { linearPatterns } from '../../../../src/rules-host/linear-patterns.ts'
import { Message } from '../messages.ts'

/** What the rules of a frontend capture of a request and its response, and what a header shows. */
function captured(
  texts: Partial<RuleTexts>,
  requestHeaders: readonly string[] = [],
  responseHeaders: readonly string[] = [],
) {
  const rules = compileRules(
    {
      acls: [],
      captures: [],
      httpRequest: [],
      httpResponse: [],
      useBackend: [],
      backendNames: [],
      ...texts,
    },
    linearPatterns,
  )
  const request = new Message({ line: 'GET /now', headers: requestHeaders })
  const response = new Message({ status: 201, headers: responseHeaders })
  response.scope = request.scope
  request.scope.beginRequest(rules.captures)
  rules.request?.(request, request, 0)
  rules.capture?.(response, response)
  rules.response?.(response, response)
  const { captures } = request.scope
  const shown = response.findHeader('x-shown', 0)
  return {
    request: captures.request,
    response: captures.response,
    shown: shown < 0 ? null : response.headerValue(shown),
  }
}

describe('capture', () => {
  it('keeps the last line of a header, cut, before any rule sees it', () => {
    const texts = {
      captures: ['request header X-A len 3', 'response header Server len 20'],
      httpRequest: ['set-header X-A rule'],
      httpResponse: ['del-header Server'],
    }
    const of = captured(texts, ['X-A: first', 'x-a: last, one'], ['Server: nginx'])
    expect(of).toEqual({ request: ['las'], response: ['nginx'], shown: null })
  })

  it('has a place for what is not there', () => {
    const captures = ['request header A len 1', 'request header B len 1', 'response header C len 1']
    expect(captured({ captures }, ['B: b'])).toMatchObject({
      request: [null, 'b'],
      response: [null],
    })
  })

  it('keeps samples in the places behind it, under a condition', () => {
    const texts = {
      captures: ['request header A len 5'],
      httpRequest: ['capture path len 10', 'capture src_port len 3', 'capture path len 9 if FALSE'],
      httpResponse: ['capture status len 3'],
    }
    const { request, response } = captured(texts, ['A: a'])
    expect(request).toEqual(['a', '/now', '500', null])
    expect(response).toEqual(['201'])
  })

  it.each([
    ['capture.req.hdr(0)', 'a'],
    ['capture.req.hdr(1)', ''],
    ['capture.req.hdr(-1)', ''],
    ['capture.res.hdr(0)', 'c'],
    ['capture.req.method', 'PUT'],
    ['capture.req.uri', '/received?a'],
    ['capture.req.ver', 'HTTP/1.1'],
    ['capture.req.hdr(0),upper', 'A'],
  ])('can be asked for by rules: %s', (fetch, shown) => {
    const texts = {
      captures: ['request header A len 5', 'response header C len 5'],
      httpResponse: [`set-header X-Shown %[${fetch}]`],
    }
    expect(captured(texts, ['A: a'], ['C: c']).shown).toBe(shown)
  })

  it('begins anew with each request', () => {
    const rules = compileRules(
      {
        acls: [],
        captures: ['request header A len 5'],
        httpRequest: [],
        httpResponse: [],
        useBackend: [],
        backendNames: [],
      },
      linearPatterns,
    )
    const { scope } = new Message()
    scope.beginRequest(rules.captures)
    scope.captures.request[0] = 'before'
    scope.beginRequest(rules.captures)
    expect(scope.captures.request).toEqual([null])
    scope.beginRequest(null)
    expect(scope.captures.request).toEqual([])
  })
})

describe('a line of capture', () => {
  const problemOf = (kind: Parameters<typeof validateRule>[0], text: string): string | null =>
    validateRule(kind, text, new Map(), linearPatterns)?.message ?? null

  it.each([
    ['request header Host len 1', null],
    [`response header Set-Cookie len ${CAPTURE_CHARS_MAX}`, null],
    ['', 'request or response is missing'],
    ['cookie SESSION len 10', '"cookie" cannot be captured'],
    ['request', 'header is missing'],
    ['request path len 10', '"path" cannot be captured'],
    ['request header Ho:st len 10', '"Ho:st" cannot be the name of a header'],
    ['request header', 'the name of a header is missing'],
    ['request header Connection', 'len is missing'],
    ['request header Host 10', '"10" is not len'],
    ['request header Host len', 'a length is missing'],
    ['request header Host len 0', '"0" is not a length'],
    ['request header Host len 65536', '"65536" is not a length'],
    ['request header Host len 5 if TRUE', '"if" is one word too many'],
  ])('%j: %s', (text, message) => {
    expect(problemOf('capture', text)).toBe(message)
  })

  it.each([
    ['http-request', 'capture path len 5', null],
    ['http-request', 'capture path len 5 unless FALSE', null],
    ['http-request', 'capture path,lower, len 5', 'unknown converter ""'],
    ['http-request', 'capture status len 5', '"status" cannot be fetched from a request'],
    ['http-request', 'capture path', 'len is missing'],
    ['http-request', 'capture path id 0', 'there are no places with a number to capture into'],
    ['http-request', 'capture path)x len 5', 'unexpected ")x"'],
    ['http-response', 'capture res.hdr(server) len 5', null],
    ['http-request of a backend', 'capture path len 5', 'only a frontend has places for captures'],
    [
      'http-response of a backend',
      'capture status len 5',
      'only a frontend has places for captures',
    ],
    ['http-request of a backend', 'deny', null],
  ] as const)('as a rule of %s: %j: %s', (kind, text, message) => {
    expect(problemOf(kind, text)).toBe(message)
  })
})
