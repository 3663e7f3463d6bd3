import type { Member, Transfer } from '../contract/cluster.ts'
import { InputMembers } from './input-members.ts'

/**
 * Checks a node that is to join the cluster.
 *
 * @param input as JSON gives it
 * @throws SluiceError `change-invalid`
 */
export function parseMember(input: unknown): Member {
  const members = new InputMembers(input, ['name', 'address'])
  return { name: members.newName('name'), address: members.requiredAddress('address', 'peer') }
}

/**
 * Checks to whom the leadership is to be handed.
 *
 * @param input as JSON gives it
 * @throws SluiceError `change-invalid`
 */
export function parseTransfer(input: unknown): Transfer {
  return { node: new InputMembers(input, ['node']).knownName('node') }
}
