import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Pattern } from '../../../src/rules/samples/patterns.ts'
import { linearPatterns } from '../../../src/rules-host/linear-patterns.ts'

/** Longer than any head: the values of a request are shorter. */
const LONG = 100_000

function compiled(source: string, ignoreCase = false): Pattern {
  const pattern = linearPatterns.compile(source, ignoreCase)
  if (typeof pattern !== 'function') throw new Error(pattern.message)
  return pattern
}

describe('a pattern', () => {
  // A backtracking engine would be at any of these until the test is given up.
  it.each([
    ['^/([a-z]+/?)+\\.php$', `/${'a'.repeat(56)}.phq`],
    ['^/([a-z]+/?)+\\.php$', `/${'ab/'.repeat(LONG / 3)}.php/`],
    ['^/.*/.*/.*\\.php$', `${'/'.repeat(LONG)}.php/`],
    ['(a+)+$', `${'a'.repeat(LONG)}!`],
    ['(x+x+)+y', `y${'x'.repeat(LONG)}`],
    ['(a|a|b)*c$', `${'ab'.repeat(LONG / 2)}c!`],
    ['\\s+$', `${' '.repeat(LONG)}!`],
    ['^(([a-z])+.)+[A-Z]([a-z])+$', 'a'.repeat(LONG)],
  ])('%s is soon found not to match', (source, text) => {
    expect(compiled(source)(text)).toBe(false)
  })

  it('is held against all of a text, of any length', () => {
    expect(compiled('^/admin')(`/admin?${'a'.repeat(LONG)}`)).toBe(true)
    expect(compiled('z$')(`${'a'.repeat(LONG)}z`)).toBe(true)
  })

  it('takes one character for one byte', () => {
    expect(compiled('^.$')('\xff')).toBe(true)
    expect(compiled('^\\xff$')('\xff')).toBe(true)
    expect(compiled('^[\\x80-\\xff]+$')('\x80\xa0\xff')).toBe(true)
  })

  it.each([
    ['(?i)^/ADMIN', '/admin'],
    ['^/[[:digit:]]+$', '/12'],
    ['\\A/\\z', '/'],
    ['^(?P<name>a)(?:b|c)$', 'ac'],
    ['^\\Qa.b\\E$', 'a.b'],
    ['^[]a]$', ']'],
  ])("%s is HAProxy's, too", (source, text) => {
    expect(compiled(source)(text)).toBe(true)
  })

  it('ignores case where it is told to', () => {
    expect([compiled('^/a')('/A'), compiled('^/a', true)('/A')]).toEqual([false, true])
  })

  it('is compiled once', () => {
    expect(linearPatterns.compile('^/once$', false)).toBe(linearPatterns.compile('^/once$', false))
  })

  it('finds what another engine finds', () => {
    const atom = fc.constantFrom(
      'a',
      'b',
      '/',
      '.',
      '[ab]',
      '[^a]',
      '\\d',
      '\\w',
      '\\b',
      '^',
      '$',
      '\\.',
    )
    const times = fc.constantFrom('', '', '', '*', '+', '?', '{2}', '{1,3}', '{2,}', '*?')
    const { pattern } = fc.letrec<{ pattern: string; item: string }>((tie) => ({
      item: fc.oneof(
        { depthSize: 'small' },
        // A place that takes no character cannot be repeated in every engine.
        fc.tuple(atom, times).map(([one, many]) => (/^(\^|\$|\\b)$/.test(one) ? one : one + many)),
        fc.tuple(tie('pattern'), times).map(([inner, many]) => `(?:${inner})${many}`),
      ),
      pattern: fc
        .array(fc.array(tie('item'), { maxLength: 3 }), { minLength: 1, maxLength: 2 })
        .map((alternatives) => alternatives.map((items) => items.join('')).join('|')),
    }))
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '/', '.', '1', '\xe9'), maxLength: 8 })
    fc.assert(
      fc.property(pattern, fc.array(text, { minLength: 1, maxLength: 5 }), (source, texts) => {
        const ours = compiled(source)
        const theirs = new RegExp(source)
        for (const one of texts) expect(ours(one)).toBe(theirs.test(one))
      }),
    )
  })
})

describe('what is refused', () => {
  it.each([
    ['(?=a)', 'look-around', 'two conditions'],
    ['^/(?!admin)', 'look-around', 'two conditions'],
    ['(?<=a)b', 'look-around', 'two conditions'],
    ['(?<!a)b', 'look-around', 'two conditions'],
    ['(a)\\1', 'a back-reference', '(a=a|b=b)'],
    ['(?<x>a)\\k<x>', 'a back-reference', '(a=a|b=b)'],
    ['(?>a+)b', 'atomic', 'ever tried twice'],
    ['a++b', 'possessive', 'ever tried twice'],
    ['a*+b', 'possessive', 'ever tried twice'],
    ['(a', '"(a" is not a regular expression: missing closing )', 'docs/rules.md'],
    ['[z-a]', 'invalid character class range (z-a)', 'docs/rules.md'],
    ['\\u0041', '(\\u)', 'docs/rules.md'],
    ['((a{100}){100}){100}', 'this has 1000000 places', 'several patterns'],
    ['a{1,2001}', 'this has 2001 places', 'several patterns'],
    ['(?:ab|[c-z]{3}){500,}', 'this has 3000 places', 'several patterns'],
    ['(\\x{41}\\pL[\\]a{9}]){1000}', 'this has 3000 places', 'several patterns'],
    ['(?:\\Q)))\\E){1000}', 'this has 3000 places', 'several patterns'],
    ['a'.repeat(2001), 'this has 2001 places', 'several patterns'],
  ])('%#, with what to write instead', (source, message, hint) => {
    expect(linearPatterns.compile(source, false)).toMatchObject({
      message: expect.stringContaining(message),
      hint: expect.stringContaining(hint),
    })
  })

  it.each([
    '(?:ab){1000}',
    'a{1000}',
    '[^]a{9}]{1000}',
    '\\Q{9}\\E{100}',
    `(?:${'ab|'.repeat(600)}c)`,
  ])('%# is not', (source) => {
    expect(linearPatterns.compile(source, false)).toBeTypeOf('function')
  })

  it('is never thrown, whatever the text', () => {
    const part = fc.constantFrom(...'()[]{}\\|*+?^$.,:<>=!QEx1ab'.split(''))
    fc.assert(
      fc.property(fc.string({ unit: part, maxLength: 12 }), fc.boolean(), (source, ignoreCase) => {
        const pattern = linearPatterns.compile(source, ignoreCase)
        if (typeof pattern === 'function') expect(pattern('a')).toBeTypeOf('boolean')
        else expect(pattern.message).not.toBe('')
      }),
    )
  })
})
