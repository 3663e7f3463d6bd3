import type { AdminServer } from '../admin/server.ts'
import type { SocketAccess } from '../admin/socket-file.ts'
import { AdminTokens } from '../admin/tokens.ts'
import { formatAddress } from '../base/address.ts'
import { SluiceError } from '../base/errors.ts'
import { groupId } from '../base/host/accounts.ts'
import { makeSocketFolder, ownSocketPath, type ProcessOwner } from '../base/host/socket-places.ts'
import { readTokenFile } from '../base/host/token-file.ts'
import type { AdminConfig, AdminSocketConfig } from '../model/config.ts'
import type { DaemonLog } from '../telemetry/daemon-log.ts'

/**
 * Reads the tokens of the admin address.
 *
 * @throws SluiceError `config-unreadable`, `token-invalid`
 */
export function readAdminTokens({ tokenFile, tokens }: AdminConfig): AdminTokens {
  const everything = { name: null, level: 'admin' } as const
  return new AdminTokens([
    ...(tokenFile === null ? [] : [{ ...everything, token: readTokenFile(tokenFile) }]),
    ...tokens.map(({ name, level, file }) => ({ name, level, token: readTokenFile(file) })),
  ])
}

/**
 * Has the admin server listen where the config says.
 *
 * @throws SluiceError `address-in-use`, `bind-failed`
 */
export async function openAdminAddresses(
  admin: AdminServer,
  { bind, tls, socket }: AdminConfig,
  owner: ProcessOwner,
  log: DaemonLog,
): Promise<void> {
  if (socket !== null) await openSocket(admin, socket, owner, log)
  if (bind === null) return
  const address = formatAddress(await admin.listen())
  const scheme = tls === null ? '' : 'https://'
  log.info('listening', `the admin address is ${scheme}${address}`, { address, admin: true })
}

async function openSocket(
  admin: AdminServer,
  { path, mode, group }: AdminSocketConfig,
  owner: ProcessOwner,
  log: DaemonLog,
): Promise<void> {
  const access = { mode, gid: group === null ? null : gidOf(group) }
  const isGiven = path !== null
  const at = path ?? ownSocketPath(owner)
  try {
    if (!isGiven) makeSocketFolder(at, owner.uid)
    await admin.listenOnSocket(at, access)
  } catch (error) {
    // Nobody has asked for it: the node carries its traffic without.
    if (isGiven || !(error instanceof SluiceError)) throw error
    const { code, message } = error
    const remedy =
      'commands that name no address do not reach this node: give it another admin.socket'
    log.warn('admin-socket-skipped', `${message}; ${remedy}`, { path: at, code })
    return
  }
  log.info('listening', `the admin socket is ${at}`, { address: `unix:${at}`, admin: true })
}

function gidOf(group: string): SocketAccess['gid'] {
  const gid = groupId(group)
  if (gid !== null) return gid
  const message = `admin.socket: this host has no group ${group} in /etc/group; give its number`
  throw new SluiceError('bind-failed', message)
}
