import type { Config } from '../model/config.ts'
import { type Diagnostic, Report } from './diagnostics/diagnostics.ts'
import { SourceText } from './diagnostics/source-text.ts'
import { resolveConfig } from './resolution/resolution.ts'
import { configSchema } from './schema/schema.ts'
import type { AllowedVariables, Environment } from './text/environment.ts'
import { warnOfPassedOver, withoutOwnSections } from './text/own-sections.ts'
import { Cursor, plainValue } from './text/tree.ts'
import { readDocument } from './text/yaml/document.ts'
import type { LanguageValidation } from './validation/language-validation.ts'
import { SchemaProblems } from './validation/schema-problems.ts'
import { validateUsefulness } from './validation/usefulness.ts'
import { validateReferences } from './validation/validation.ts'

/** Sections that a node takes from its own file, resolved. */
export type OwnSections = Pick<Config, 'global' | 'admin' | 'cluster'>

/** What a config is read with. */
export interface LoadOptions extends LanguageValidation {
  /** What `${NAME}` in a value is taken from. */
  readonly env: Environment
  /** Cores that the process may use: the default of `global.nbthread`. */
  readonly cores: number
  /** Whose sections `global`, `admin` and `cluster` hold instead of those of the text. */
  readonly own?: OwnSections
  /**
   * The text is not the node's own file: which variables it may name. Its sections `global`, `admin`
   * and `cluster` are passed over. Default null: it is, and may name any.
   */
  readonly allowedVariables?: AllowedVariables
  /** The text of the node's own file, in whose sections that are passed over nothing is missed. */
  readonly ownText?: string
}

/** A config, or the errors that it has; warnings in either case. */
export interface LoadResult {
  /** Null where there is an error among the diagnostics. */
  readonly config: Config | null
  /** By position. Made into text by `renderDiagnostics`. */
  readonly diagnostics: readonly Diagnostic[]
}

/**
 * Reads the text of a config file: YAML to a tree with positions, then the schema, then what holds
 * between places, then defaults. Every problem of the text is reported at once. Does no I/O and
 * throws nothing.
 */
export function loadConfig(text: string, options: LoadOptions): LoadResult {
  const source = new SourceText(text)
  const report = new Report(source)
  const { own, allowedVariables = null } = options
  const read = readDocument(source, options.env, report, allowedVariables)
  if (read === null) return { config: null, diagnostics: report.diagnostics() }
  const root = allowedVariables === null ? read : withoutOwnSections(read)
  if (allowedVariables !== null) warnOfPassedOver(read, source, options.ownText ?? '', report)
  const tree = new Cursor(root)
  const result = configSchema.safeParse(plainValue(root))
  if (!result.success)
    new SchemaProblems(configSchema, source, tree, report).add(result.error.issues)
  validateReferences(tree, source, { ...options, ownAdmin: own?.admin ?? null }, report)
  if (!report.failed) validateUsefulness(tree, options, report)
  const config = result.success && !report.failed ? resolveConfig(result.data, tree, options) : null
  return { config, diagnostics: report.diagnostics() }
}
