import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BALANCE_NAMES, createStrategy, parseBalance } from '../../../src/balance/registry.ts'
import { SluiceError } from '../../../src/errors.ts'

const context = { random: () => 0.5, loads: () => 0 }

describe('parseBalance', () => {
  it.each([
    { text: 'roundrobin', name: 'roundrobin', dynamic: true },
    { text: 'static-rr', name: 'static-rr', dynamic: false },
    { text: 'leastconn', name: 'leastconn', dynamic: true },
    { text: 'random', name: 'random', dynamic: true },
    { text: 'random(3)', name: 'random', dynamic: true },
  ])('reads $text', ({ text, name, dynamic }) => {
    expect(parseBalance(text)).toMatchObject({ name, dynamic, keyKind: 'none' })
  })

  it.each([
    { text: 'rondrobin', offset: 0, problem: 'unknown balance algorithm', hint: 'roundrobin' },
    { text: 'leastcon', offset: 0, problem: 'unknown balance algorithm', hint: 'leastconn' },
    { text: 'RANDOM', offset: 0, problem: 'unknown balance algorithm', hint: 'random' },
    { text: 'fastest', offset: 0, problem: 'unknown balance algorithm', hint: 'static-rr' },
    { text: '', offset: 0, problem: 'unknown balance algorithm', hint: 'roundrobin' },
    { text: 'random (2)', offset: 0, problem: 'unknown balance algorithm', hint: 'random' },
    { text: 'roundrobin(2)', offset: 10, problem: 'takes no argument', hint: 'Write roundrobin.' },
    { text: 'random(0)', offset: 7, problem: '"0" is not the number of draws', hint: 'random(3)' },
    { text: 'random(65)', offset: 7, problem: 'the number of draws, 1-64', hint: 'random(3)' },
    { text: 'random(-1)', offset: 7, problem: 'the number of draws', hint: 'random(3)' },
    { text: 'random(2.5)', offset: 7, problem: 'the number of draws', hint: 'random(3)' },
    { text: 'random()', offset: 7, problem: 'the number of draws', hint: 'random(3)' },
  ])('refuses $text at $offset', ({ text, offset, problem, hint }) => {
    expect(parseBalance(text)).toEqual({
      offset,
      message: expect.stringContaining(problem),
      hint: expect.stringContaining(hint),
    })
  })

  it('never throws, and points inside the text', () => {
    const text = fc.oneof(
      fc.string(),
      fc.tuple(fc.constantFrom(...BALANCE_NAMES), fc.string()).map((parts) => parts.join('')),
      fc.string().map((argument) => `random(${argument})`),
    )
    fc.assert(
      fc.property(text, (written) => {
        const balance = parseBalance(written)
        if ('message' in balance) expect(balance.offset).toBeLessThanOrEqual(written.length)
        else expect(balance.create(context).pick).toBeTypeOf('function')
      }),
    )
  })
})

describe('createStrategy', () => {
  it('throws a coded error for what parseBalance refuses', () => {
    expect(() => createStrategy('fastest', context)).toThrow(SluiceError)
    expect(() => createStrategy('fastest', context)).toThrow('unknown balance algorithm "fastest"')
  })
})
