import { formatAddress } from '../base/address.ts'
import { SluiceError } from '../base/errors.ts'
import { parseAddress } from '../config/values/addresses.ts'
import { ADMIN_STATES, isAdminState, isWeight, WEIGHT_MAX } from '../model/admin-state.ts'
import type { ConfiguredServer, ServerSetting } from './cluster.ts'
import { ADDRESS_LENGTH_MAX, AUTHOR_LENGTH_MAX } from './state-machine/bounds.ts'
import { NAME } from './state-machine/command-encoding.ts'
import {
  type AddServer,
  type RemoveServer,
  SERVER_SETTINGS,
  type SetServer,
} from './state-machine/commands.ts'

/**
 * A server to be added.
 *
 * @param author who asks; cut at `AUTHOR_LENGTH_MAX` characters, as in every change
 * @throws SluiceError `change-invalid`
 */
export function serverAddition(
  backend: string,
  server: string,
  address: string,
  weight: number | null,
  author: string,
): AddServer {
  validateName(server)
  validateAddress(address)
  if (weight !== null) validateWeight(weight)
  return {
    kind: 'server-add',
    backend: known(backend),
    server,
    address,
    weight,
    author: author.slice(0, AUTHOR_LENGTH_MAX),
  }
}

/**
 * A change of a server. What is set to what the config says becomes unset.
 *
 * @param configured what the active config says of it; null: it does not name it, or it is not known
 * @throws SluiceError `change-invalid`, `server-unknown`
 */
export function serverChange(
  backend: string,
  server: string,
  setting: ServerSetting,
  configured: ConfiguredServer | null,
  author: string,
): SetServer {
  const { state, weight, address } = setting
  if (state === undefined && weight === undefined && address === undefined) {
    throw invalid('nothing is to be set')
  }
  if (state !== undefined && !isAdminState(state)) {
    throw invalid(`the state is none of ${ADMIN_STATES.join(', ')}`)
  }
  if (weight !== undefined) validateWeight(weight)
  const place = address === undefined ? undefined : validateAddress(address)
  validateServer(backend, server)
  const given = { state, weight, address: place }
  const unset = SERVER_SETTINGS.filter((name) => {
    return configured !== null && given[name] === configured[name]
  })
  return {
    kind: 'server-set',
    backend,
    server,
    ...(state !== undefined && !unset.includes('state') && { state }),
    ...(weight !== undefined && !unset.includes('weight') && { weight }),
    ...(address !== undefined && !unset.includes('address') && { address }),
    unset,
    author: author.slice(0, AUTHOR_LENGTH_MAX),
  }
}

/**
 * A server to be removed.
 *
 * @throws SluiceError `server-unknown`
 */
export function serverRemoval(backend: string, server: string, author: string): RemoveServer {
  validateServer(backend, server)
  return {
    kind: 'server-remove',
    backend,
    server,
    author: author.slice(0, AUTHOR_LENGTH_MAX),
  }
}

function known(backend: string): string {
  if (NAME.test(backend)) return backend
  throw new SluiceError('backend-unknown', `there is no backend ${quoted(backend)}`)
}

function validateServer(backend: string, server: string): void {
  if (NAME.test(backend) && NAME.test(server)) return
  const message = `there is no server ${quoted(`${backend}/${server}`)}`
  throw new SluiceError('server-unknown', message)
}

function validateName(server: string): void {
  if (NAME.test(server)) return
  throw invalid(`${quoted(server)} is no name: 1 to 64 characters of A-Z a-z 0-9 _ . : -`)
}

function validateWeight(weight: number): void {
  if (isWeight(weight)) return
  throw invalid(`the weight is not 0 to ${WEIGHT_MAX}`)
}

/** @returns it as it is compared with others */
function validateAddress(address: string): string {
  const { length } = address
  if (length > ADDRESS_LENGTH_MAX) throw invalid(`the address has ${length} characters`)
  const parsed = parseAddress(address, 'server')
  if ('problem' in parsed) throw invalid(`${quoted(address)}: ${parsed.problem.message}`)
  return formatAddress(parsed.value)
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 130))
}

function invalid(message: string): SluiceError {
  return new SluiceError('change-invalid', message)
}
