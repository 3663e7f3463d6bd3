import { type ErrorCode, SluiceError } from '../../base/errors.ts'
import type { DiagnosticCode, Path } from '../../config/diagnostics/diagnostics.ts'
import { renderDiagnostics } from '../../config/diagnostics/rendering.ts'
import { locateProblems, type PlacedProblem } from '../../config/locating.ts'
import type { ConfigSurroundings } from './config-file.ts'

/** Something that a config names and this host does not have, or cannot use. */
export interface Lack {
  readonly problem: PlacedProblem
  /** What a start or a change fails with for it alone. */
  readonly code: ErrorCode
  /**
   * It only looks so: the system may let an address be bound that no interface shows, as one of an
   * interface without a carrier, or of a local route. Who binds it will know.
   */
  readonly isGuess: boolean
}

/** The text of a config, to point at what it names. */
export interface NamingText {
  readonly text: string
  /** What a report calls it. */
  readonly name: string
  readonly env: ConfigSurroundings['env']
}

/** Lacks as one error; there is one at least. */
export type Refuse = (lacks: readonly Lack[]) => SluiceError

/** A lack at the first of these places that is written. */
export function lackAt(
  { paths }: { readonly paths: readonly Path[] },
  code: ErrorCode,
  kind: DiagnosticCode,
  message: string,
  hint: string,
): Lack {
  const problem = { severity: 'error', paths, code: kind, message, hint } as const
  return { code, problem, isGuess: false }
}

/** A coded error as a lack; any other goes on. */
export function lackOf(
  named: { readonly paths: readonly Path[] },
  kind: DiagnosticCode,
  error: unknown,
): Lack {
  if (!(error instanceof SluiceError)) throw error
  return lackAt(named, error.code, kind, error.message, error.hint)
}

/** Says all lacks at once, each at its place in the text. */
export function refusalIn({ text, name, env }: NamingText): Refuse {
  return (lacks) => {
    const problems = lacks.map(({ problem }) => problem)
    const report = renderDiagnostics(text, name, locateProblems(text, env, problems))
    return new SluiceError(codeOf(lacks), `${summaryOf(problems)}\n${report}`)
  }
}

/** Says all lacks at once where no text names them. */
export function refusal(lacks: readonly Lack[]): SluiceError {
  return new SluiceError(codeOf(lacks), lacks.map(({ problem }) => problem.message).join('\n'))
}

/** The first line, for who shows no more. */
function summaryOf([first, ...others]: readonly PlacedProblem[]): string {
  const more = others.length === 0 ? '' : `, and ${others.length} more`
  return `this host cannot run the config: ${first?.message}${more}`
}

/** The code that all have, so that a single one is told as what it is. */
function codeOf([first, ...others]: readonly Lack[]): ErrorCode {
  const isOne = first !== undefined && others.every(({ code }) => code === first.code)
  return isOne ? first.code : 'config-unusable'
}
