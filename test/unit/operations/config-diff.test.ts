import { applyPatch, parsePatch } from 'diff'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { unifiedDiff } from '../../../src/operations/config-diff.ts'

function diff(from: string, to: string): Promise<string> {
  return unifiedDiff({ name: 'version 1', text: from }, { name: 'version 2', text: to })
}

const BEFORE = 'a: 1\nb: 2\nc: 3\nd: 4\ne: 5\nf: 6\ng: 7\nh: 8\n'

describe('a unified diff', () => {
  it.each([
    ['of equal texts is empty', BEFORE, BEFORE, ''],
    [
      'has three lines around a change',
      BEFORE,
      BEFORE.replace('e: 5', 'e: 55'),
      '@@ -2,7 +2,7 @@\n b: 2\n c: 3\n d: 4\n-e: 5\n+e: 55\n f: 6\n g: 7\n h: 8\n',
    ],
    ['from nothing adds all', '', 'a: 1\n', '@@ -0,0 +1,1 @@\n+a: 1\n'],
    [
      'says where the last line has no end',
      'a: 1\n',
      'a: 1',
      '@@ -1,1 +1,1 @@\n-a: 1\n+a: 1\n\\ No newline at end of file\n',
    ],
  ])('%s', async (_, from, to, hunks) => {
    const expected = hunks === '' ? '' : `--- version 1\n+++ version 2\n${hunks}`
    expect(await diff(from, to)).toBe(expected)
  })

  it('makes the one text the other', async () => {
    const line = fc.constantFrom('a: 1', 'b: 2', '', '- c', '+ d', '--- e', '@@ f', '\\ g')
    const text = fc
      .tuple(fc.array(line, { maxLength: 30 }), fc.constantFrom('', '\n'))
      .map(([lines, end]) => lines.join('\n') + end)
    await fc.assert(
      fc.asyncProperty(text, text, async (from, to) => {
        const patch = await diff(from, to)
        expect(patch === '' ? from : applyPatch(from, patch)).toBe(to)
      }),
    )
  })

  it.each([
    ['', ''],
    ['\n', '\n'],
    ['', '\n'],
  ])('replaces all where hardly a line is left, ends %j and %j', async (end, otherEnd) => {
    const lines = (letter: string): string =>
      Array.from({ length: 20_000 }, (_, n) => `${letter}${n}`).join('\n')
    const from = lines('a') + end
    const to = lines('b') + otherEnd
    const patch = await diff(from, to)
    const [{ hunks } = { hunks: [] }] = parsePatch(patch)
    expect(hunks).toHaveLength(1)
    expect(applyPatch(from, patch)).toBe(to)
    expect(applyPatch('', await diff('', to))).toBe(to)
    expect(applyPatch(from, await diff(from, ''))).toBe('')
  })
})
