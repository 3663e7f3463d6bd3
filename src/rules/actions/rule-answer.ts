import { localAnswerText } from '../../http/answers/local-answer.ts'
import type { ConnectionOption } from '../../http/head-edits.ts'
import type { GivenAnswer } from './outcomes.ts'

/**
 * The answer that a `redirect` or `return` rule gives; `deny` is answered like an error.
 *
 * @param connection what the client is told of its connection, '' for nothing
 */
export function ruleAnswerText(
  outcome: GivenAnswer,
  connection: ConnectionOption,
  headOnly: boolean,
): string {
  if (outcome.kind === 'redirect') {
    const { status, location } = outcome
    const answer = { status, lines: `Location: ${location}\r\n`, body: '' }
    return localAnswerText(answer, connection, headOnly)
  }
  const { status, contentType, body, headers } = outcome
  let lines = contentType === null ? '' : `Content-Type: ${contentType}\r\n`
  for (const { name, value } of headers) lines += `${name}: ${value}\r\n`
  return localAnswerText({ status, lines, body }, connection, headOnly)
}
