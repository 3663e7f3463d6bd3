import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  checkLinearizability,
  type Operation,
  type Request,
  valueAfter,
} from './linearizability.ts'

const read: Request = { kind: 'read' }
const write = (value: string): Request => ({ kind: 'write', value })
const append = (value: string): Request => ({ kind: 'append', value })
const swap = (expected: string, value: string): Request => ({ kind: 'swap', expected, value })

type Row = readonly [
  calledAt: number,
  returnedAt: number | 'never',
  request: Request,
  answer?: string | boolean,
]

function historyOf(rows: readonly Row[], key = 'k'): Operation[] {
  return rows.map(([calledAt, returnedAt, request, answer], n) => ({
    client: `c${n}`,
    key,
    request,
    calledAt,
    returnedAt: returnedAt === 'never' ? Infinity : returnedAt,
    answer: answer ?? null,
  }))
}

const GOOD: readonly (readonly [string, readonly Row[]])[] = [
  ['nothing', []],
  ['a read of nothing', [[1, 2, read, '']]],
  [
    'a read after a write',
    [
      [1, 2, write('a')],
      [3, 4, read, 'a'],
    ],
  ],
  [
    'a read during a write sees the old value',
    [
      [1, 4, write('a')],
      [2, 3, read, ''],
    ],
  ],
  [
    'a read during a write sees the new value',
    [
      [1, 4, write('a')],
      [2, 3, read, 'a'],
    ],
  ],
  [
    'writes at once end in either order',
    [
      [1, 10, write('a')],
      [1, 10, write('b')],
      [11, 12, read, 'a'],
    ],
  ],
  [
    'a write without answer takes effect late',
    [
      [1, 'never', write('a')],
      [2, 3, read, ''],
      [4, 5, read, 'a'],
      [6, 7, read, 'a'],
    ],
  ],
  [
    'a write without answer never takes effect',
    [
      [1, 'never', write('a')],
      [2, 3, write('b')],
      [4, 5, read, 'b'],
    ],
  ],
  [
    'a swap without answer swaps',
    [
      [1, 'never', swap('', 'a')],
      [2, 3, read, 'a'],
    ],
  ],
  [
    'a swap without answer does not swap',
    [
      [1, 2, write('x')],
      [3, 'never', swap('y', 'a')],
      [4, 5, read, 'x'],
    ],
  ],
  [
    'a read without answer',
    [
      [1, 2, write('a')],
      [3, 'never', read],
      [4, 5, read, 'a'],
    ],
  ],
  [
    'of two swaps at once one wins',
    [
      [1, 9, swap('', 'a'), true],
      [1, 9, swap('', 'b'), false],
    ],
  ],
  [
    'appends grow',
    [
      [1, 2, append('a'), 'a'],
      [3, 9, append('b'), 'acb'],
      [3, 9, append('c'), 'ac'],
      [4, 8, read, 'ac'],
    ],
  ],
  [
    'the order has to be found among many',
    [
      [1, 20, write('a')],
      [1, 20, write('b')],
      [1, 20, write('c')],
      [1, 20, write('d')],
      [2, 3, read, 'c'],
      [4, 5, read, 'a'],
      [6, 7, read, 'd'],
      [8, 9, read, 'b'],
    ],
  ],
]

const BAD: readonly (readonly [string, readonly Row[]])[] = [
  ['a value from nowhere', [[1, 2, read, 'a']]],
  [
    'a stale read',
    [
      [1, 2, write('a')],
      [3, 4, write('b')],
      [5, 6, read, 'a'],
    ],
  ],
  [
    'a lost write',
    [
      [1, 2, write('a')],
      [3, 4, read, ''],
    ],
  ],
  [
    'a read of the future',
    [
      [1, 2, read, 'a'],
      [3, 4, write('a')],
    ],
  ],
  [
    'reads that go back while the write goes on',
    [
      [1, 10, write('a')],
      [2, 3, read, 'a'],
      [4, 5, read, ''],
    ],
  ],
  [
    'a write without answer that appears and disappears',
    [
      [1, 2, write('x')],
      [3, 'never', write('a')],
      [4, 5, read, 'a'],
      [6, 7, read, 'x'],
    ],
  ],
  [
    'two swaps that both win',
    [
      [1, 9, swap('', 'a'), true],
      [1, 9, swap('', 'b'), true],
    ],
  ],
  [
    'a swap that should have won',
    [
      [1, 2, write('x')],
      [3, 4, swap('x', 'a'), false],
    ],
  ],
  [
    'an append done twice',
    [
      [1, 2, append('a'), 'a'],
      [3, 4, append('b'), 'aab'],
    ],
  ],
  [
    'an append that was acknowledged and lost',
    [
      [1, 2, append('a'), 'a'],
      [3, 4, append('b'), 'b'],
    ],
  ],
  [
    'two readers that disagree on an order',
    [
      [1, 20, write('a')],
      [1, 20, write('b')],
      [2, 3, read, 'a'],
      [4, 5, read, 'b'],
      [6, 7, read, 'a'],
    ],
  ],
]

