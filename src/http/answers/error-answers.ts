import type { OwnAnswer } from '../../model/own-answer.ts'
import type { PlannedErrorAnswer } from '../../model/plan.ts'

/** What is answered where a status has no text of its own. */
const OTHERWISE = 500

/**
 * Reason and sentence by status, as HAProxy 2.6 answers them, so that what watches for its pages
 * goes on working. 414, 431 and 505 are statuses that it does not use.
 */
const TEXTS: readonly (readonly [status: number, reason: string, sentence: string])[] = [
  [200, 'OK', 'Service ready.'],
  [400, 'Bad request', 'Your browser sent an invalid request.'],
  [401, 'Unauthorized', 'You need a valid user and password to access this content.'],
  [403, 'Forbidden', 'Request forbidden by administrative rules.'],
  [404, 'Not Found', 'The resource could not be found.'],
  [
    405,
    'Method Not Allowed',
    'A request was made of a resource using a request method not supported by that resource',
  ],
  [407, 'Unauthorized', 'You need a valid user and password to access this content.'],
  [408, 'Request Time-out', "Your browser didn't send a complete request in time."],
  [410, 'Gone', 'The resource is no longer available and will not be available again.'],
  [413, 'Payload Too Large', 'The request entity exceeds the maximum allowed.'],
  [414, 'URI Too Long', 'The request line exceeds the maximum allowed.'],
  [421, 'Misdirected Request', 'Request sent to a non-authoritative server.'],
  [422, 'Unprocessable Content', 'The server cannot process the contained instructions.'],
  [425, 'Too Early', 'Your browser sent early data.'],
  [429, 'Too Many Requests', 'You have sent too many requests in a given amount of time.'],
  [431, 'Request Header Fields Too Large', 'The request headers exceed the maximum allowed.'],
  [500, 'Internal Server Error', 'An internal server error occurred.'],
  [
    501,
    'Not Implemented',
    'The server does not support the functionality required to fulfill the request.',
  ],
  [502, 'Bad Gateway', 'The server returned an invalid or incomplete response.'],
  [503, 'Service Unavailable', 'No server is available to handle this request.'],
  [504, 'Gateway Time-out', "The server didn't respond in time."],
  [505, 'HTTP Version Not Supported', 'The server does not support the HTTP version.'],
]

const standardAnswers = new Map<number, OwnAnswer>(
  TEXTS.map(([status, reason, sentence]) => [status, standardAnswer(status, reason, sentence)]),
)

function standardAnswer(status: number, reason: string, sentence: string): OwnAnswer {
  const body = `<html><body><h1>${status} ${reason}</h1>\n${sentence}\n</body></html>\n`
  const fields = 'Cache-Control: no-cache\r\nContent-Type: text/html\r\n'
  return { status, reason, minorVersion: 1, fields, body, isSilent: false }
}

/**
 * What tells a client of an error found here. Statuses without a text of their own are answered with
 * 500.
 */
export function errorAnswer(status: number): OwnAnswer {
  return standardAnswers.get(status) ?? (standardAnswers.get(OTHERWISE) as OwnAnswer)
}

/**
 * The answers that a frontend or backend gives in the place of the standard ones. A backend's come
 * before its frontend's: `backend.errors.find(...) ?? frontend.errors.answer(...)`. HAProxy
 * configuration manual, errorfile and http-error.
 */
export class ErrorAnswers {
  readonly #answers: ReadonlyMap<number, OwnAnswer>

  /** @param planned at most one answer a status */
  constructor(planned: readonly PlannedErrorAnswer[]) {
    this.#answers = new Map(planned.map(({ status, answer }) => [status, answer]))
  }

  /** The answer for this status alone, or null. */
  find(status: number): OwnAnswer | null {
    return this.#answers.get(status) ?? null
  }

  /** The answer for this status, else the standard one: what {@link errorAnswer} gives. */
  answer(status: number): OwnAnswer {
    return this.find(status) ?? errorAnswer(status)
  }
}

const NO_ANSWERS = new ErrorAnswers([])

/** The answers of a section; all sections without any share one object. */
export function errorAnswersOf(planned: readonly PlannedErrorAnswer[]): ErrorAnswers {
  return planned.length === 0 ? NO_ANSWERS : new ErrorAnswers(planned)
}
