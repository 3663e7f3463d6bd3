import { type Server, Socket, type SocketConstructorOpts } from 'node:net'
import { constants } from 'node:os'
import { getSystemErrorName } from 'node:util'
import { SluiceError } from '../../../base/errors.ts'
import { LastingSocket } from './lasting-socket.ts'

/*
 * The one place that reaches below node:net's public interface, for five things that it lacks: the
 * descriptor of a socket, a Socket with our own read buffer (`onread`) on an accepted connection,
 * a socket that listens only when it is told to, whether there is more to read, and what is wrong
 * with a client's certificate. Without the second each connection costs another Socket, or a fresh
 * buffer with every read. The names used (`_handle`, `fd`, `listen`, `onconnection`, `reading`,
 * `readStart`, `verifyError`, the option `handle`) have been the same from Node 10 to 26; where they
 * are not, starting fails with a code rather than oddly later.
 */

/** What an accepted connection is before it has a Socket: an object of libuv's binding. */
export type AcceptedHandle = object

interface NodeHandle {
  readonly fd?: number
  /** Of a stream: the library has it read. */
  readonly reading?: boolean
  /** Of a stream. @returns 0 or a negative errno */
  readStart?: () => number
  /** @returns 0 or a negative errno */
  listen?: (backlog: number) => number
  /** Of TLS. @returns null, or an error whose code is OpenSSL's name for it */
  readonly verifyError?: () => { readonly code: string } | null
  /** Of a listening handle; called with 0 and a handle, or with a negative errno. */
  onconnection?: (status: number, handle: AcceptedHandle) => void
}

/**
 * The descriptor of an open socket; it stays the socket's.
 *
 * @throws SluiceError `platform-unsupported`
 */
export function descriptorOf(owner: Server | Socket): number {
  const fd = handleOf(owner)?.fd
  if (fd === undefined || fd < 0) throw unsupported('shows no descriptor')
  return fd
}

/**
 * Gives a descriptor of a listening socket to Node, which closes it with the Socket and, whatever
 * ends the thread, with the thread. Nothing is accepted until {@link listenWith}.
 *
 * @throws SluiceError `bind-failed` where it is no socket; the descriptor is the caller's then
 */
export function heldSocket(fd: number): Socket {
  try {
    return new Socket({ fd, readable: false, writable: false })
  } catch (error) {
    throw new SluiceError('bind-failed', `descriptor ${fd} is not a socket`, error)
  }
}

/**
 * Accepts on the socket that is held, until it is destroyed.
 *
 * @param take gets 0 and a handle, or a negative errno and nothing
 * @throws SluiceError `bind-failed` where it cannot listen, `platform-unsupported`
 */
export function listenWith(
  held: Socket,
  backlog: number,
  take: (status: number, handle: AcceptedHandle) => void,
): void {
  const handle = handleOf(held)
  if (typeof handle?.listen !== 'function') throw unsupported('shows no handle that listens')
  handle.onconnection = take
  const status = handle.listen(backlog)
  if (status === 0) return
  const name = getSystemErrorName(status)
  throw new SluiceError('bind-failed', `descriptor ${handle.fd} cannot listen: ${name}`)
}

/** A Socket on an accepted connection, reading. */
export function socketOn(handle: AcceptedHandle, options: SocketConstructorOpts): LastingSocket {
  const internal: SocketConstructorOpts & { handle: AcceptedHandle } = { ...options, handle }
  return new LastingSocket(internal)
}

/** Whether the library has a socket read: it has not paused it. */
export function isReading(socket: Socket): boolean {
  return handleOf(socket)?.reading === true
}

/**
 * Whether libuv has not come to the end of what can be read of a socket that is being read. It is
 * told to read, which it refuses as long as it does (uv_read_start).
 *
 * @throws SluiceError `platform-unsupported`
 */
export function hasMoreToRead(socket: Socket): boolean {
  const handle = handleOf(socket)
  if (handle === null || handle === undefined) return false
  if (typeof handle.readStart !== 'function') throw unsupported('shows no handle that reads')
  return handle.readStart() === -constants.errno.EALREADY
}

/**
 * What OpenSSL has against the certificate that the peer of a TLS socket has shown, where its
 * handshake is complete: node:tls tells that of the sockets of its own servers alone.
 *
 * @throws SluiceError `platform-unsupported`
 */
export function verifyErrorOf(tls: Socket): string | null {
  const handle = handleOf(tls)
  if (handle === null || handle === undefined) return 'UNSPECIFIED'
  if (typeof handle.verifyError !== 'function') throw unsupported('shows no handle that verifies')
  return handle.verifyError()?.code ?? null
}

function handleOf(owner: Server | Socket): NodeHandle | null | undefined {
  return (owner as unknown as { _handle?: NodeHandle | null })._handle
}

function unsupported(what: string): SluiceError {
  return new SluiceError('platform-unsupported', `node:net of ${process.version} ${what}`)
}
