import { text as textOf } from 'node:stream/consumers'
import type { Diagnostic } from '../config/diagnostics.ts'
import { SluiceError } from '../errors.ts'
import { readAuthorities } from './certificate-authorities.ts'
import {
  type ConfigSurroundings,
  type ReadConfig,
  readConfigFile,
  readConfigText,
} from './config-file.ts'
import { readErrorAnswers } from './error-answers.ts'

/** The file name that stands for standard input. */
const STANDARD_INPUT = '-'

/** What standard input is called in a report. */
const STANDARD_INPUT_NAME = '<stdin>'

/** What `sluice check` is given. */
export interface CheckOptions extends ConfigSurroundings {
  /** Path of the file, or `-` for standard input. */
  readonly file: string
  /** Whether the result is printed as JSON. */
  readonly json: boolean
  /** Writes to standard output. */
  readonly tell: (text: string) => void
  /** Writes to standard error. */
  readonly print: (text: string) => void
}

/** What `sluice check --json` prints. */
interface CheckResult {
  readonly file: string
  readonly valid: boolean
  readonly diagnostics: readonly Diagnostic[]
  /** What the config names outside of itself and cannot be used; null where all can. */
  readonly error: { readonly code: string; readonly message: string; readonly hint: string } | null
}

/**
 * `sluice check`: says what is wrong with a config file. Binds nothing.
 *
 * @returns whether the config is valid
 * @throws SluiceError `config-unreadable`, and without `json` what {@link readErrorAnswers} and
 *   {@link readAuthorities} throw
 */
export async function checkConfig(options: CheckOptions): Promise<boolean> {
  const isInput = options.file === STANDARD_INPUT
  const file = isInput ? STANDARD_INPUT_NAME : options.file
  const read = isInput
    ? readConfigText(await textOf(process.stdin), file, options)
    : await readConfigFile(file, options)
  if (options.json) return tellResult(read, file, options)
  options.print(read.report)
  if (read.config === null) return false
  await readErrorAnswers(read.config)
  await readAuthorities(read.config)
  options.tell(`${file}: the config is valid\n`)
  return true
}

async function tellResult(
  read: ReadConfig,
  file: string,
  { tell }: CheckOptions,
): Promise<boolean> {
  const { config, diagnostics } = read
  let error: CheckResult['error'] = null
  try {
    if (config !== null) {
      await readErrorAnswers(config)
      await readAuthorities(config)
    }
  } catch (thrown) {
    if (!(thrown instanceof SluiceError)) throw thrown
    error = { code: thrown.code, message: thrown.message, hint: thrown.hint }
  }
  const valid = config !== null && error === null
  tell(`${JSON.stringify({ file, valid, diagnostics, error } satisfies CheckResult, null, 2)}\n`)
  return valid
}
