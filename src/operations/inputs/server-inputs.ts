import { ADMIN_STATES, WEIGHT_MAX } from '../../model/admin-state.ts'
import type { ServerAddition, ServerChange } from '../contract/servers.ts'
import { InputMembers, invalidChange } from './input-members.ts'

/**
 * Checks what is to be set of a server.
 *
 * @param input as JSON gives it
 * @throws SluiceError `change-invalid`
 */
export function parseServerChange(input: unknown): ServerChange {
  const members = new InputMembers(input, ['state', 'weight', 'address'])
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
 * @param input as JSON gives it
 * @throws SluiceError `change-invalid`
 */
export function parseServerAddition(input: unknown): ServerAddition {
  const members = new InputMembers(input, ['name', 'address', 'weight'])
  const name = members.newName('name')
  const address = members.requiredAddress('address', 'server')
  const weight = members.integer('weight', 0, WEIGHT_MAX)
  return { name, address, ...(weight === undefined ? {} : { weight }) }
}
