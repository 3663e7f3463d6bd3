import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SourceText } from '../../../../src/config/diagnostics/source-text.ts'

describe('SourceText', () => {
  it.each([
    ['', 0, 1, 1],
    ['ab', 1, 1, 2],
    ['ab', 2, 1, 3],
    ['ab', 99, 1, 3],
    ['a\nbc', 1, 1, 2],
    ['a\nbc', 2, 2, 1],
    ['a\r\nbc', 3, 2, 1],
    ['a\n', 2, 2, 1],
    ['\n\n\nx', 3, 4, 1],
    ['👍x', 2, 1, 2],
    ['\ufeffab', 1, 1, 2],
  ])('%j: offset %i is line %i, column %i', (text, offset, line, col) => {
    expect(new SourceText(text).position(offset)).toEqual({ line, col })
  })

  it('gives lines without their breaks', () => {
    const source = new SourceText('\ufeffa\r\nb\n\nd')
    expect([0, 1, 2, 3, 4, 5].map((line) => source.line(line))).toEqual(['', 'a', 'b', '', 'd', ''])
  })

  it('agrees with counting', () => {
    const texts = fc.string({ unit: fc.constantFrom('a', 'é', '👍', '\n', '\r', ' ') })
    fc.assert(
      fc.property(texts, fc.nat(50), (text, n) => {
        const offset = Math.min(n, text.length)
        const before = text.slice(0, offset).split('\n')
        // A cut surrogate pair counts as one character, as the pair would.
        const col = [...(before.at(-1) as string)].length + 1
        expect(new SourceText(text).position(offset)).toEqual({ line: before.length, col })
      }),
    )
  })
})
