import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { usesHashType } from '../../../src/balance/registry.ts'
import { DIAGNOSTIC_CODES, DIAGNOSTICS_MAX } from '../../../src/config/diagnostics/diagnostics.ts'
import { renderDiagnostics } from '../../../src/config/diagnostics/rendering.ts'
import { type LoadResult, loadConfig } from '../../../src/config/load.ts'
import type { TextProblem } from '../../../src/model/language.ts'
import { readSni } from '../../../src/rules/server-names.ts'

/**
 * Each `NAME.yaml` beside this file is a config with problems, `NAME.out` what the user is told.
 * `UPDATE_GOLDEN=1` writes the second from what the code says now: read the difference.
 */
const folder = new URL('./', import.meta.url)
const names = readdirSync(folder)
  .filter((file) => file.endsWith('.yaml'))
  .map((file) => file.slice(0, -'.yaml'.length))

const env = { PORT: '8080', EMPTY: '', COUNT: '10' }

/** A language that knows everything but one word. */
function findNonsense(text: string): TextProblem | null {
  const offset = text.indexOf('nonsense')
  return offset < 0 ? null : { offset, message: 'this is nonsense', hint: 'Write sense.' }
}

function load(text: string): LoadResult {
  return loadConfig(text, {
    env,
    cores: 2,
    validateBalance: findNonsense,
    usesHashType,
    validateRule: (_, rule) => findNonsense(rule),
    validatePattern: findNonsense,
    readSni,
    validateHttpError: (line) =>
      findNonsense(line) ?? { status: Number(line.split(' ')[1]), rule: '' },
  })
}

function read(file: string): string {
  return readFileSync(new URL(file, folder), 'utf8')
}

describe('a config with problems', () => {
  it.each(names)('%s', (name) => {
    const text = read(`${name}.yaml`)
    const { config, diagnostics } = load(text)
    const output = renderDiagnostics(text, `${name}.yaml`, diagnostics)
    if (process.env['UPDATE_GOLDEN'] === '1') {
      writeFileSync(new URL(`${name}.out`, folder), output)
    }
    expect(output).toBe(read(`${name}.out`))
    expect(config === null).toBe(diagnostics.some(({ severity }) => severity === 'error'))
    expect(diagnostics.length).toBeLessThanOrEqual(DIAGNOSTICS_MAX + 1)
  })

  it('has an output for each input, and no other', () => {
    const outputs = readdirSync(folder).filter((file) => file.endsWith('.out'))
    expect(
      outputs.filter((file) => !existsSync(new URL(file.replace(/out$/, 'yaml'), folder))),
    ).toEqual([])
    expect(outputs).toHaveLength(names.length)
  })

  it('is told of by every code that there is', () => {
    const codes = names.flatMap((name) => load(read(`${name}.yaml`)).diagnostics).map((d) => d.code)
    // A text over the caps is too large to keep: test/unit/config/load.test.ts has it.
    const elsewhere = ['too-large', 'too-many-names']
    // What a file names outside of itself: test/e2e/config-command.test.ts.
    elsewhere.push('unusable-file', 'unusable-address', 'unresolved-name')
    // Of a text that is applied: test/unit/config/load.test.ts.
    elsewhere.push('not-applied')
    expect([...new Set([...codes, ...elsewhere])].sort()).toEqual([...DIAGNOSTIC_CODES].sort())
  })
})
