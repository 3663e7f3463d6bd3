import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compileRules } from '../../../../src/rules/language/compile.ts'
import { linearPatterns } from '../../../../src/rules-host/linear-patterns.ts'
import { Message } from '../messages.ts'

const ACLS = [
  { name: 'yes', expressions: ['always_true'] },
  { name: 'no', expressions: ['always_false'] },
  { name: 'is_a', expressions: ['path_beg /a', 'path_beg /c'] },
]

/** Whether a rule with this condition applies to a request. */
function applies(condition: string, request: Message): boolean {
  const { route } = compileRules(
    {
      acls: ACLS,
      captures: null,
      httpRequest: [],
      httpResponse: [],
      useBackend: [`app ${condition}`],
      backendNames: ['app'],
    },
    linearPatterns,
  )
  return route!(request) === 'app'
}

describe('conditions', () => {
  const requests = [
    new Message({ line: 'GET /a' }),
    new Message({ line: 'POST /b' }),
    new Message({ line: 'HEAD /c', src: '192.0.2.9' }),
  ]
  it.each([
    ['', '111'],
    ['if is_a', '101'],
    ['unless is_a', '010'],
    ['if !is_a', '010'],
    ['if ! is_a', '010'],
    ['if !!is_a', '101'],
    ['if ! !is_a', '101'],
    ['if is_a METH_GET', '101'],
    ['if is_a { method GET }', '100'],
    ['if is_a !{ method GET }', '001'],
    ['if { path /a } or { method POST }', '110'],
    ['if { path /a } || { method POST }', '110'],
    ['unless { path /a } or { method POST }', '001'],
    ['if no no or yes', '111'],
    ['if yes or no no', '111'],
    ['if yes no or no yes', '000'],
    ['if LOCALHOST', '110'],
    ['if METH_GET', '101'],
    ['if METH_POST or METH_HEAD', '011'],
    ['if TRUE FALSE', '000'],
    ['if HTTP_1.1 HTTP_URL_SLASH', '111'],
  ])('%s', (condition, expected) => {
    const found = requests.map((request) => (applies(condition, request) ? '1' : '0')).join('')
    expect(found).toBe(expected)
  })

  it('a definition goes before a predefined ACL of its name', () => {
    const { route } = compileRules(
      {
        acls: [{ name: 'TRUE', expressions: ['always_false'] }],
        captures: null,
        httpRequest: [],
        httpResponse: [],
        useBackend: ['app if TRUE'],
        backendNames: ['app'],
      },
      linearPatterns,
    )
    expect(route!(new Message())).toBeNull()
  })

  it('bind as ! before and before or', () => {
    const term = fc.record({ isNegated: fc.boolean(), value: fc.boolean() })
    const formula = fc.array(fc.array(term, { minLength: 1, maxLength: 4 }), {
      minLength: 1,
      maxLength: 4,
    })
    fc.assert(
      fc.property(formula, fc.boolean(), (alternatives, isUnless) => {
        const text = alternatives
          .map((terms) =>
            terms.map((t) => `${t.isNegated ? '!' : ''}${t.value ? 'yes' : 'no'}`).join(' '),
          )
          .join(' or ')
        const holds = alternatives.some((terms) => terms.every((t) => t.value !== t.isNegated))
        const condition = `${isUnless ? 'unless' : 'if'} ${text}`
        expect(applies(condition, new Message())).toBe(holds !== isUnless)
      }),
    )
  })
})