describe('checkLinearizability', () => {
  it.each(GOOD)('accepts: %s', (_name, rows) => {
    expect(checkLinearizability(historyOf(rows)).outcome).toBe('linearizable')
  })

  it.each(BAD)('finds: %s', (_name, rows) => {
    expect(checkLinearizability(historyOf(rows))).toMatchObject({ outcome: 'violated', key: 'k' })
  })

  it('judges each key alone', () => {
    const fine = historyOf(
      [
        [1, 2, write('a')],
        [5, 6, read, 'a'],
      ],
      'fine',
    )
    const stale = historyOf(
      [
        [3, 4, write('b')],
        [7, 8, read, ''],
      ],
      'stale',
    )
    expect(checkLinearizability(fine).outcome).toBe('linearizable')
    expect(checkLinearizability([...fine, ...stale])).toMatchObject({
      outcome: 'violated',
      key: 'stale',
    })
  })

  it('says so where it gives up', () => {
    const writes = Array.from({ length: 10 }, (_, n): Row => [1, 100, write(`${n}`)])
    const history = historyOf([...writes, [101, 102, read, 'none of them']])
    expect(checkLinearizability(history, 50)).toMatchObject({ outcome: 'undecided', key: 'k' })
    expect(checkLinearizability(history).outcome).toBe('violated')
  })

  it('agrees with trying every order', () => {
    const found = { linearizable: 0, violated: 0 }
    fc.assert(
      fc.property(fc.array(anyRow, { minLength: 1, maxLength: 7 }), (rows) => {
        const history = historyOf(rows)
        const expected = hasOrder(history) ? 'linearizable' : 'violated'
        found[expected] += 1
        expect(checkLinearizability(history).outcome).toBe(expected)
      }),
      { numRuns: 10_000, seed: 7 },
    )
    expect(found.linearizable).toBeGreaterThan(500)
    expect(found.violated).toBeGreaterThan(500)
  })
})

const anyValue = fc.constantFrom('', 'a', 'b')
const anyAnswer = fc.oneof(
  fc.record({ request: fc.constant(read), answer: anyValue }),
  fc.record({ request: anyValue.map(write), answer: fc.constant('') }),
  fc.record({
    request: fc.constantFrom('a', 'b').map(append),
    answer: fc.constantFrom('a', 'b', 'ab', 'ba', 'aa'),
  }),
  fc.record({
    request: fc.tuple(anyValue, anyValue).map(([from, to]) => swap(from, to)),
    answer: fc.boolean(),
  }),
)
const anyRow: fc.Arbitrary<Row> = fc
  .tuple(fc.integer({ min: 0, max: 12 }), fc.integer({ min: 1, max: 8 }), anyAnswer, fc.nat(2))
  .map(([calledAt, lasts, { request, answer }, chance]) => [
    calledAt,
    chance === 0 ? 'never' : calledAt + lasts,
    request,
    answer,
  ])

/** The simple twin: every order of every choice of the unanswered. */
function hasOrder(history: readonly Operation[], value = ''): boolean {
  if (history.every((operation) => operation.returnedAt === Infinity)) return true
  return history.some((operation, n) => {
    const rest = history.filter((_, other) => other !== n)
    if (rest.some((other) => other.returnedAt < operation.calledAt)) return false
    const next = valueAfter(value, operation)
    return next !== null && hasOrder(rest, next)
  })
}
