import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Diagnostic } from '../../../../src/config/diagnostics/diagnostics.ts'
import { renderDiagnostics } from '../../../../src/config/diagnostics/rendering.ts'

function render(text: string, diagnostic: Partial<Diagnostic>): string {
  return renderDiagnostics(text, 'lb.yaml', [
    {
      severity: 'error',
      code: 'invalid-value',
      path: [],
      line: 1,
      col: 1,
      endCol: 2,
      message: 'this is wrong',
      hint: '',
      ...diagnostic,
    },
  ])
}

describe('renderDiagnostics', () => {
  it('gives nothing for nothing', () => {
    expect(renderDiagnostics('a: 1', 'lb.yaml', [])).toBe('')
  })

  it('gives the place, the line, a mark and a hint', () => {
    const text = 'a: 1\nkey: value # why\n'
    const place = { line: 2, col: 6, endCol: 11, hint: 'Write another.' }
    expect(render(text, place)).toBe(
      [
        'lb.yaml:2:6: error: this is wrong',
        ' 2 | key: value # why',
        '   |      ^^^^^',
        '   = Write another.',
        '',
      ].join('\n'),
    )
  })

  it('marks the place after the end of a line, and of the text', () => {
    expect(render('ab', { col: 3, endCol: 4 })).toContain(' 1 | ab\n   |   ^\n')
    expect(render('', {})).toContain(' 1 | \n   | ^\n')
  })

  it('shows lines that end with CRLF, and a text with a byte order mark', () => {
    const place = { line: 2, col: 4, endCol: 5 }
    expect(render('\ufeffa: 1\r\nb: 2\r\n', place)).toContain(' 2 | b: 2\n   |    ^\n')
    expect(render('\ufeffa: 1\r\n', { endCol: 2 })).toContain(' 1 | a: 1\n   | ^\n')
  })

  it('keeps tabs before the mark', () => {
    expect(render('\ta:\tb', { col: 5, endCol: 6 })).toContain(' | \ta:\tb\n   | \t  \t^\n')
  })

  it('gives wide characters two columns and combining ones none', () => {
    expect(render('日本: x', { col: 5, endCol: 6 })).toContain(' | 日本: x\n   |       ^\n')
    expect(render('👍: x', { col: 4, endCol: 5 })).toContain(' | 👍: x\n   |     ^\n')
    expect(render('e\u0301: x', { col: 5, endCol: 6 })).toContain(' | e\u0301: x\n   |    ^\n')
    expect(render('日本', { col: 1, endCol: 3 })).toContain('   | ^^^^\n')
  })

  it('cuts a long line around the mark', () => {
    const text = `${'a'.repeat(500)}!${'b'.repeat(500)}`
    const lines = render(text, { col: 501, endCol: 502 }).split('\n')
    expect(lines[1]).toBe(` 1 | …${'a'.repeat(40)}!${'b'.repeat(59)}…`)
    expect(lines[2]).toBe(`   |  ${' '.repeat(40)}^`)
  })

  it('cuts a long mark with its line', () => {
    const lines = render('a'.repeat(500), { col: 1, endCol: 501 }).split('\n')
    expect(lines[1]).toBe(` 1 | ${'a'.repeat(100)}…`)
    expect(lines[2]).toBe(`   | ${'^'.repeat(100)}`)
  })

  it('lets nothing through that acts on a terminal or turns the writing', () => {
    const text = 'a: \x1b[31m\u202e\u0007\u009b\u{e0001}\u2066\ud800'
    const output = render(text, { message: 'bad \x1b]0;x\x07', hint: 'worse\r\x1b[2J' })
    expect(output).not.toMatch(/[^\P{C}\n]/u)
  })

  it('puts the mark below the place on a terminal without wide characters', () => {
    const line = fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 300 })
    fc.assert(
      fc.property(line, fc.nat(), (text, n) => {
        const col = (n % text.length) + 1
        const [, shown = '', marks = ''] = render(text, { col, endCol: col + 1 }).split('\n')
        if (text[col - 1] !== ' ') expect(shown[marks.indexOf('^')]).toBe(text[col - 1])
        expect(shown.length).toBeLessThan(110)
      }),
    )
  })
})
