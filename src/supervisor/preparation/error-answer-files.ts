import { SluiceError } from '../../base/errors.ts'
import { readErrorFile } from '../../http/error-file.ts'
import { headLimitsOf } from '../../http/limits.ts'
import type { Config, ErrorAnswerConfig, TuneConfig } from '../../model/config.ts'
import type { PlannedErrorAnswer } from '../../model/plan.ts'
import { compileHttpError, type HttpErrorAnswer } from '../../rules/actions/http-error.ts'
import { ruleAnswerText } from '../../rules/actions/rule-answer.ts'
import { readBoundedFile } from './bounded-files.ts'

/** A frontend or backend with the answers that its config names. */
interface Section {
  readonly name: string
  readonly errorAnswers: readonly ErrorAnswerConfig[]
}

/** Gives the answers of a section of the config that was read. */
export type ErrorAnswersOf = (section: Section) => readonly PlannedErrorAnswer[]

/** An answer that is being read: for which status, and for whom, in words. */
interface Place {
  readonly status: number
  readonly title: string
  readonly tune: TuneConfig
}

/**
 * Reads the files of `errorfile` and `http-error`, each once, and makes every answer ready to send.
 * They are kept: a file that changes is read again with the next reload. An answer is at most
 * `tune.bufsize` bytes.
 *
 * @throws SluiceError `error-answer-unreadable`, `error-answer-invalid`
 */
export async function readErrorAnswers(config: Config): Promise<ErrorAnswersOf> {
  const { tune } = config.global
  const responses = new Map<string, string>()
  const read = async (kind: string, { name, errorAnswers }: Section): Promise<void> => {
    for (const answer of errorAnswers) {
      const { status, source } = answer
      const key = keyOf(answer)
      if (responses.has(key)) continue
      const place = { status, title: `status ${status} of ${kind} ${name}`, tune }
      const response =
        source.kind === 'file'
          ? await readWhole(source.path, place)
          : await makeReply(compileHttpError(source.rule), place)
      responses.set(key, response)
    }
  }
  for (const frontend of config.frontends) await read('frontend', frontend)
  for (const backend of config.backends) await read('backend', backend)
  return ({ errorAnswers }) =>
    errorAnswers.map((answer) => ({
      status: answer.status,
      response: responses.get(keyOf(answer)) as string,
    }))
}

/** Sections that share an answer of `defaults` share what was read. */
function keyOf({ status, source }: ErrorAnswerConfig): string {
  return source.kind === 'file' ? `file ${source.path}` : `rule ${status} ${source.rule}`
}

/** Reads a file that is a whole response. */
async function readWhole(path: string, place: Place): Promise<string> {
  const file = readErrorFile(await readBounded(path, place), headLimitsOf(place.tune))
  if ('response' in file) return file.response
  throw invalid(place, `${path} is no HTTP response: ${file.problem}`)
}

async function makeReply(answer: HttpErrorAnswer, place: Place): Promise<string> {
  if (answer.kind === 'errorfile') return readWhole(pathOf(answer.path), place)
  const { headers } = answer
  const body = await readBody(answer, place)
  const contentType = body === '' ? null : answer.contentType
  const { status, tune } = place
  const reply = { kind: 'return', status, contentType, body, headers } as const
  const text = ruleAnswerText(reply, 'close', false)
  if (text.length <= tune.bufsizeBytes) return text
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
