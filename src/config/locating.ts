import {
  type Diagnostic,
  type Path,
  type Problem,
  Report,
  type Severity,
} from './diagnostics/diagnostics.ts'
import { SourceText } from './diagnostics/source-text.ts'
import type { Environment } from './text/environment.ts'
import { Cursor } from './text/tree.ts'
import { readDocument } from './text/yaml/document.ts'

/** A problem with what a config that is valid says, found outside of its text. */
export interface PlacedProblem extends Problem {
  readonly severity: Severity
  /** Where it may be written, the nearest place first: what is not there is written in the next. */
  readonly paths: readonly Path[]
}

/** Finds where problems are written in the text of a config. By position. */
export function locateProblems(
  text: string,
  environment: Environment,
  problems: readonly PlacedProblem[],
): readonly Diagnostic[] {
  // Most configs have none, and reading the text again would take as long as the first time.
  if (problems.length === 0) return []
  const source = new SourceText(text)
  const report = new Report(source)
  const tree = new Cursor(readDocument(source, environment, report))
  for (const { paths, severity, ...problem } of problems) {
    const places = paths.map((path) => tree.follow(path))
    const place = places.find(({ node }) => node !== null) ?? places.at(-1) ?? tree
    if (severity === 'error') report.error(place.span, place.path, problem)
    else report.warn(place.span, place.path, problem)
  }
  return report.diagnostics()
}
