import { assert } from '../../base/errors.ts'
import type { ErrorAnswerConfig } from '../../model/config.ts'
import type { ConfigInput } from '../schema/schema.ts'
import type { LanguageValidation } from '../validation/language-validation.ts'

/** Answers by status. */
export type AnswersByStatus = ReadonlyMap<number, ErrorAnswerConfig>

/** The answers that a section gives itself, by `errorfile` and `http-error`. */
export function ownErrorAnswers(
  section: Pick<ConfigInput['frontends'][string], 'errorfile' | 'http-error'>,
  { validateHttpError }: Pick<LanguageValidation, 'validateHttpError'>,
): AnswersByStatus {
  const answers = new Map<number, ErrorAnswerConfig>()
  for (const [key, path] of Object.entries(section.errorfile ?? {})) {
    const status = Number(key)
    answers.set(status, { status, source: { kind: 'file', path } })
  }
  for (const line of section['http-error'] ?? []) {
    const result = validateHttpError(line)
    // Invariant: error-answer-validation.ts has read every line, and refused any status given twice.
    assert(!('message' in result), 'http-error lines of an accepted config can be read')
    const { status, rule } = result
    answers.set(status, { status, source: { kind: 'rule', rule } })
  }
  return answers
}

/** The answers of a section and, for every other status, those of `defaults`; by status. */
export function mergeErrorAnswers(
  own: AnswersByStatus,
  standard: AnswersByStatus,
): ErrorAnswerConfig[] {
  return [...new Map([...standard, ...own]).values()].sort((a, b) => a.status - b.status)
}
