import { SluiceError } from '../errors.ts'
import { ADMIN_STATES, WEIGHT_MAX } from '../model/admin-state.ts'
import type { ApiServer, ApiServerChange } from './api-contract.ts'
import { askAdmin, type CliIo, type ConnectionOptions } from './cli-connection.ts'
import { serverTable } from './cli-server-list.ts'
import { isAdminState, isWeight } from './server-change.ts'

/** Options of `sluice server set`, as written. */
export interface ServerSetOptions extends ConnectionOptions {
  /** `--state`. */
  readonly state?: string | undefined
  /** `--weight`. */
  readonly weight?: string | undefined
}

/**
 * `sluice server set`: sets a server's admin state or weight, and prints the server as it is then.
 *
 * @param key `BACKEND/NAME`
 * @throws SluiceError `usage`, and as {@link askAdmin}
 */
export async function serverSet(key: string, options: ServerSetOptions, io: CliIo): Promise<void> {
  const [backend = '', name = '', ...more] = key.split('/')
  if (backend === '' || name === '' || more.length > 0) {
    throw new SluiceError('usage', `${key} is no server: write BACKEND/NAME`)
  }
  const path = `/api/v1/servers/${encodeURIComponent(backend)}/${encodeURIComponent(name)}`
  const change = { method: 'PATCH', path, body: changeOf(options) } as const
  const server = await askAdmin<ApiServer | null>(change, options, io)
  if (server?.server !== name) {
    throw new SluiceError('admin-refused', `the answer is not the server ${key}`)
  }
  io.write(options.json === true ? `${JSON.stringify(server, null, 2)}\n` : serverTable([server]))
}

function changeOf({ state, weight }: ServerSetOptions): ApiServerChange {
  if (state === undefined && weight === undefined) {
    throw new SluiceError('usage', 'say what is to be set: --state, --weight or both')
  }
  if (state !== undefined && !isAdminState(state)) {
    throw new SluiceError('usage', `--state is one of ${ADMIN_STATES.join(', ')}, not ${state}`)
  }
  const number = weight !== undefined && /^\d{1,3}$/.test(weight) ? Number(weight) : undefined
  if (weight !== undefined && !isWeight(number)) {
    throw new SluiceError('usage', `--weight is from 0 to ${WEIGHT_MAX}, not ${weight}`)
  }
  return {
    ...(state === undefined ? {} : { state }),
    ...(number === undefined ? {} : { weight: number }),
  }
}
