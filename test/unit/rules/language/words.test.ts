import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { offsetIn, Words } from '../../../../src/rules/language/words.ts'

function textsOf(rule: string): string[] {
  const words = new Words(rule)
  const texts: string[] = []
  for (let word = words.next(); word !== null; word = words.next()) texts.push(word.text)
  return texts
}

describe('words', () => {
  // The table of HAProxy's configuration manual, section 2.2.
  it.each([
    { rule: 'a  b\tc\n', words: ['a', 'b', 'c'] },
    { rule: '', words: [] },
    { rule: 'a\\ b', words: ['a b'] },
    { rule: 'a\\x20b "c d" \'e f\'', words: ['a b', 'c d', 'e f'] },
    { rule: 'x"a b"y', words: ['xa by'] },
    { rule: `"it's" 'say "x"'`, words: ["it's", 'say "x"'] },
    { rule: '\\" \\\' \\# \\\\ \\$', words: ['"', "'", '#', '\\', '$'] },
    { rule: '"\\"" "\\\\" \'\\\'', words: ['"', '\\', '\\'] },
    { rule: '\\n\\r\\t', words: ['\n\r\t'] },
    { rule: '^/a\\.b\\d+$', words: ['^/a\\.b\\d+$'] },
    { rule: '\\x4', words: ['\\x4'] },
    { rule: '""', words: [''] },
    { rule: 'a#b #c', words: ['a#b', '#c'] },
    { rule: 'a\\', words: ['a\\'] },
    { rule: 'é €', words: ['\xc3\xa9', '\xe2\x82\xac'] },
    { rule: '😀', words: ['\xf0\x9f\x98\x80'] },
  ])('$rule', ({ rule, words }) => {
    expect(textsOf(rule)).toEqual(words)
  })

  it.each([
    { rule: 'a "b c', offset: 2 },
    { rule: "it's", offset: 2 },
    { rule: '"a\\"', offset: 0 },
  ])('an open quote is told of: $rule', ({ rule, offset }) => {
    expect(new Words(rule).problem).toMatchObject({ offset })
  })

  it('know where each of their characters stands', () => {
    const words = new Words('a "b c"\\ d')
    words.next()
    const word = words.next()!
    expect(word.text).toBe('b c d')
    expect([0, 1, 2, 3, 4, 5, 99].map((i) => offsetIn(word, i))).toEqual([3, 4, 5, 7, 9, 10, 10])
  })

  it('keep the first problem', () => {
    const words = new Words('a b')
    words.refuse(1, 'first', 'hint')
    words.refuse(0, 'second')
    expect(words.problem).toEqual({ offset: 1, message: 'first', hint: 'hint' })
  })

  it('split any text as spaces do where nothing is protected', () => {
    const plain = fc.stringMatching(/^[a-z{}!|%, ]*$/)
    fc.assert(
      fc.property(plain, (rule) => {
        expect(textsOf(rule)).toEqual(rule.split(' ').filter((text) => text !== ''))
      }),
    )
  })

  it('hold bytes, and places within the rule, whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (rule) => {
        const words = new Words(rule)
        for (let word = words.next(); word !== null; word = words.next()) {
          expect(Buffer.from(word.text, 'latin1').toString('latin1')).toBe(word.text)
          expect(word.offsets).toHaveLength(word.text.length + 1)
          expect(Math.max(...word.offsets)).toBeLessThanOrEqual(rule.length)
        }
      }),
    )
  })
})
