import { readFile } from 'node:fs/promises'
import { type LoadResult, loadConfig } from '../config/load.ts'
import { renderDiagnostics } from '../config/rendering.ts'
import { SluiceError } from '../errors.ts'
import type { Config } from '../model/config.ts'
import { checkBalance } from '../proxy/balance-key.ts'
import { checkRule } from '../rules/check.ts'
import { checkHttpError } from '../rules/http-error.ts'

/** What a config file is read with: the process is only seen through this. */
export interface ConfigSurroundings {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Cores that the process may use: the default of `global.nbthread`. */
  readonly cores: number
}

/** A config file that was read: a config, or the reasons why it is none. */
export interface ConfigFile {
  readonly config: Config | null
  /** Errors and warnings with their lines, ready to print; '' without any. */
  readonly report: string
}

/**
 * Reads and checks a config file.
 *
 * @throws SluiceError `config-unreadable`
 */
export async function readConfigFile(
  file: string,
  { env, cores }: ConfigSurroundings,
): Promise<ConfigFile> {
  const text = await readText(file)
  const { config, diagnostics }: LoadResult = loadConfig(text, {
    env,
    cores,
    checkBalance,
    checkRule,
    checkHttpError,
  })
  return { config, report: renderDiagnostics(text, file, diagnostics) }
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw new SluiceError('config-unreadable', `cannot read ${file}: ${String(error)}`, error)
  }
}
