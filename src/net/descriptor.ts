import { closeSync, openSync } from 'node:fs'
import { assert, SluiceError } from '../base/errors.ts'
import { type Endpoint, UNKNOWN_ENDPOINT } from './conn.ts'
import { familyOf, readSocketName, SOCKET_NAME_BYTES } from './socket-name.ts'
import { systemCalls } from './system-calls.ts'

/** poll(2) events of every system: something can be read; the connection is broken, or closed. */
const POLLIN = 1
const POLLERR = 8
const POLLHUP = 16

/** fcntl(2) of every system: set the flags of a descriptor, of which there is one. */
const F_SETFD = 2
const FD_CLOEXEC = 1

/** SOCK_DGRAM and SOCK_CLOEXEC of Linux, the same on x64 and arm64 (asm-generic). */
const DATAGRAM = 2 | 0o2000000

/** Tries of a call that is busy for a moment. */
const REPLACE_TRIES_MAX = 100

const socketError = new Int32Array(1)
const socketErrorBytes = new Int32Array(1)
const unsent = new Int32Array(1)
const peerName = new Int32Array(Math.max(...SOCKET_NAME_BYTES) / Int32Array.BYTES_PER_ELEMENT)
const peerNameBytes = new Int32Array(1)
/** One `struct pollfd`: the descriptor in four bytes, then the events asked for and those found. */
const polled = new Int16Array([0, 0, POLLIN, 0])
const polledDescriptor = new Int32Array(polled.buffer, 0, 1)
/** The same without events: only what is always told. */
const hungUp = new Int16Array(4)
const hungUpDescriptor = new Int32Array(hungUp.buffer, 0, 1)

/**
 * Duplicates a descriptor of this process; Node has no call for it. Both refer to the same socket,
 * which lives until the last is closed. Works in any thread: descriptors belong to the process.
 *
 * @returns the duplicate, owned by the caller
 * @throws SluiceError `descriptors-exhausted`, `platform-unsupported`
 */
export function duplicateDescriptor(fd: number): number {
  const duplicate = duplicateIfFree(fd)
  if (duplicate >= 0) return duplicate
  throw new SluiceError('descriptors-exhausted', `descriptor ${fd} cannot be duplicated: EMFILE`)
}

/**
 * As {@link duplicateDescriptor}, but -1 where the process has as many descriptors as it may.
 *
 * @throws SluiceError `platform-unsupported`
 */
export function duplicateIfFree(fd: number): number {
  const { numbers, fcntl, errno, errnoOf } = systemCalls()
  const duplicate = fcntl(fd, numbers.F_DUPFD_CLOEXEC, 'int', 0)
  const isKnown = duplicate >= 0 || errno() === errnoOf['EMFILE']
  assert(isKnown, `descriptor ${fd} cannot be duplicated: errno ${errno()}`)
  return duplicate
}

/**
 * Has a descriptor of this process refer to what another one refers to, in one step for all threads
 * (dup2(2)): what it referred to before is closed, and a write goes whole to the one or the other.
 *
 * @param by stays open beside it, and the caller's
 * @throws SluiceError `descriptors-exhausted`, `platform-unsupported`
 */
export function replaceDescriptor(fd: number, by: number): void {
  const { dup2, fcntl, errno, errnoOf } = systemCalls()
  // A signal may interrupt it, and Linux says EBUSY where another thread is just opening a file.
  for (let tries = 0; tries < REPLACE_TRIES_MAX; tries++) {
    if (dup2(by, fd) >= 0) {
      fcntl(fd, F_SETFD, 'int', FD_CLOEXEC)
      return
    }
    const isPassing = errno() === errnoOf['EINTR'] || errno() === errnoOf['EBUSY']
    assert(isPassing, `descriptor ${fd} cannot be replaced: errno ${errno()}`)
  }
  throw new SluiceError('descriptors-exhausted', `descriptor ${fd} cannot be replaced: EBUSY`)
}

/** The number that the next descriptor of this process would have; infinite where none is left. */
export function lowestFreeDescriptor(): number {
  try {
    const fd = openSync('/', 'r')
    closeSync(fd)
    return fd
  } catch {
    return Number.POSITIVE_INFINITY
  }
}

/**
 * Closes a descriptor that {@link duplicateDescriptor} made and that no handle of Node has taken.
 *
 * @throws SluiceError `invariant-broken` when it is not open: the next close would hit another's
 */
export function closeDescriptor(fd: number): void {
  const { close, errno, errnoOf } = systemCalls()
  assert(close(fd) === 0 || errno() !== errnoOf['EBADF'], `descriptor ${fd} was closed before`)
}

/**
 * Takes the error that a socket holds for its next call (SO_ERROR, socket(7)).
 *
 * @returns an errno, or 0
 * @throws SluiceError `platform-unsupported`
 */
export function takeSocketError(fd: number): number {
  const { numbers, getsockopt, errno } = systemCalls()
  socketErrorBytes[0] = socketError.byteLength
  const { SOL_SOCKET, SO_ERROR } = numbers
  const status = getsockopt(fd, SOL_SOCKET, SO_ERROR, socketError, socketErrorBytes)
  assert(status === 0, `descriptor ${fd} has no SO_ERROR: errno ${errno()}`)
  return socketError[0] as number
}

/**
 * Whether the peer of a socket whose end has been read did end its side, and not break it off. Takes
 * the error that the socket holds: with EPIPE the peer had ended before it closed.
 *
 * @throws SluiceError `platform-unsupported`
 */
export function hasEndedWell(fd: number): boolean {
  const error = takeSocketError(fd)
  return error === 0 || error === systemCalls().errnoOf['EPIPE']
}

