import { alternatives } from '../../base/spelling.ts'
import type { Problem } from '../diagnostics/diagnostics.ts'

/**
 * Statuses whose answer can be replaced: those that this daemon has an answer of its own for
 * (http/error-answers.ts). HAProxy 2.6 has all but 414, 431 and 505.
 */
export const ANSWER_STATUSES: readonly number[] = [
  200, 400, 401, 403, 404, 405, 407, 408, 410, 413, 414, 421, 422, 425, 429, 431, 500, 501, 502,
  503, 504, 505,
]

/** What is told of any other status. */
export const ANSWER_STATUS_PROBLEM: Problem = {
  code: 'invalid-value',
  message: 'this is no status whose answer can be replaced',
  hint: `Write ${alternatives(ANSWER_STATUSES.map(String))}.`,
}
