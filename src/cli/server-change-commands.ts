import { SluiceError } from '../base/errors.ts'
import { ADMIN_STATES, isAdminState, isWeight, WEIGHT_MAX } from '../model/admin-state.ts'
import type { ServerAddition, ServerChange, ServerReport } from '../operations/contract/servers.ts'
import { expectAnswer, show } from './command-output.ts'
import {
  type AdminRequest,
  askAdmin,
  type CliIo,
  type ConnectionOptions,
} from './daemon-connection.ts'
import { serverTable } from './server-list-command.ts'

/** Options of `sluice server add`, as written. */
export interface ServerAddOptions extends ConnectionOptions {
  /** `--weight`. */
  readonly weight?: string | undefined
}

/** Options of `sluice server set`, as written. */
export interface ServerSetOptions extends ServerAddOptions {
  /** `--state`. */
  readonly state?: string | undefined
  /** `--address`. */
  readonly address?: string | undefined
}

/**
 * `sluice server set`: sets a server's admin state, weight or address, and prints the server as it
 * is then.
 *
 * @param key `BACKEND/NAME`
 * @throws SluiceError `usage`, and as {@link askAdmin}
 */
export async function serverSet(key: string, options: ServerSetOptions, io: CliIo): Promise<void> {
  const { path } = serverIn(key)
  await changeServer({ method: 'PATCH', path, body: changeOf(options) }, key, options, io)
}

/**
 * `sluice server add`: adds a server that the config does not name, and prints it.
 *
 * @param key `BACKEND/NAME`
 * @throws SluiceError `usage`, and as {@link askAdmin}
 */
export async function serverAdd(
  key: string,
  address: string,
  options: ServerAddOptions,
  io: CliIo,
): Promise<void> {
  const { backend, name } = serverIn(key)
  const weight = weightIn(options)
  const body: ServerAddition = { name, address, ...(weight === undefined ? {} : { weight }) }
  const path = `/api/v1/servers/${encodeURIComponent(backend)}`
  await changeServer({ method: 'POST', path, body }, key, options, io)
}

/**
 * `sluice server remove`: removes a server that was added at run time.
 *
 * @param key `BACKEND/NAME`
 * @throws SluiceError `usage`, and as {@link askAdmin}
 */
export async function serverRemove(
  key: string,
  options: ConnectionOptions,
  io: CliIo,
): Promise<void> {
  const { path } = serverIn(key)
  const answer = await askAdmin<unknown>({ method: 'DELETE', path }, options, io)
  show(answer, `${key} is removed\n`, options, io)
}

async function changeServer(
  change: AdminRequest,
  key: string,
  options: ConnectionOptions,
  io: CliIo,
): Promise<void> {
  const server = await askAdmin<ServerReport | null>(change, options, io)
  expectAnswer(`${server?.backend}/${server?.server}` === key, `server ${key}`)
  show(server, server === null ? '' : serverTable([server]), options, io)
}

function serverIn(key: string): { backend: string; name: string; path: string } {
  const [backend = '', name = '', ...more] = key.split('/')
  if (backend === '' || name === '' || more.length > 0) {
    throw new SluiceError('usage', `${key} is no server: write BACKEND/NAME`)
  }
  const path = `/api/v1/servers/${encodeURIComponent(backend)}/${encodeURIComponent(name)}`
  return { backend, name, path }
}

function changeOf({ state, address, ...others }: ServerSetOptions): ServerChange {
  if (state === undefined && others.weight === undefined && address === undefined) {
    throw new SluiceError('usage', 'say what is to be set: --state, --weight, --address')
  }
  if (state !== undefined && !isAdminState(state)) {
    throw new SluiceError('usage', `--state is one of ${ADMIN_STATES.join(', ')}, not ${state}`)
  }
  const weight = weightIn(others)
  return {
    ...(state === undefined ? {} : { state }),
    ...(weight === undefined ? {} : { weight }),
    ...(address === undefined ? {} : { address }),
  }
}

function weightIn({ weight }: ServerAddOptions): number | undefined {
  if (weight === undefined) return undefined
  const number = /^\d{1,3}$/.test(weight) ? Number(weight) : undefined
  if (isWeight(number)) return number
  throw new SluiceError('usage', `--weight is from 0 to ${WEIGHT_MAX}, not ${weight}`)
}
