import { usesHashType } from '../../../src/balance/registry.ts'
import { type LoadOptions, type LoadResult, loadConfig } from '../../../src/config/load.ts'
import type { LanguageValidation } from '../../../src/config/validation/language-validation.ts'
import type { Config } from '../../../src/model/config.ts'
import { readSni } from '../../../src/rules/server-names.ts'

/** Reads `status N RULE`, and refuses everything else. */
const readHttpError: LanguageValidation['validateHttpError'] = (line) => {
  const [, status, rule] = /^status ([0-9]+) (.*)$/.exec(line) ?? []
  if (status === undefined || rule === undefined) {
    return { offset: 0, message: 'this is no http-error', hint: 'Write status N.' }
  }
  return { status: Number(status), rule }
}

/** Loads a config with languages that accept everything, no environment and two cores. */
export function load(text: string, options: Partial<LoadOptions> = {}): LoadResult {
  return loadConfig(text, {
    env: {},
    cores: 2,
    validateBalance: () => null,
    usesHashType,
    validateRule: () => null,
    validatePattern: () => null,
    validateHttpError: readHttpError,
    readSni,
    ...options,
  })
}

/** The config of a text that has no errors. */
export function configOf(text: string, options: Partial<LoadOptions> = {}): Config {
  const { config, diagnostics } = load(text, options)
  if (config === null) throw new Error(diagnostics.map(({ message }) => message).join('\n'))
  return config
}
