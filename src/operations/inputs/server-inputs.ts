import { ADMIN_STATES, type AdminState, WEIGHT_MAX } from '../../model/admin-state.ts'
import type { ApiServerAddition, ApiServerChange } from '../contract/api-contract.ts'
import { BodyMembers, invalidChange } from './input-members.ts'

/**
 * Checks what is to be set of a server.
 *
 * @param body the JSON of a request
 * @throws SluiceError `change-invalid`
 */
export function parseServerChange(body: unknown): ApiServerChange {
  const members = new BodyMembers(body, ['state', 'weight', 'address'])
  const state = members.choice('state', ADMIN_STATES)
  const weight = members.integer('weight', 0, WEIGHT_MAX)
  const address = members.address('address', 'server')
  if (state === undefined && weight === undefined && address === undefined) {
    throw invalidChange('nothing is to be set')
  }
  return {
    ...(state === undefined ? {} : { state }),
    ...(weight === undefined ? {} : { weight }),
    ...(address === undefined ? {} : { address }),
  }
}

/**
 * Checks a server that is to be added.
 *
 * @param body the JSON of a request
 * @throws SluiceError `change-invalid`
 */
export function parseServerAddition(body: unknown): ApiServerAddition {
  const members = new BodyMembers(body, ['name', 'address', 'weight'])
  const name = members.newName('name')
  const address = members.requiredAddress('address', 'server')
  const weight = members.integer('weight', 0, WEIGHT_MAX)
  return { name, address, ...(weight === undefined ? {} : { weight }) }
}

/** Whether this is a state that an operator can set. */
export function isAdminState(value: unknown): value is AdminState {
  return ADMIN_STATES.some((state) => state === value)
}

/** Whether this is a weight, 0-256. */
export function isWeight(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= WEIGHT_MAX
}
