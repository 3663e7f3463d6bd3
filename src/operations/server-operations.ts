import { SluiceError } from '../base/errors.ts'
import { reachesLevel } from '../model/admin-level.ts'
import { agreedState } from './agreed-read.ts'
import type {
  ServerAddition,
  ServerChange,
  ServerReport,
  ServersReport,
} from './contract/servers.ts'
import type { Caller, OperatedNode, ReadOptions } from './operated-node.ts'

/** A server, by the names that the config has. */
export interface ServerKey {
  readonly backend: string
  readonly server: string
}

/** All servers, as this node runs them. */
export async function listServers(
  node: OperatedNode,
  options: ReadOptions,
): Promise<ServersReport> {
  await catchUp(node, options)
  return node.source.servers()
}

/**
 * One server, as this node runs it.
 *
 * @throws SluiceError `server-unknown`
 */
export async function showServer(
  node: OperatedNode,
  { backend, server }: ServerKey,
  options: ReadOptions,
): Promise<ServerReport> {
  await catchUp(node, options)
  return node.source.server(backend, server)
}

/**
 * Adds a server that the config does not name.
 *
 * @returns the server as it is then
 * @throws SluiceError `level-too-low`, `backend-unknown`, `server-exists`, `pool-full`,
 *   `change-invalid`; `outcome-unknown` where it is added and does not run here yet
 */
export async function addServer(
  node: OperatedNode,
  backend: string,
  { name, address, weight }: ServerAddition,
  caller: Caller,
): Promise<ServerReport> {
  validateReach(address, caller)
  await node.cluster.addServer(backend, name, address, weight ?? null, caller.author)
  return changed(node, { backend, server: name })
}

/**
 * Sets state, weight or address of a server.
 *
 * @returns the server as it is then
 * @throws SluiceError `level-too-low`, `server-unknown`, `change-invalid`; `outcome-unknown` where it
 *   is changed and does not run here yet
 */
export async function setServer(
  node: OperatedNode,
  key: ServerKey,
  change: ServerChange,
  caller: Caller,
): Promise<ServerReport> {
  validateReach(change.address, caller)
  await node.cluster.setServer(key.backend, key.server, change, caller.author)
  return changed(node, key)
}

/**
 * Removes a server that was added.
 *
 * @throws SluiceError `server-unknown`, `server-configured`
 */
export async function removeServer(
  { cluster }: OperatedNode,
  { backend, server }: ServerKey,
  { author }: Caller,
): Promise<void> {
  await cluster.removeServer(backend, server, author)
}

/** This node runs what it is asked about, if it can. */
async function catchUp(node: OperatedNode, options: ReadOptions): Promise<void> {
  await agreedState(node, options)
  if (!options.isStale) await node.source.caughtUp()
}

async function changed(
  { source }: OperatedNode,
  { backend, server }: ServerKey,
): Promise<ServerReport> {
  await source.caughtUp()
  try {
    return source.server(backend, server)
  } catch (error) {
    const message = `${backend}/${server} was changed, and this node does not run it yet`
    throw new SluiceError('outcome-unknown', message, error)
  }
}

/**
 * A socket of this host, such as that of a container engine, may give who is led there more rights
 * than an operator of the balancer has.
 *
 * @throws SluiceError `level-too-low`
 */
function validateReach(address: string | undefined, { level }: Caller): void {
  if (address === undefined || reachesLevel(level, 'admin') || !/^(unix@)?\//.test(address)) return
  throw new SluiceError('level-too-low', 'the Unix socket of a server takes level admin')
}
