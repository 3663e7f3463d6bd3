import { describe, expect, it } from 'vitest'
import { DIAGNOSTICS_MAX, Report } from '../../../../src/config/diagnostics/diagnostics.ts'
import { SourceText } from '../../../../src/config/diagnostics/source-text.ts'

function problem(message: string): { message: string; hint: string } {
  return { message, hint: '' }
}

function report(text = 'x'.repeat(1_000)): Report {
  return new Report(new SourceText(text))
}

describe('Report', () => {
  it('gives what was found by position, whatever the order', () => {
    const found = report('a: 1\nb: 2\n')
    found.warn({ start: 5, end: 6 }, ['b'], problem('second'))
    found.error({ start: 0, end: 1 }, ['a'], problem('first'))
    expect(found.diagnostics()).toEqual([
      {
        severity: 'error',
        code: 'invalid-value',
        path: ['a'],
        line: 1,
        col: 1,
        endCol: 2,
        message: 'first',
        hint: '',
      },
      {
        severity: 'warning',
        code: 'invalid-value',
        path: ['b'],
        line: 2,
        col: 1,
        endCol: 2,
        message: 'second',
        hint: '',
      },
    ])
  })

  it('keeps the first finding of a place, but an error before a warning', () => {
    const found = report()
    found.warn({ start: 1, end: 2 }, [], problem('a warning'))
    expect(found.failed).toBe(false)
    found.error({ start: 1, end: 2 }, [], problem('an error'))
    found.error({ start: 1, end: 2 }, [], problem('its consequence'))
    found.warn({ start: 1, end: 2 }, [], problem('another'))
    expect(found.failed).toBe(true)
    expect(found.diagnostics().map(({ message }) => message)).toEqual(['an error'])
  })

  it('marks at least one character, and only of the first line', () => {
    const found = report('ab\ncd')
    found.error({ start: 1, end: 1 }, [], problem('empty'))
    found.error({ start: 0, end: 5 }, [], problem('over two lines'))
    found.error({ start: 5, end: 6 }, [], problem('after the end'))
    expect(found.diagnostics().map(({ line, col, endCol }) => [line, col, endCol])).toEqual([
      [1, 1, 3],
      [1, 2, 3],
      [2, 3, 4],
    ])
  })

  it('gives a bounded number, errors first, and counts the rest', () => {
    const found = report()
    for (let i = 0; i < 2 * DIAGNOSTICS_MAX; i++) {
      const kind = i % 2 === 0 ? 'warn' : 'error'
      found[kind]({ start: i, end: i + 1 }, [], problem(`${kind} ${i}`))
    }
    const all = found.diagnostics()
    expect(all).toHaveLength(DIAGNOSTICS_MAX + 1)
    expect(all.slice(0, -1).every(({ severity }) => severity === 'error')).toBe(true)
    expect(all.at(-1)).toMatchObject({
      severity: 'warning',
      code: 'too-many-problems',
      message: `${DIAGNOSTICS_MAX} more problems are not shown`,
    })
  })

  it('says with an error that errors are left out', () => {
    const found = report()
    for (let i = 0; i <= DIAGNOSTICS_MAX; i++) {
      found.error({ start: i, end: i + 1 }, [], problem(`error ${i}`))
    }
    expect(found.diagnostics().at(-1)).toMatchObject({
      severity: 'error',
      message: '1 more problem is not shown',
    })
  })
})
