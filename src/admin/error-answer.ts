import { type ErrorCode, SluiceError } from '../base/errors.ts'
import type { ErrorReport } from '../operations/contract/errors.ts'
import { type Answer, json } from './route.ts'

/** After which a client may try again where there was no quorum: an election takes less. */
const RETRY_AFTER_SEC = 1

/** RFC 9110 section 15, RFC 9112. A code that is not here is this program's failure: 500. */
const STATUS_OF_ERROR: Partial<Record<ErrorCode, number>> = {
  'request-invalid': 400,
  unauthorized: 401,
  'token-unset': 403,
  'level-too-low': 403,
  'origin-refused': 403,
  'not-found': 404,
  'server-unknown': 404,
  'backend-unknown': 404,
  'config-version-unknown': 404,
  'confirmation-unknown': 404,
  'member-unknown': 404,
  'method-not-allowed': 405,
  'node-draining': 409,
  'config-conflict': 409,
  'confirmation-pending': 409,
  'server-exists': 409,
  'server-configured': 409,
  'pool-full': 409,
  'member-exists': 409,
  'member-last': 409,
  'quorum-at-risk': 409,
  'membership-changing': 409,
  'cluster-absent': 409,
  'body-too-large': 413,
  'media-type-unsupported': 415,
  'host-refused': 421,
  'change-invalid': 422,
  'config-invalid': 422,
  'cluster-unprepared': 422,
  // Why a single node cannot run a config.
  'config-unreadable': 422,
  'config-unusable': 422,
  'file-not-allowed': 422,
  'ca-file-unreadable': 422,
  'ca-file-invalid': 422,
  'crl-file-unusable': 422,
  'certificate-unreadable': 422,
  'certificate-invalid': 422,
  'error-answer-unreadable': 422,
  'error-answer-invalid': 422,
  'address-in-use': 422,
  'bind-failed': 422,
  'host-unresolved': 422,
  'table-full': 422,
  'no-quorum': 503,
  'proposal-dropped': 503,
  overloaded: 503,
  'transfer-failed': 503,
  'peer-unreachable': 503,
  'engine-stopped': 503,
  'state-newer': 503,
  'outcome-unknown': 504,
}

/** An error as it is told to a client. */
export interface ErrorAnswer {
  readonly error: SluiceError
  readonly answer: Answer
  /** Nobody but this program is to blame: it is to be logged. */
  readonly isFailure: boolean
}

/** Translates whatever went wrong; of what is no {@link SluiceError} the client is told nothing. */
export function errorAnswer(cause: unknown): ErrorAnswer {
  const error =
    cause instanceof SluiceError
      ? cause
      : new SluiceError('invariant-broken', 'the request could not be answered', cause)
  const { code, message, hint, retryable } = error
  const status = STATUS_OF_ERROR[code] ?? 500
  const answer = json({ code, message, hint } satisfies ErrorReport, status)
  const isTemporary = status === 503 && retryable
  return {
    error,
    answer: isTemporary ? { ...answer, retryAfterSec: RETRY_AFTER_SEC } : answer,
    isFailure: status === 500,
  }
}
