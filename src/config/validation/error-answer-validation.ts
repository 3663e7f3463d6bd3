import type { Report } from '../diagnostics/diagnostics.ts'
import type { Span } from '../diagnostics/source-text.ts'
import type { Cursor } from '../text/tree.ts'
import { ANSWER_STATUS_PROBLEM, ANSWER_STATUSES } from '../values/answer-statuses.ts'
import { isWritten, type LanguageValidation } from './language-validation.ts'

/** A place where a section gives the answer to a status. */
interface Answer {
  readonly status: number
  readonly span: Span
  readonly at: Cursor
}

/** Reports lines of `http-error` that cannot be read, and statuses that a section answers twice. */
export function validateErrorAnswers(
  tree: Cursor,
  language: LanguageValidation,
  report: Report,
): void {
  const proxies = [...tree.at('frontends').values(), ...tree.at('backends').values()]
  for (const proxy of [tree.at('defaults'), ...proxies]) {
    const files = proxy.at('errorfile').values()
    const lines = proxy.at('http-error').items().filter(isWritten)
    const answers = [
      ...files.map((at): Answer => ({ status: Number(at.name), span: at.keySpan, at })),
      ...lines.flatMap((at) => readLine(at, language, report) ?? []),
    ].sort((a, b) => a.span.start - b.span.start)
    reportTwice(answers, report)
  }
}

function readLine(at: Cursor, language: LanguageValidation, report: Report): Answer | null {
  const line = at.text ?? ''
  const result = language.validateHttpError(line)
  if ('message' in result) {
    report.error(at.textSpan(result.offset), at.path, { ...result, code: 'invalid-rule' })
    return null
  }
  const [, beforeStatus = ''] = /^(\s*\S+\s+)\S/.exec(line) ?? []
  const span = at.textSpan(beforeStatus.length)
  if (ANSWER_STATUSES.includes(result.status)) return { status: result.status, span, at }
  report.error(span, at.path, ANSWER_STATUS_PROBLEM)
  return null
}

function reportTwice(answers: readonly Answer[], report: Report): void {
  const given = new Set<number>()
  for (const { status, span, at } of answers) {
    if (given.has(status)) {
      report.error(span, at.path, {
        code: 'duplicate-key',
        message: `the answer to status ${status} is given twice`,
        hint: 'Delete one.',
      })
    }
    given.add(status)
  }
}
