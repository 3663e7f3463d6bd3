import { describe, expect, it } from 'vitest'
import { ContentCount } from '../../../../../src/http/h2/messages/content-count.ts'

describe('what comes of a content', () => {
  it.each<[bytes: number, parts: number[], may: boolean, mayEnd: boolean]>([
    [0, [], true, true],
    [0, [1], false, false],
    [5, [], true, false],
    [5, [2, 2], true, false],
    [5, [2, 3], true, true],
    [5, [2, 3, 1], false, false],
    [Number.POSITIVE_INFINITY, [], true, true],
    [Number.POSITIVE_INFINITY, [2 ** 40], true, true],
  ])('of %s bytes: %j', (bytes, parts, may, mayEnd) => {
    const count = new ContentCount()
    count.begin(7)
    count.take(9)
    count.begin(bytes)
    expect([parts.map((part) => count.take(part)).at(-1) ?? true, count.mayEnd]).toEqual([
      may,
      mayEnd,
    ])
  })
})
