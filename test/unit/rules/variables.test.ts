import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ProcessVariables, reserveProcessVariables } from '../../../src/memory/process-variables.ts'
import {
  parseVariable,
  VARIABLE_BYTES_MAX,
  VARIABLE_SCOPES,
  type Variable,
  Variables,
} from '../../../src/rules/variables.ts'

function named(name: string): Variable {
  const variable = parseVariable(name)
  if (typeof variable === 'string') throw new Error(variable)
  return variable
}

describe('the name of a variable', () => {
  it.each(['proc.a', 'sess.a', 'txn.my_name', 'req.a.b', 'res.A1'])('may be %s', (name) => {
    expect(parseVariable(name)).toEqual({ name, scope: name.split('.')[0] })
  })

  it.each(['', 'a', 'txn', 'txn.', 'process.a', 'TXN.a', 'txn.a-b', 'txn.a b', ' txn.a', 'txn.ä'])(
    'may not be "%s"',
    (name) => {
      expect(parseVariable(name)).toMatch(/is not the name of a variable/)
    },
  )
})

it('a name that all threads know is not too long', () => {
  expect(parseVariable(`proc.${'a'.repeat(59)}`)).toMatchObject({ scope: 'proc' })
  expect(parseVariable(`proc.${'a'.repeat(60)}`)).toMatch(/is too long/)
  expect(parseVariable(`sess.${'a'.repeat(60)}`)).toMatchObject({ scope: 'sess' })
})

describe('variables', () => {
  it('live as long as their scopes say', () => {
    const variables = new Variables(new ProcessVariables(reserveProcessVariables()))
    const all = VARIABLE_SCOPES.map((scope) => named(`${scope}.a`))
    for (const variable of all) variables.set(variable, variable.scope)
    const present = (): unknown[] => all.map((variable) => variables.get(variable))
    expect(present()).toEqual(['proc', 'sess', 'txn', 'req', 'res'])
    variables.beginResponse()
    expect(present()).toEqual(['proc', 'sess', 'txn', null, null])
    variables.beginRequest()
    expect(present()).toEqual(['proc', 'sess', null, null, null])
  })

  it('do as plain maps do, and give their room back', () => {
    const names = ['sess.a', 'sess.b', 'txn.a', 'req.a', 'res.a'].map(named)
    const value = fc.oneof(fc.integer(), fc.string({ maxLength: 20 }))
    const step = fc.oneof(
      fc.record({ kind: fc.constant('set'), at: fc.nat(4), value }),
      fc.record({ kind: fc.constant('unset'), at: fc.nat(4), value: fc.constant(0) }),
      fc.record({ kind: fc.constant('request'), at: fc.constant(0), value: fc.constant(0) }),
      fc.record({ kind: fc.constant('response'), at: fc.constant(0), value: fc.constant(0) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const variables = new Variables(new ProcessVariables(reserveProcessVariables()))
        const twin = new Map<string, string | number>()
        for (const { kind, at, value } of steps) {
          const variable = names[at] as Variable
          if (kind === 'set') expect(variables.set(variable, value)).toBe(true)
          if (kind === 'set') twin.set(variable.name, value)
          if (kind === 'unset') variables.unset(variable)
          if (kind === 'unset') twin.delete(variable.name)
          if (kind === 'request') variables.beginRequest()
          if (kind === 'response') variables.beginResponse()
          for (const name of twin.keys()) {
            const stays =
              name.startsWith('sess.') || (kind === 'response' && name.startsWith('txn.'))
            if ((kind === 'request' || kind === 'response') && !stays) twin.delete(name)
          }
          expect(names.map((each) => variables.get(each))).toEqual(
            names.map(({ name }) => twin.get(name) ?? null),
          )
        }
        for (const variable of names) variables.unset(variable)
        expect(variables.set(named('txn.z'), 'x'.repeat(VARIABLE_BYTES_MAX - 5))).toBe(true)
      }),
    )
  })

  it('take no more than their bound, and keep what they had', () => {
    const variables = new Variables(new ProcessVariables(reserveProcessVariables()))
    const [a, b] = [named('sess.a'), named('txn.b')]
    expect(variables.set(a, 'x'.repeat(VARIABLE_BYTES_MAX - 6))).toBe(true)
    expect(variables.set(b, 'y')).toBe(false)
    expect(variables.get(b)).toBeNull()
    expect(variables.set(a, 'x'.repeat(VARIABLE_BYTES_MAX))).toBe(false)
    expect(String(variables.get(a))).toHaveLength(VARIABLE_BYTES_MAX - 6)
    expect(variables.set(a, 'x')).toBe(true)
    expect(variables.set(b, 'y')).toBe(true)
  })
})
