// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references as a config has them.
import { readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DIAGNOSTICS_MAX } from '../../../src/config/diagnostics/diagnostics.ts'
import { renderDiagnostics } from '../../../src/config/diagnostics/rendering.ts'
import { load } from './loading.ts'

const root = new URL('../../../', import.meta.url)
const seeds = ['configs/', 'test/golden/config/'].flatMap((folder) =>
  readdirSync(new URL(folder, root))
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => readFileSync(new URL(folder + name, root), 'utf8')),
)

/** Whatever the text: an answer, in order, within bounds, that can be shown. */
function expectAnswer(text: string): void {
  const { config, diagnostics } = load(text, { env: { PORT: '80', EMPTY: '' } })
  const errors = diagnostics.filter(({ severity }) => severity === 'error')
  expect(config === null).toBe(errors.length > 0)
  expect(diagnostics.length).toBeLessThanOrEqual(DIAGNOSTICS_MAX + 1)
  const lines = text.replace(/^\ufeff/, '').split('\n')
  let last = { line: 1, col: 1 }
  for (const { line, col, endCol, message } of diagnostics) {
    expect(message).not.toBe('')
    expect(message).not.toMatch(/invalid input|undefined|\[object/i)
    expect(line > last.line || (line === last.line && col >= last.col)).toBe(true)
    expect(endCol).toBeGreaterThan(col)
    const characters = [...(lines[line - 1] as string)].length
    expect(col).toBeLessThanOrEqual(characters + 1)
    last = { line, col }
  }
  const output = renderDiagnostics(text, 'lb.yaml', diagnostics)
  expect(output === '').toBe(diagnostics.length === 0)
}

describe('loadConfig answers', () => {
  it('any text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), expectAnswer))
  })

  it('any text of the characters that YAML reads', () => {
    const unit = fc.constantFrom(...'a1:- #[]{},"\'|>&*!%@?~\n\t${}.', 'é', '👍', '\r\n')
    fc.assert(fc.property(fc.string({ unit, maxLength: 120 }), expectAnswer), { numRuns: 1_000 })
  })

  it('a config with some text cut out, put in or doubled', () => {
    const piece = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 8 }),
      fc.constantFrom(
        ...':',
        '\n',
        '  ',
        '- ',
        '{',
        '}',
        '[',
        ']',
        '"',
        '*x',
        '&x ',
        '${',
        '!!str ',
      ),
    )
    const edit = fc.record({ at: fc.nat(10_000), cut: fc.nat(30), piece, double: fc.boolean() })
    const edits = fc.array(edit, { minLength: 1, maxLength: 3 })
    fc.assert(
      fc.property(fc.constantFrom(...seeds), edits, (seed, changes) => {
        let text = seed
        for (const change of changes) {
          const at = change.at % (text.length + 1)
          const cut = text.slice(at, at + change.cut)
          const middle = change.double ? cut + cut : change.piece
          text = text.slice(0, at) + middle + text.slice(at + change.cut)
        }
        expectAnswer(text)
      }),
      { numRuns: 1_000 },
    )
  })

  it('a config of any shape', () => {
    const words = ['global', 'defaults', 'frontends', 'backends', 'web', 'bind', 'servers', 'acl']
    const keys = fc.constantFrom(...words, 'timeout', 'option', 'mode', 'address', 'toString', '1')
    const leaf = fc.oneof(
      fc.constantFrom('http', ':80', '10.0.0.1:80', '5s', '', '${PORT}', 'status 200', 'off'),
      fc.integer(),
      fc.double(),
      fc.boolean(),
      fc.constant(null),
    )
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        leaf,
        fc.array(tie('tree'), { maxLength: 3 }),
        fc.dictionary(keys, tie('tree'), { maxKeys: 5 }),
      ),
    }))
    // JSON is YAML.
    fc.assert(
      fc.property(tree, (value) => expectAnswer(JSON.stringify(value))),
      { numRuns: 1_000 },
    )
  })
})
