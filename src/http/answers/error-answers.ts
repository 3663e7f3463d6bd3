import type { PlannedErrorAnswer } from '../../model/plan.ts'
import type { ConnectionOption } from '../head-edits.ts'

/** An answer in latin1, for GET and for HEAD. */
interface AnswerForms {
  readonly whole: string
  readonly head: string
}

/** An answer by what it says of its connection. */
type ErrorAnswer = Readonly<Record<ConnectionOption, AnswerForms>>

const HEAD_END = '\r\n\r\n'
/** Every answer is prepared with this line, which stands for what its connection needs. */
const CLOSE_LINE = '\r\nConnection: close\r\n'

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

const standardAnswers = new Map<number, ErrorAnswer>(
  TEXTS.map(([status, reason, sentence]) => [status, standardAnswer(status, reason, sentence)]),
)

function standardAnswer(status: number, reason: string, sentence: string): ErrorAnswer {
  const title = `${status} ${reason}`
  const body = `<html><body><h1>${title}</h1>\n${sentence}\n</body></html>\n`
  const lines = [
    `HTTP/1.1 ${title}`,
    `Content-Length: ${body.length}`,
    'Cache-Control: no-cache',
    'Connection: close',
    'Content-Type: text/html',
  ]
  return formsOf(lines.join('\r\n') + HEAD_END + body)
}

/** @param response tells of a connection that closes; '' for no answer */
function formsOf(response: string): ErrorAnswer {
  const end = response.indexOf(HEAD_END)
  const head = end < 0 ? '' : response.slice(0, end + HEAD_END.length)
  const body = response.slice(head.length)
  const form = (line: string): AnswerForms => {
    const changed = head.replace(CLOSE_LINE, line)
    return { whole: changed + body, head: changed }
  }
  const keepAlive = form('\r\nConnection: keep-alive\r\n')
  // Of a response in HTTP/1.0, as a file may have one, nobody expects that its connection stays.
  const open = head.startsWith('HTTP/1.0') ? keepAlive : form('\r\n')
  return { 'close': { whole: response, head }, '': open, 'keep-alive': keepAlive }
}

/**
 * The whole response, in latin1, that tells a client of an error found here. Statuses without a text
 * of their own are answered with 500.
 *
 * @param headOnly the request was HEAD: no body may follow. RFC 9110 section 9.3.2
 * @param connection what the client is told of its connection
 */
export function errorAnswer(
  status: number,
  headOnly: boolean,
  connection: ConnectionOption = 'close',
): string {
  const answer = standardAnswers.get(status) ?? (standardAnswers.get(OTHERWISE) as ErrorAnswer)
  return headOnly ? answer[connection].head : answer[connection].whole
}

/**
 * The answers that a frontend or backend gives in the place of the standard ones. A backend's come
 * before its frontend's: `backend.errors.find(...) ?? frontend.errors.text(...)`. HAProxy
 * configuration manual, errorfile and http-error.
 */
export class ErrorAnswers {
  readonly #answers: ReadonlyMap<number, ErrorAnswer>

  /** @param planned at most one answer a status, each ready to send before its connection closes */
  constructor(planned: readonly PlannedErrorAnswer[]) {
    this.#answers = new Map(planned.map(({ status, response }) => [status, formsOf(response)]))
  }

  /**
   * The answer for this status alone, in latin1.
   *
   * @param headOnly the request was HEAD
   * @param connection what the client is told of its connection
   * @returns null where there is none; '' where the client is to be told nothing, its connection
   *   closed and no more
   */
  find(status: number, headOnly: boolean, connection: ConnectionOption = 'close'): string | null {
    const answer = this.#answers.get(status)
    if (answer === undefined) return null
    return headOnly ? answer[connection].head : answer[connection].whole
  }

  /** The answer for this status, else the standard one: what {@link errorAnswer} gives. */
  text(status: number, headOnly: boolean, connection: ConnectionOption = 'close'): string {
    return this.find(status, headOnly, connection) ?? errorAnswer(status, headOnly, connection)
  }
}

const NO_ANSWERS = new ErrorAnswers([])

/** The answers of a section; all sections without any share one object. */
export function errorAnswersOf(planned: readonly PlannedErrorAnswer[]): ErrorAnswers {
  return planned.length === 0 ? NO_ANSWERS : new ErrorAnswers(planned)
}
