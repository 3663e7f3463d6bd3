import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { usesHashType } from '../../balance/registry.ts'
import { SluiceError } from '../../base/errors.ts'
import type { Diagnostic } from '../../config/diagnostics/diagnostics.ts'
import { renderDiagnostics } from '../../config/diagnostics/rendering.ts'
import { type LoadOptions, loadConfig, type OwnSections } from '../../config/load.ts'
import type { Config } from '../../model/config.ts'
import type { TextProblem } from '../../model/language.ts'
import { validateHttpError } from '../../rules/actions/http-error.ts'
import { validateBalance } from '../../rules/balance-key.ts'
import { validateRule } from '../../rules/language/rule-validation.ts'
import { readSni } from '../../rules/server-names.ts'
import { linearPatterns } from '../../rules-host/linear-patterns.ts'
import { filesOf, type NamedFile, validateFiles } from './allowed-files.ts'

/** What a config file is read with: the process is only seen through this. */
export interface ConfigSurroundings {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Cores that the process may use: the default of `global.nbthread`. */
  readonly cores: number
}

/** A node's config file that was read and is valid. */
export interface OwnFile {
  /** Path, as it was given. */
  readonly name: string
  readonly text: string
  readonly config: Config
  /** What was warned of when it was read; '' without a warning. */
  readonly report: string
}

/** A config that was read: it, or the reasons why it is none. */
export interface ReadConfig {
  readonly config: Config | null
  /** Errors and warnings with their places, as data. */
  readonly diagnostics: readonly Diagnostic[]
  /** The same with their lines, ready to print; '' without any. */
  readonly report: string
  /** What its sections that all nodes share name in the file system; nothing without a config. */
  readonly files: readonly NamedFile[]
}

/** A text that is to be read. */
export interface ReadingRequest extends TextOptions {
  readonly text: string
  /** What the report calls it. */
  readonly name: string
}

/** With what a text is read; by default it is a file of this node. */
export type TextOptions = Pick<LoadOptions, 'own' | 'allowedVariables' | 'ownText'>

/** Reads a text as {@link readConfigText} does, be it on another thread. */
export type ReadText = (request: ReadingRequest) => Promise<ReadConfig>

/** A config file that was read. */
export interface ConfigFile extends ReadConfig {
  readonly text: string
}

/**
 * Reads and checks a config file.
 *
 * @throws SluiceError `config-unreadable`
 */
export async function readConfigFile(file: string, read: ReadText): Promise<ConfigFile> {
  const text = await readText(file)
  return { text, ...(await read({ text, name: file })) }
}

/** Reads texts on the thread that asks, however long they are. */
export function readHere(surroundings: ConfigSurroundings): ReadText {
  return async ({ text, name, ...options }) => readConfigText(text, name, surroundings, options)
}

/**
 * Checks the text of a config.
 *
 * @param name what the report calls it
 * @param options default: the text is a file of this node
 */
export function readConfigText(
  text: string,
  name: string,
  { env, cores }: ConfigSurroundings,
  options: TextOptions = {},
): ReadConfig {
  const { config, diagnostics } = loadConfig(text, {
    env,
    cores,
    validateBalance,
    usesHashType,
    validateRule: (kind, rule, acls) => validateRule(kind, rule, acls, linearPatterns),
    validatePattern,
    validateHttpError,
    readSni,
    ...options,
  })
  const files = config === null ? [] : filesOf(config)
  return { config, diagnostics, report: renderDiagnostics(text, name, diagnostics), files }
}

/**
 * Checks a text that the cluster has agreed on, or is to. What is the text of the node's own file
 * may name whatever the node can read; any other only the files and variables that the file allows
 * in section `admin`: whoever may use the API of any node has written it.
 *
 * @throws SluiceError `file-not-allowed`, and what `read` throws
 */
export async function readAgreedText(
  text: string,
  own: OwnFile,
  read: ReadText,
): Promise<ReadConfig> {
  const sections = ownSections(own.config)
  if (text === own.text) {
    // It was read without a warning, and nothing would be said of it now either.
    if (own.report === '') return { config: own.config, diagnostics: [], report: '', files: [] }
    return read({ text, name: 'config', own: sections })
  }
  const { env } = own.config.admin
  const options = { own: sections, ownText: own.text, allowedVariables: env }
  const found = await read({ text, name: 'config', ...options })
  validateAgreedFiles(found, text, own)
  return found
}

/** Those alone: the rest of the file may be long, and is to go to another thread. */
function ownSections({ global, admin, cluster }: Config): OwnSections {
  return { global, admin, cluster }
}

/**
 * Looks whether a text, which was read as {@link readAgreedText} does, names files that it may.
 *
 * @throws SluiceError `file-not-allowed`
 */
export function validateAgreedFiles({ files }: ReadConfig, text: string, own: OwnFile): void {
  if (text === own.text) return
  validateFiles(files, own.config.admin.files ?? [dirname(resolve(own.name))])
}

function validatePattern(pattern: string): TextProblem | null {
  const compiled = linearPatterns.compile(pattern, false)
  return typeof compiled === 'function' ? null : { ...compiled, offset: 0 }
}

/**
 * The text of a config file.
 *
 * @throws SluiceError `config-unreadable`
 */
export async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw new SluiceError('config-unreadable', `cannot read ${file}: ${String(error)}`, error)
  }
}
