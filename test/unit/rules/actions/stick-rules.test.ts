import { describe, expect, it } from 'vitest'
import { SluiceError } from '../../../../src/base/errors.ts'
import { compileCondition, compileStick } from '../../../../src/rules/actions/stick-rules.ts'
import { AclScope } from '../../../../src/rules/language/acls.ts'
import { REQUEST_PHASE } from '../../../../src/rules/language/phases.ts'
import { validateRule } from '../../../../src/rules/language/rule-validation.ts'
import { linearPatterns } from '../../../../src/rules-host/linear-patterns.ts'
import { Message } from '../messages.ts'

const NO_ACLS = new Map<string, readonly string[]>()
const acls = new Map([
  ['is_api', ['path_beg /api/']],
  ['is_local', ['src 127.0.0.0/8']],
])

describe('a stick rule', () => {
  it.each([
    { text: 'on src', isMatch: true, isStore: true },
    { text: 'match src', isMatch: true, isStore: false },
    { text: 'store-request src', isMatch: false, isStore: true },
  ])('$text', ({ text, isMatch, isStore }) => {
    const rule = compileStick(text, new AclScope(REQUEST_PHASE, NO_ACLS, linearPatterns))
    expect(rule).toMatchObject({ isMatch, isStore })
    const message = new Message({ src: '192.0.2.7' })
    expect([rule.test(message), rule.key.value(message)]).toEqual([true, '192.0.2.7'])
  })

  it('has a key of any expression, and a condition', () => {
    const rule = compileStick(
      'on req.hdr(x-user),lower if !is_api',
      new AclScope(REQUEST_PHASE, acls, linearPatterns),
    )
    const message = new Message({ line: 'GET /x', headers: ['X-User: ANN'] })
    expect([rule.test(message), rule.key.value(message)]).toEqual([true, 'ann'])
    expect(rule.test(new Message({ line: 'GET /api/x' }))).toBe(false)
  })

  it.each([
    { text: '', offset: 0, problem: 'what to do is missing' },
    { text: 'off src', offset: 0, problem: '"off" is not a stick rule' },
    { text: 'store-response res.hdr(x)', offset: 0, problem: 'not available' },
    { text: 'on', offset: 2, problem: 'a sample expression is missing' },
    { text: 'on srcc', offset: 3, problem: 'unknown fetch' },
    { text: 'on src)', offset: 6, problem: 'unexpected ")"' },
    { text: 'on src table other', offset: 7, problem: 'the table of another backend' },
    { text: 'on src when is_api', offset: 7, problem: 'one word too many' },
    { text: 'on src if none', offset: 10, problem: 'no ACL "none"' },
  ])('"$text" is refused at $offset', ({ text, offset, problem }) => {
    expect(validateRule('stick', text, acls, linearPatterns)).toMatchObject({
      offset,
      message: expect.stringContaining(problem),
    })
    expect(() => compileStick(text, new AclScope(REQUEST_PHASE, acls, linearPatterns))).toThrow(
      SluiceError,
    )
  })

  it('sees only the connection in mode tcp', () => {
    expect(validateRule('stick in mode tcp', 'on src if is_local', acls, linearPatterns)).toBeNull()
    expect(validateRule('stick in mode tcp', 'on path', acls, linearPatterns)).toMatchObject({
      offset: 3,
    })
    expect(
      validateRule('stick in mode tcp', 'on src if is_api', acls, linearPatterns),
    ).toMatchObject({
      offset: 10,
    })
  })
})

describe('a condition of force-persist and ignore-persist', () => {
  it.each([
    ['if is_api', true],
    ['unless is_api', false],
    ['if is_local { method GET }', true],
  ])('%s', (text, holds) => {
    expect(validateRule('force-persist', text, acls, linearPatterns)).toBeNull()
    expect(validateRule('ignore-persist', text, acls, linearPatterns)).toBeNull()
    const test = compileCondition(text, new AclScope(REQUEST_PHASE, acls, linearPatterns))
    expect(test(new Message({ line: 'GET /api/x' }))).toBe(holds)
  })

  it.each([
    { text: '', offset: 0 },
    { text: 'is_api', offset: 0 },
    { text: 'if', offset: 2 },
    { text: 'if { path /a', offset: 3 },
  ])('"$text" is refused at $offset', ({ text, offset }) => {
    expect(validateRule('force-persist', text, acls, linearPatterns)).toMatchObject({ offset })
    expect(() => compileCondition(text, new AclScope(REQUEST_PHASE, acls, linearPatterns))).toThrow(
      SluiceError,
    )
  })
})
