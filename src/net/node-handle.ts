import { type Server, Socket, type SocketConstructorOpts } from 'node:net'
import { SluiceError } from '../errors.ts'

/*
 * The one place that reaches below node:net's public interface, for two things that it lacks: the
 * descriptor of a socket, and a Socket with our own read buffer (`onread`) on an accepted
 * connection. Without the latter each connection costs a second Socket, or a fresh buffer with
 * every read. The names used (`_handle`, `fd`, `onconnection`, the option `handle`) have been the
 * same from Node 10 to 26; where they are not, starting fails with a code rather than oddly later.
 */

/** What an accepted connection is before it has a Socket: an object of libuv's binding. */
export type AcceptedHandle = object

interface NodeHandle {
  readonly fd?: number
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
 * Takes over the accepting of a listening server, which then emits no `connection` and counts no
 * connection: closing it leaves accepted ones alone.
 *
 * @param take gets 0 and a handle, or a negative errno and nothing
 * @throws SluiceError `platform-unsupported`
 */
export function takeAcceptedHandles(
  server: Server,
  take: (status: number, handle: AcceptedHandle) => void,
): void {
  const handle = handleOf(server)
  if (typeof handle?.onconnection !== 'function') throw unsupported('shows no accepted handles')
  handle.onconnection = take
}

/** A Socket on an accepted connection, reading. */
export function socketOn(handle: AcceptedHandle, options: SocketConstructorOpts): Socket {
  const internal: SocketConstructorOpts & { handle: AcceptedHandle } = { ...options, handle }
  return new Socket(internal)
}

function handleOf(owner: Server | Socket): NodeHandle | null | undefined {
  return (owner as unknown as { _handle?: NodeHandle | null })._handle
}

function unsupported(what: string): SluiceError {
  return new SluiceError('platform-unsupported', `node:net of ${process.version} ${what}`)
}
