import { describe, expect, it } from 'vitest'
import { compileRules, type RuleTexts } from '../../../../src/rules/language/compile.ts'
import { validateRule } from '../../../../src/rules/language/rule-validation.ts'
import { VARIABLE_BYTES_MAX } from '../../../../src/rules/variables.ts'
import { linearPatterns } from '../../../../src/rules-host/linear-patterns.ts'
import { Message } from '../messages.ts'

/** Runs rules over a request, and then over its response, which has the same variables. */
function played(texts: Partial<RuleTexts>, request: Message): Message {
  const none = {
    acls: [],
    captures: null,
    httpRequest: [],
    httpResponse: [],
    useBackend: [],
    backendNames: [],
  }
  const rules = compileRules({ ...none, ...texts }, linearPatterns)
  rules.request?.(request, request, 0)
  const response = new Message()
  response.scope = request.scope
  response.scope.variables.beginResponse()
  rules.response?.(response, response)
  return response
}

const request = (line = 'GET /a?b=1'): Message =>
  new Message({ line, headers: ['Host: Shop.example.com', 'X-N: 7'] })

describe('a variable', () => {
  it.each([
    {
      rules: ['set-var(txn.a) req.hdr(host),lower'],
      shows: '%[var(txn.a)]',
      as: 'shop.example.com',
    },
    { rules: ['set-var(txn.a) int(5)'], shows: '%[var(txn.a)]', as: '5' },
    {
      rules: ['set-var-fmt(txn.a) "%[path] of %[src]"'],
      shows: '%[var(txn.a)]',
      as: '/a of 127.0.0.1',
    },
    {
      rules: ['set-var(txn.a) str(x)', 'set-var(txn.a) req.hdr(none)'],
      shows: '%[var(txn.a)]',
      as: 'x',
    },
    { rules: ['set-var(txn.a) str(x)', 'unset-var(txn.a)'], shows: '%[var(txn.a)]', as: '' },
    { rules: [], shows: '%[var(txn.a,none)]', as: 'none' },
    { rules: ['set-var(req.a) str(x)'], shows: '%[var(req.a)]', as: '' },
    { rules: ['set-var(sess.a) str(x) if { path /a }'], shows: '%[var(sess.a),upper]', as: 'X' },
    { rules: ['set-var(txn.a) req.hdr(x-n)'], shows: '%[var(txn.a),length]', as: '1' },
  ])('of $rules is $as in the response', ({ rules, shows, as }) => {
    const response = played(
      { httpRequest: rules, httpResponse: [`set-header X-Shows "${shows}"`] },
      request(),
    )
    expect(response.lines).toEqual([`X-Shows: ${as}`])
  })

  it('is held against patterns as its value allows', () => {
    const seen = request()
    played(
      {
        httpRequest: [
          'set-var(txn.n) req.hdr(x-n)',
          'add-header X-Is int if { var(txn.n) -m int 5:10 }',
          'add-header X-Is str if { var(txn.n) 7 }',
          'add-header X-Is found if { var(txn.n) -m found }',
          'add-header X-Is never if { var(txn.other) -m found }',
        ],
      },
      seen,
    )
    expect(seen.lines.filter((line) => line.startsWith('X-Is'))).toEqual([
      'X-Is: int',
      'X-Is: str',
      'X-Is: found',
    ])
  })

  it('that has no room is left out, and counted', () => {
    const long = new Message({ headers: [`X-Long: ${'x'.repeat(VARIABLE_BYTES_MAX)}`] })
    const response = played(
      {
        httpRequest: ['set-var(txn.a) req.hdr(x-long)'],
        httpResponse: ['set-header X-Shows "%[var(txn.a,none)]"'],
      },
      long,
    )
    expect(long.failedRewrites).toBe(1)
    expect(response.lines).toEqual(['X-Shows: none'])
  })
})

describe('a rule on variables', () => {
  it.each([
    { rule: 'set-var src', offset: 0, message: 'needs the name of a variable' },
    { rule: 'set-var(txn.a src', offset: 0, message: 'needs the name of a variable' },
    { rule: 'set-var(all.a) src', offset: 8, message: '"all.a" is not the name of a variable' },
    { rule: 'set-var(txn.a)', offset: 14, message: 'a sample expression is missing' },
    { rule: 'set-var(txn.a) status', offset: 15, message: 'cannot be fetched from a request' },
    { rule: 'set-var(txn.a) src)', offset: 18, message: 'unexpected ")"' },
    { rule: 'set-var-fmt(txn.a) "%[none]"', offset: 22, message: 'unknown fetch "none"' },
    { rule: 'unset-var(txn.a) src', offset: 17, message: 'one word too many' },
    { rule: 'set-header(txn.a) src', offset: 0, message: 'unknown action "set-header(txn.a)"' },
    { rule: 'set-header X %[var(a)]', offset: 15, message: '"a" is not the name of a variable' },
  ])('is refused: $rule', ({ rule, offset, message }) => {
    const problem = validateRule('http-request', rule, new Map(), linearPatterns)
    expect(problem).toMatchObject({ offset })
    expect(problem?.message).toContain(message)
  })
})
