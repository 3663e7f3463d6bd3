import { lookup } from 'node:dns/promises'
import { lstatSync, renameSync, rmSync, type Stats } from 'node:fs'
import { type AddressInfo, createServer, isIP, type ListenOptions, type Server } from 'node:net'
import type { Address } from '../base/address.ts'
import { SluiceError } from '../base/errors.ts'
import { bindFailure } from './bind-failure.ts'
import { closeDescriptor, duplicateDescriptor } from './descriptor.ts'
import { descriptorOf } from './engines/node/node-handle.ts'
import { bindBeside, canBindBeside, isOverlapping, listenBeside } from './overlapping-socket.ts'

/** What `sun_path` of a socket address holds beside its final NUL on Linux, unix(7). */
const UNIX_PATH_BYTES_MAX = 107

/** A bound socket on which this thread never accepts: connections wait in the kernel. */
export interface ListeningSocket {
  /** The descriptor, for workers to accept on (`NetEngine.listen`); open until `close`. */
  readonly fd: number
  /** The address as bound: port 0 has become the port that the system chose. */
  readonly address: Address
  /** Whether it has not been closed. */
  readonly isOpen: boolean
  /**
   * Listens, where it was opened beside others that overlap and has only been bound. Idempotent.
   *
   * @throws SluiceError as {@link openListeningSocket}
   */
  listen(): void
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
 * @param beside sockets of this process: where the address contains one of theirs or lies within
 *   it, it is bound all the same, and listens only when it is told to, so that nothing changes for
 *   who connects until then
 * @throws SluiceError `address-in-use`, `bind-failed`, `host-unresolved`, `descriptors-exhausted`,
 *   `platform-unsupported`
 */
export async function openListeningSocket(
  address: Address,
  backlog: number,
  beside: Iterable<ListeningSocket> = [],
): Promise<ListeningSocket> {
  try {
    if (address.kind === 'unix') return await openUnix(address.path, backlog)
    const host = isIP(address.host) === 0 ? await located(address.host) : address.host
    const place = { ...address, host }
    const others = [...beside].filter((other) => isOverlapping(other.address, place))
    if (others.length > 0 && canBindBeside(place)) {
      return new OverlappingSocket(place, backlog, others)
    }
    return await listenAside({ host, port: place.port, backlog }, openInet)
  } catch (error) {
    throw bindFailure(error as NodeJS.ErrnoException, address)
  }
}

/** The address of a host name, as node:net finds it. */
async function located(name: string): Promise<string> {
  return (await lookup(name)).address
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

  get isOpen(): boolean {
    return this.#open
  }

  listen(): void {}

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

/** A socket on an address that overlaps with those of others that are open. */
class OverlappingSocket implements ListeningSocket {
  readonly fd: number
  readonly address: Address
  readonly #backlog: number
  /** Null once it listens: they may be closed. */
  #others: readonly ListeningSocket[] | null
  #open = true

  constructor(address: Address, backlog: number, others: readonly ListeningSocket[]) {
    this.fd = bindBeside(address, others)
    this.address = address
    this.#backlog = backlog
    this.#others = others
  }

  get isOpen(): boolean {
    return this.#open
  }

  listen(): void {
    if (this.#others === null) return
    const others = this.#others.filter(({ isOpen }) => isOpen)
    listenBeside(this, this.#backlog, others)
    this.#others = null
  }

  close(): void {
    if (!this.#open) return
    this.#open = false
    closeDescriptor(this.fd)
  }
}

function statusOf(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false })
}
