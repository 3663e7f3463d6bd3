import { SluiceError } from '../../base/errors.ts'
import {
  jsonBytes,
  nullable,
  oneOf,
  parseJson,
  record,
  text,
  truth,
  whole,
} from '../../cluster/state-machine/json-fields.ts'
import { ADMIN_LEVELS, type AdminLevel } from '../../model/admin-level.ts'
import { METHODS, type Method } from '../access.ts'
import type { RequestBody } from '../request-body.ts'
import type { Answer } from '../route.ts'

/** Characters of an author, for the history. */
export const AUTHOR_LENGTH_MAX = 200

/** Characters of path and query: those of the longest head that the admin address reads. */
const URL_LENGTH_MAX = 16_384
const CONTENT_TYPE_LENGTH_MAX = 1024
const RETRY_AFTER_SEC_MAX = 3600

/** Between the head, which is JSON, and the body, which is as it came. */
const LINE_FEED = 10

/** A change, as the node that was asked for it hands it to the leader. */
export interface ForwardedChange {
  readonly method: Exclude<Method, 'GET'>
  /** Path and query. */
  readonly url: string
  /** Who asks, as the node that forwards knows it. */
  readonly author: string
  /** What they may do, as that node has found. */
  readonly level: AdminLevel
  /** Null: it has none. */
  readonly body: RequestBody | null
}

type ChangeHead = Omit<ForwardedChange, 'body'> & {
  readonly contentType: string | null
  readonly isYaml: boolean
}

const CHANGES = METHODS.filter((method) => method !== 'GET')

const readChangeHead = record<ChangeHead>(
  {
    method: oneOf(CHANGES),
    url: text(URL_LENGTH_MAX),
    author: text(AUTHOR_LENGTH_MAX),
    level: oneOf(ADMIN_LEVELS),
    contentType: nullable(text(CONTENT_TYPE_LENGTH_MAX)),
    isYaml: truth,
  },
  'left-out',
)

/** What the leader answers to a change. */
export interface ForwardedAnswer {
  readonly answer: Answer
  /** What the leader had applied by then, the change included; null: it does not say. */
  readonly appliedIndex: number | null
}

interface AnswerHead {
  readonly appliedIndex: number | null
  readonly status: number
  readonly contentType: string | null
  readonly retryAfterSec: number | null
}

const readAnswerHead = record<AnswerHead>(
  {
    appliedIndex: nullable(whole(0)),
    status: whole(200, 599),
    contentType: nullable(text(CONTENT_TYPE_LENGTH_MAX)),
    retryAfterSec: nullable(whole(0, RETRY_AFTER_SEC_MAX)),
  },
  'left-out',
)

/** What {@link decodeChange} reads. */
export function encodeChange({ body, author, ...change }: ForwardedChange): Uint8Array {
  const head: ChangeHead = {
    ...change,
    author: author.slice(0, AUTHOR_LENGTH_MAX),
    contentType: body?.contentType.slice(0, CONTENT_TYPE_LENGTH_MAX) ?? null,
    isYaml: body?.isYaml ?? false,
  }
  return joined(head, body?.bytes ?? new Uint8Array())
}

/** @throws SluiceError `request-invalid`: these bytes are no change */
export function decodeChange(bytes: Uint8Array): ForwardedChange {
  const { head, body } = parted(bytes)
  const read = readChangeHead(head)
  if (read === undefined) {
    throw new SluiceError('request-invalid', 'the forwarded change cannot be read')
  }
  const { contentType, isYaml, ...change } = read
  return {
    ...change,
    body: contentType === null ? null : { bytes: Buffer.from(body), contentType, isYaml },
  }
}

/** What {@link decodeAnswer} reads. */
export function encodeAnswer({ answer, appliedIndex }: ForwardedAnswer): Uint8Array {
  const { status, contentType, body, retryAfterSec = 0 } = answer
  const head: AnswerHead = {
    appliedIndex,
    status,
    contentType,
    retryAfterSec: retryAfterSec || null,
  }
  return joined(head, Buffer.from(typeof body === 'string' ? body : body.join('')))
}

/** @returns null: these bytes are no answer */
export function decodeAnswer(bytes: Uint8Array): ForwardedAnswer | null {
  const { head, body } = parted(bytes)
  const read = readAnswerHead(head)
  if (read === undefined) return null
  const { status, contentType, retryAfterSec, appliedIndex } = read
  const answer: Answer = {
    status,
    contentType,
    body: Buffer.from(body).toString(),
    ...(retryAfterSec === null ? {} : { retryAfterSec }),
  }
  return { answer, appliedIndex }
}

function joined(head: object, body: Uint8Array): Uint8Array {
  return Buffer.concat([jsonBytes(head), Buffer.of(LINE_FEED), body])
}

/** JSON that is written without spaces has no line feed. */
function parted(bytes: Uint8Array): { readonly head: unknown; readonly body: Uint8Array } {
  const end = bytes.indexOf(LINE_FEED)
  if (end === -1) return { head: undefined, body: new Uint8Array() }
  return { head: parseJson(bytes.subarray(0, end)), body: bytes.subarray(end + 1) }
}
