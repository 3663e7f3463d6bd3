import type { ApiMember, ApiTransfer } from '../contract/api-contract.ts'
import { BodyMembers } from './input-members.ts'

/**
 * Checks a node that is to join the cluster.
 *
 * @param body the JSON of a request
 * @throws SluiceError `change-invalid`
 */
export function parseMember(body: unknown): ApiMember {
  const members = new BodyMembers(body, ['name', 'address'])
  return { name: members.newName('name'), address: members.requiredAddress('address', 'peer') }
}

/**
 * Checks to whom the leadership is to be handed.
 *
 * @param body the JSON of a request
 * @throws SluiceError `change-invalid`
 */
export function parseTransfer(body: unknown): ApiTransfer {
  return { node: new BodyMembers(body, ['node']).knownName('node') }
}
