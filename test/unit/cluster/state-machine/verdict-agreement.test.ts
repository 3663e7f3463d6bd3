import { describe, expect, it } from 'vitest'
import { agreedVerdict } from '../../../../src/cluster/state-machine/verdict-agreement.ts'
import type { HealthAgreement } from '../../../../src/model/health-agreement.ts'

/** Up, down, none: before; then what each of three watchers says, `.` nothing. */
const table: readonly [HealthAgreement, string, string, string][] = [
  ['majority', 'none', '...', 'none'],
  ['majority', 'none', 'u..', 'none'],
  ['majority', 'none', 'uu.', 'up'],
  ['majority', 'none', 'd..', 'none'],
  ['majority', 'none', 'ud.', 'none'],
  ['majority', 'none', 'udd', 'down'],
  ['majority', 'up', 'uud', 'up'],
  ['majority', 'up', 'udd', 'down'],
  ['majority', 'up', 'd..', 'up'],
  ['majority', 'up', 'ud.', 'up'],
  ['majority', 'up', '...', 'up'],
  ['majority', 'down', 'u..', 'down'],
  ['majority', 'down', 'uu.', 'up'],
  ['majority', 'down', 'u', 'up'],
  ['majority', 'up', 'd', 'down'],
  ['majority', 'up', 'ud', 'up'],
  ['majority', 'down', 'ud', 'down'],
  ['majority', 'up', 'dd', 'down'],
  ['majority', 'up', 'uddd.', 'down'],
  ['majority', 'up', 'uudd', 'up'],
  ['any', 'none', '...', 'none'],
  ['any', 'none', 'u..', 'up'],
  ['any', 'none', 'd..', 'down'],
  ['any', 'up', 'uud', 'down'],
  ['any', 'down', 'uud', 'down'],
  ['any', 'down', 'uu.', 'up'],
  ['any', 'down', '...', 'down'],
  ['all', 'none', '...', 'none'],
  ['all', 'none', 'd..', 'none'],
  ['all', 'none', 'u..', 'up'],
  ['all', 'up', 'ddu', 'up'],
  ['all', 'up', 'dd.', 'up'],
  ['all', 'up', 'ddd', 'down'],
  ['all', 'down', 'dd.', 'down'],
  ['all', 'down', 'ddu', 'up'],
  ['all', 'up', '...', 'up'],
  ['local', 'none', 'ddd', 'none'],
  ['local', 'up', 'uuu', 'none'],
]

const words: Readonly<Record<string, boolean | null>> = { up: true, down: false, none: null }

describe('the agreement on health', () => {
  it.each(table)('%s: %s, told %s, is %s', (agreement, before, said, after) => {
    const count = (letter: string): number => said.split(letter).length - 1
    const tally = { watchers: said.length, up: count('u'), down: count('d') }
    expect(agreedVerdict(agreement, tally, words[before]!)).toBe(words[after])
  })

  it('has no verdict where nobody watches', () => {
    for (const agreement of ['majority', 'any', 'all'] as const) {
      expect(agreedVerdict(agreement, { watchers: 0, up: 0, down: 0 }, null)).toBeNull()
    }
  })
})
