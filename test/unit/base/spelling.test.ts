import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nearestHint, nearestName } from '../../../src/base/spelling.ts'

const NAMES = ['roundrobin', 'leastconn', 'random', 'path_beg', 'path', 'hdr']

describe('nearestName', () => {
  it.each([
    { word: 'roundrobbin', near: 'roundrobin' },
    { word: 'leastcon', near: 'leastconn' },
    { word: 'lesatconn', near: 'leastconn' },
    { word: 'RANDOM', near: 'random' },
    { word: 'pathbeg', near: 'path_beg' },
    { word: 'PATH-BEG', near: 'path_beg' },
    { word: 'patj', near: 'path' },
    { word: 'hrd', near: 'hdr' },
    { word: 'fastest', near: null },
    { word: 'x', near: null },
    { word: '', near: null },
    { word: 'roundrobin'.repeat(20), near: null },
  ])('takes $word for $near', ({ word, near }) => {
    expect(nearestName(word, NAMES)).toBe(near)
  })

  it('finds a name that has one wrong letter', () => {
    fc.assert(
      fc.property(fc.constantFrom(...NAMES), fc.nat(20), (name, place) => {
        const at = place % name.length
        const wrong = `${name.slice(0, at)}#${name.slice(at + 1)}`
        expect(nearestName(wrong, NAMES)).toBe(name)
      }),
    )
  })
})

describe('nearestHint', () => {
  it.each([
    { word: 'leastcon', hint: 'Did you mean leastconn?' },
    { word: 'fastest', hint: `Known: ${NAMES.join(', ')}.` },
  ])('says of $word: $hint', ({ word, hint }) => {
    expect(nearestHint(word, NAMES)).toBe(hint)
  })
})
