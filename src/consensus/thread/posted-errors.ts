import { type ErrorCode, SluiceError } from '../../base/errors.ts'

/** An error on its way to another thread, which would keep nothing of what ours add to it. */
export interface PostedError {
  /** `invariant-broken` for one that is none of this project. */
  readonly code: ErrorCode
  readonly message: string
  /** Of one that is a fault of this program, else null: naming the sources takes its time. */
  readonly stack: string | null
  /** What was said by the error that it was translated from, if there is one; one deep. */
  readonly cause: string | null
}

/** @returns what {@link postedError} makes an error of again */
export function postError(error: unknown): PostedError {
  const {
    message,
    stack = null,
    cause,
  } = error instanceof Error ? error : { message: String(error), cause: null }
  const code = error instanceof SluiceError ? error.code : 'invariant-broken'
  return {
    code,
    message,
    stack: code === 'invariant-broken' ? stack : null,
    cause: cause instanceof Error ? cause.message : null,
  }
}

/** @returns the error that was posted, if need be with the stack of the thread where it arose */
export function postedError({ code, message, stack, cause }: PostedError): SluiceError {
  const error = new SluiceError(code, message, cause ?? undefined)
  if (stack !== null) error.stack = stack
  return error
}