/**
 * The peer of a TCP connection that getpeername(2) says is not connected: one that its peer has
 * reset while it waited to be accepted. Linux's SO_PEERNAME tells it none the less, as accept(2)
 * would have.
 *
 * @throws SluiceError `platform-unsupported`
 */
export function peerOf(fd: number): Endpoint {
  const { numbers, getsockopt } = systemCalls()
  const { SOL_SOCKET, SO_PEERNAME } = numbers
  if (SO_PEERNAME === null) return UNKNOWN_ENDPOINT
  // The option refuses to be asked for more bytes than the name has, and cuts it to fewer.
  for (const bytes of SOCKET_NAME_BYTES) {
    peerNameBytes[0] = bytes
    if (getsockopt(fd, SOL_SOCKET, SO_PEERNAME, peerName, peerNameBytes) !== 0) break
    const peer = readSocketName(Buffer.from(peerName.buffer, 0, bytes))
    if (peer !== null) return peer
  }
  return UNKNOWN_ENDPOINT
}

/**
 * Whether this host has an address of its own from which a peer can be reached. Linux only; on other
 * systems it counts as there. A datagram socket is connected for it, which sends nothing and takes
 * no port of TCP.
 *
 * @param name of the peer, as `socketName` gives it
 * @throws SluiceError `platform-unsupported`
 */
export function hasSourceFor(name: Uint8Array): boolean {
  if (process.platform !== 'linux') return true
  const { socket, connect, close, errno, errnoOf } = systemCalls()
  const fd = socket(familyOf(name), DATAGRAM, 0)
  if (fd < 0) return true
  const isLacking = connect(fd, name, name.length) < 0 && errno() === errnoOf['EADDRNOTAVAIL']
  close(fd)
  return !isLacking
}

/**
 * Sends what fits into the buffer of a socket that does not block (send(2)). Node ignores SIGPIPE
 * for the process.
 *
 * @returns bytes taken, 0 when there is no room; {@link SENT_TO_ENDED} or {@link SENT_TO_BROKEN}
 *   when the peer takes nothing more. Linux tells them apart once, by the error of the first call
 * @throws SluiceError `platform-unsupported`
 */
export function sendBytes(fd: number, from: Uint8Array, bytes: number): number {
  const { send, errno, errnoOf } = systemCalls()
  const sent = send(fd, from, bytes, 0)
  if (sent >= 0) return sent
  const error = errno()
  if (error === errnoOf['EPIPE']) return SENT_TO_ENDED
  // Any other error, once it was told, is gone: what is read later would look like a good end.
  return MOMENTARY.some((name) => error === errnoOf[name]) ? 0 : SENT_TO_BROKEN
}

/** Errors of a call that may succeed later; the stream of node:net tries again. */
const MOMENTARY = ['EAGAIN', 'EWOULDBLOCK', 'EINTR', 'ENOBUFS', 'ENOMEM']

/** The peer had ended its side, so that what it has sent is whole, before it closed (EPIPE). */
export const SENT_TO_ENDED = -1

/** The peer has broken off what it was sending (ECONNRESET), or is out of reach. */
const SENT_TO_BROKEN = -2

/**
 * True when a socket has bytes, the peer's end or an error for its next read (poll(2), which leaves
 * all of them there; a recv(2) that peeks takes the error away).
 *
 * @throws SluiceError `platform-unsupported`
 */
export function hasInput(fd: number): boolean {
  polledDescriptor[0] = fd
  // A signal may interrupt the call, which then knows nothing: better a false alarm than none.
  return systemCalls().poll(polled, 1, 0) !== 0
}

/**
 * True when a socket has an error, or both of its directions have ended (poll(2), which tells these
 * whatever it is asked for). Bytes that nobody has read do not hide it.
 *
 * @throws SluiceError `platform-unsupported`
 */
export function hasHungUp(fd: number): boolean {
  hungUpDescriptor[0] = fd
  return systemCalls().poll(hungUp, 1, 0) > 0
}

const limits = new BigUint64Array(2)

/** The limit of open files (RLIMIT_NOFILE, getrlimit(2)). */
export interface OpenFilesLimit {
  /** The first descriptor number that this process is not given. */
  readonly soft: number
  /** What the soft limit may be raised to without privileges. */
  readonly hard: number
}

/**
 * Asks the system for the limit of open files. A system without one says a number that no process
 * reaches.
 *
 * @throws SluiceError `platform-unsupported`
 */
export function openFilesLimit(): OpenFilesLimit {
  const { numbers, getrlimit, errno } = systemCalls()
  const status = getrlimit(numbers.RLIMIT_NOFILE, limits)
  assert(status === 0, `the limit of open files is not told: errno ${errno()}`)
  return { soft: Number(limits[0]), hard: Number(limits[1]) }
}

/**
 * Sets the limit of open files of this process. A hard limit above the present one takes a
 * privilege (CAP_SYS_RESOURCE).
 *
 * @returns false where the system refuses
 * @throws SluiceError `platform-unsupported`
 */
export function setOpenFilesLimit({ soft, hard }: OpenFilesLimit): boolean {
  const { numbers, setrlimit } = systemCalls()
  return setrlimit(numbers.RLIMIT_NOFILE, BigUint64Array.of(BigInt(soft), BigInt(hard))) === 0
}

/**
 * True when the peer of a TCP connection has acknowledged all that it was sent, or can acknowledge
 * nothing any more. On a system that does not say it counts as acknowledged.
 *
 * @throws SluiceError `platform-unsupported`
 */
export function isAllAcknowledged(fd: number): boolean {
  const { numbers, ioctl } = systemCalls()
  if (numbers.SIOCOUTQ === null || ioctl(fd, numbers.SIOCOUTQ, unsent) !== 0) return true
  return unsent[0] === 0 || (hasInput(fd) && ((polled[3] as number) & (POLLERR | POLLHUP)) !== 0)
}
