import { localAnswer } from '../../http/answers/local-answer.ts'
import type { OwnAnswer } from '../../model/own-answer.ts'
import type { GivenAnswer } from './outcomes.ts'

/** The answer that a `redirect` or `return` rule gives; `deny` is answered like an error. */
export function ruleAnswer(outcome: GivenAnswer): OwnAnswer {
  if (outcome.kind === 'redirect') {
    return localAnswer(outcome.status, `Location: ${outcome.location}\r\n`, '')
  }
  const { status, contentType, body, headers } = outcome
  let fields = contentType === null ? '' : `Content-Type: ${contentType}\r\n`
  for (const { name, value } of headers) fields += `${name}: ${value}\r\n`
  return localAnswer(status, fields, body)
}
