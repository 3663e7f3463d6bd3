import { text as textOf } from 'node:stream/consumers'
import type { Diagnostic } from '../../config/diagnostics/diagnostics.ts'
import { renderDiagnostics } from '../../config/diagnostics/rendering.ts'
import { locateProblems, type PlacedProblem } from '../../config/locating.ts'
import { NameResolution } from '../../discovery/name-resolution.ts'
import type { Config } from '../../model/config.ts'
import type { DaemonLog } from '../../telemetry/daemon-log.ts'
import { type ConfigSurroundings, readConfigText, readText } from './config-file.ts'
import { lookAround, unfoundNames } from './surroundings-check.ts'

/** The file name that stands for standard input. */
const STANDARD_INPUT = '-'

/** What standard input is called in a report. */
const STANDARD_INPUT_NAME = '<stdin>'

/** What is found is told once, in the report. */
const SILENT: DaemonLog = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  setLevel: () => {},
}

/** What `sluice check` is given. */
export interface CheckOptions extends ConfigSurroundings {
  /** Path of the file, or `-` for standard input. */
  readonly file: string
  /** Whether the result is printed as JSON. */
  readonly json: boolean
  /** Whether only the text is looked at. */
  readonly offline: boolean
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
}

/**
 * `sluice check`: says what is wrong with a config file, and with what it names outside of itself.
 * Binds nothing.
 *
 * @returns whether the config is valid
 * @throws SluiceError `config-unreadable`
 */
export async function checkConfig(options: CheckOptions): Promise<boolean> {
  const isInput = options.file === STANDARD_INPUT
  const file = isInput ? STANDARD_INPUT_NAME : options.file
  const text = isInput ? await textOf(process.stdin) : await readText(options.file)
  const { config, diagnostics: ofText } = readConfigText(text, file, options)
  const isLookedAround = config !== null && !options.offline
  const outside = isLookedAround ? await problemsAround(config) : []
  const diagnostics = [...ofText, ...locateProblems(text, options.env, outside)].sort(
    (one, other) => one.line - other.line || one.col - other.col,
  )
  const valid = diagnostics.every(({ severity }) => severity !== 'error')
  if (options.json) {
    options.tell(`${JSON.stringify({ file, valid, diagnostics } satisfies CheckResult, null, 2)}\n`)
    return valid
  }
  options.print(renderDiagnostics(text, file, diagnostics))
  if (valid) options.tell(`${file}: the config is valid\n`)
  return valid
}

async function problemsAround(config: Config): Promise<PlacedProblem[]> {
  const names = new NameResolution({ log: SILENT })
  const { lacks } = await lookAround(config, names)
  const unfound = unfoundNames(config, names)
  names.stop()
  return [...lacks.map(({ problem }) => problem), ...unfound]
}
