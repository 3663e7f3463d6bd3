import { SluiceError } from '../../base/errors.ts'
import { readErrorFile } from '../../http/h1/error-file.ts'
import { answerText } from '../../http/h1/head-text.ts'
import { headLimitsOf } from '../../http/limits.ts'
import type { ErrorAnswerConfig, TuneConfig } from '../../model/config.ts'
import type { OwnAnswer } from '../../model/own-answer.ts'
import { compileHttpError, type HttpErrorAnswer } from '../../rules/actions/http-error.ts'
import { ruleAnswer } from '../../rules/actions/rule-answer.ts'
import { readBoundedFile } from './bounded-files.ts'

/** An answer that is being read: for which status, and for whom, in words. */
interface Place {
  readonly status: number
  readonly title: string
  readonly tune: TuneConfig
}

/**
 * Makes the answer that `errorfile` or `http-error` says. It is at most `tune.bufsize` bytes.
 *
 * @param title for which status of whom: `status 503 of frontend web`
 * @throws SluiceError `error-answer-unreadable`, `error-answer-invalid`
 */
export async function readErrorAnswer(
  { status, source }: ErrorAnswerConfig,
  title: string,
  tune: TuneConfig,
): Promise<OwnAnswer> {
  const place = { status, title, tune }
  return source.kind === 'file'
    ? readWhole(source.path, place)
    : makeReply(compileHttpError(source.rule), place)
}

/** Equal for answers that are made of the same: sections that share one of `defaults` share it. */
export function answerKey({ status, source }: ErrorAnswerConfig): string {
  return source.kind === 'file' ? `file ${source.path}` : `rule ${status} ${source.rule}`
}

/** Reads a file that is a whole response. */
async function readWhole(path: string, place: Place): Promise<OwnAnswer> {
  const file = readErrorFile(await readBounded(path, place), headLimitsOf(place.tune))
  if ('answer' in file) return file.answer
  throw invalid(place, `${path} is no HTTP response: ${file.problem}`)
}

async function makeReply(answer: HttpErrorAnswer, place: Place): Promise<OwnAnswer> {
  if (answer.kind === 'errorfile') return readWhole(pathOf(answer.path), place)
  const { headers } = answer
  const body = await readBody(answer, place)
  const contentType = body === '' ? null : answer.contentType
  const { status, tune } = place
  const reply = { kind: 'return', status, contentType, body, headers } as const
  const made = ruleAnswer(reply)
  if (answerText(made, 'close', false).length <= tune.bufsizeBytes) return made
  throw tooLong(place, 'its http-error')
}

async function readBody(
  { body }: Extract<HttpErrorAnswer, { kind: 'reply' }>,
  place: Place,
): Promise<string> {
  if (body === null) return ''
  if (body.kind === 'text') return body.text
  return (await readBounded(pathOf(body.path), place)).toString('latin1')
}

/** Rules are read as bytes. */
function pathOf(latin1: string): string {
  return Buffer.from(latin1, 'latin1').toString()
}

function readBounded(path: string, place: Place): Promise<Buffer> {
  return readBoundedFile(path, {
    bytesMax: place.tune.bufsizeBytes,
    // /dev/null stands for no answer.
    isReadable: (found) => found.isFile() || found.isCharacterDevice(),
    unreadable: (why, cause) => unreadable(place, path, why, cause),
    tooLong: () => tooLong(place, path),
  })
}

function unreadable(place: Place, path: string, why: string, cause?: unknown): SluiceError {
  const message = `the answer to ${place.title}: cannot read ${path}: ${why}`
  return new SluiceError('error-answer-unreadable', message, cause)
}

function tooLong(place: Place, what: string): SluiceError {
  return invalid(
    place,
    `${what} is longer than global.tune.bufsize, ${place.tune.bufsizeBytes} bytes`,
  )
}

function invalid({ title }: Place, what: string): SluiceError {
  return new SluiceError('error-answer-invalid', `the answer to ${title}: ${what}`)
}
