import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { load } from '../../loading.ts'

/** Lines of which texts are made that are nearly YAML. */
const LINES = [
  '',
  '# comment',
  'frontends:',
  '  web:',
  '    bind: ":8080"',
  '   bind: ":80',
  '  - deny if { path /: }',
  '      allow',
  '- a',
  '\tmode: http',
  'mode: http: x',
  "  x: 'a' b",
  'y: {a: [',
  ']}',
  '${A',
  '  a',
  '  ? - b',
  ': c',
  '---',
  '&a *b',
  '>',
  '  |-',
]

describe('a text that is no YAML', () => {
  it('is told of at places that it has, in words of our own', () => {
    const lines = fc.array(fc.constantFrom(...LINES), { minLength: 1, maxLength: 8 })
    const breaks = fc.constantFrom('\n', '\r\n')
    fc.assert(
      fc.property(lines, breaks, (made, lineBreak) => {
        const text = made.join(lineBreak)
        const { config, diagnostics } = load(text)
        // Once in a while the lines are a config.
        fc.pre(config === null)
        expect(diagnostics.length).toBeGreaterThan(0)
        for (const { line, col, endCol, message } of diagnostics) {
          expect(line).toBeLessThanOrEqual(made.length)
          expect(col).toBeGreaterThanOrEqual(1)
          expect(endCol).toBeGreaterThan(col)
          expect(message).not.toMatch(/YAML stream/)
        }
      }),
      { numRuns: 3_000 },
    )
  })

  it.each(['\n b: c\na: d', '\n  a\n- b: c', '\n\n   - a\n  b', '\n: [\n'])(
    'is read to an end where it begins with an empty line: %j',
    (text) => {
      expect(load(text).config).toBeNull()
    },
  )
})
