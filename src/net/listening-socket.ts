import { lstatSync, renameSync, rmSync, type Stats } from 'node:fs'
import { type AddressInfo, createServer, type ListenOptions, type Server } from 'node:net'
import { SluiceError } from '../errors.ts'
import { type Address, formatAddress } from '../model/address.ts'
import { closeDescriptor, duplicateDescriptor } from './descriptor.ts'
import { descriptorOf } from './node-handle.ts'

/** What `sun_path` of a socket address holds beside its final NUL on Linux, unix(7). */
const UNIX_PATH_BYTES_MAX = 107

/** A bound and listening socket on which this thread never accepts: connections wait in the kernel. */
export interface ListeningSocket {
  /** The descriptor, for workers to accept on (`NetEngine.listen`); open until `close`. */
  readonly fd: number
  /** The address as bound: port 0 has become the port that the system chose. */
  readonly address: Address
  /**
   * Closes the descriptor; the socket listens on until the last duplicate is closed too. The file
   * of a Unix socket is removed unless another has taken its place. Idempotent.
   */
  close(): void
}

/**
 * Binds and listens, with SO_REUSEADDR. Like HAProxy on Linux, `::` takes IPv4 connections too
 * (HAProxy configuration manual, bind, v4v6), and a Unix socket is bound beside its path and then
 * renamed over it, so that a restart leaves no moment in which nobody listens.
 *
 * @param backlog length of the kernel's accept queue
 * @throws SluiceError `address-in-use`, `bind-failed`, `host-unresolved`, `descriptors-exhausted`,
 *   `platform-unsupported`
 */
export async function openListeningSocket(
  address: Address,
  backlog: number,
): Promise<ListeningSocket> {
  try {
    return address.kind === 'unix'
      ? await openUnix(address.path, backlog)
      : await listenAside({ host: address.host, port: address.port, backlog }, openInet)
  } catch (error) {
    throw translated(error as NodeJS.ErrnoException, address)
  }
}

function openInet(fd: number, server: Server): ListeningSocket {
  const { address, port } = server.address() as AddressInfo
  return new OpenSocket(fd, { kind: 'inet', host: address, port }, undefined)
}

async function openUnix(path: string, backlog: number): Promise<ListeningSocket> {
  const besidePath = `${path}.${process.pid}.tmp`
  const surplus = Buffer.byteLength(besidePath) - UNIX_PATH_BYTES_MAX
  if (surplus > 0) {
    throw new SluiceError('bind-failed', `unix@${path}: the path is ${surplus} bytes too long`)
  }
  for (const file of [path, besidePath]) {
    if (statusOf(file)?.isSocket() === false) {
      throw new SluiceError('bind-failed', `unix@${path}: ${file} exists and is not a socket`)
    }
  }
  // Left over by a killed process that had our number.
  rmSync(besidePath, { force: true })
  return await listenAside({ path: besidePath, backlog }, (fd) => {
    renameSync(besidePath, path)
    return new OpenSocket(fd, { kind: 'unix', path }, statusOf(path))
  })
}

/**
 * Listens with a Server of node:net and closes it again, keeping a duplicate of its descriptor.
 * Node accepts from the event loop, which does not turn between the two: no connection is lost.
 *
 * @param open called with the duplicate, which it takes over, while the server still listens
 */
function listenAside(
  options: ListenOptions,
  open: (fd: number, server: Server) => ListeningSocket,
): Promise<ListeningSocket> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(options, () => {
      let fd = -1
      try {
        fd = duplicateDescriptor(descriptorOf(server))
        resolve(open(fd, server))
      } catch (error) {
        if (fd >= 0) closeDescriptor(fd)
        reject(error)
      } finally {
        server.close()
      }
    })
  })
}

class OpenSocket implements ListeningSocket {
  readonly fd: number
  readonly address: Address
  readonly #file: Stats | undefined
  #open = true

  /** @param file of a Unix socket, to know it again */
  constructor(fd: number, address: Address, file: Stats | undefined) {
    this.fd = fd
    this.address = address
    this.#file = file
  }

  close(): void {
    if (!this.#open) return
    this.#open = false
    closeDescriptor(this.fd)
    if (this.address.kind === 'unix') this.#removeFile(this.address.path)
  }

  #removeFile(path: string): void {
    try {
      const present = statusOf(path)
      const isOurs = present?.ino === this.#file?.ino && present?.dev === this.#file?.dev
      if (isOurs) rmSync(path, { force: true })
    } catch {
      // The folder has become unreachable. A file that stays is replaced by the next start.
    }
  }
}

function statusOf(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false })
}

function translated(error: NodeJS.ErrnoException, address: Address): SluiceError {
  if (error instanceof SluiceError) return error
  const name = formatAddress(address)
  switch (error.code ?? '') {
    case 'EADDRINUSE':
      return new SluiceError('address-in-use', `${name} is in use`, error)
    case 'EADDRNOTAVAIL':
      return new SluiceError('bind-failed', `${name}: this host has no such address`, error)
    case 'EACCES':
      return new SluiceError('bind-failed', `${name}: ${permissionNeeded(address)}`, error)
    case 'EMFILE':
    case 'ENFILE':
      return new SluiceError('descriptors-exhausted', `${name}: ${error.message}`, error)
    default: {
      const code = error.syscall === 'getaddrinfo' ? 'host-unresolved' : 'bind-failed'
      return new SluiceError(code, `${name}: ${error.message}`, error)
    }
  }
}

function permissionNeeded(address: Address): string {
  return address.kind === 'unix'
    ? 'this user may not write to the folder'
    : 'ports below 1024 take root or the capability CAP_NET_BIND_SERVICE'
}
