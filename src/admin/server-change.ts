import { SluiceError } from '../errors.ts'
import { ADMIN_STATES, type AdminState, WEIGHT_MAX } from '../model/admin-state.ts'
import type { ApiServerChange } from './api-contract.ts'

/**
 * Checks what is to be set of a server.
 *
 * @param body the JSON of a request
 * @throws SluiceError `change-invalid`
 */
export function parseServerChange(body: unknown): ApiServerChange {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw invalid('a change is an object')
  }
  const { state, weight, ...others } = body as Readonly<Record<string, unknown>>
  const [unknown] = Object.keys(others)
  if (unknown !== undefined) throw invalid(`${JSON.stringify(unknown)} cannot be set`)
  if (state === undefined && weight === undefined) throw invalid('nothing is to be set')
  if (state !== undefined && !isAdminState(state)) {
    throw invalid(`state is ${JSON.stringify(state)}, not one of ${ADMIN_STATES.join(', ')}`)
  }
  if (weight !== undefined && !isWeight(weight)) {
    throw invalid(`weight is ${JSON.stringify(weight)}, not a whole number from 0 to ${WEIGHT_MAX}`)
  }
  return { ...(state === undefined ? {} : { state }), ...(weight === undefined ? {} : { weight }) }
}

/** Whether this is a state that an operator can set. */
export function isAdminState(value: unknown): value is AdminState {
  return ADMIN_STATES.some((state) => state === value)
}

/** Whether this is a weight, 0-256. */
export function isWeight(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= WEIGHT_MAX
}

function invalid(message: string): SluiceError {
  return new SluiceError('change-invalid', message)
}
