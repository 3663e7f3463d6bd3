import { createRequire } from 'node:module'
import type * as Koffi from 'koffi'
import { assert, SluiceError } from '../errors.ts'

/** Numbers of a system's ABI: POSIX names them, each system numbers them. */
interface SystemNumbers {
  /** fcntl(2) command: duplicate with close-on-exec set, so that no child process inherits it. */
  readonly F_DUPFD_CLOEXEC: number
  readonly SOL_SOCKET: number
  readonly SO_ERROR: number
}

const SYSTEMS: Readonly<Record<string, SystemNumbers>> = {
  linux: { F_DUPFD_CLOEXEC: 1030, SOL_SOCKET: 1, SO_ERROR: 4 },
  darwin: { F_DUPFD_CLOEXEC: 67, SOL_SOCKET: 0xffff, SO_ERROR: 0x1007 },
}

interface SystemCalls {
  readonly numbers: SystemNumbers
  readonly fcntl: (fd: number, command: number, type: 'int', argument: number) => number
  readonly close: (fd: number) => number
  readonly getsockopt: (
    fd: number,
    level: number,
    option: number,
    value: Int32Array,
    valueBytes: Int32Array,
  ) => number
  readonly send: (fd: number, from: Uint8Array, bytes: number, flags: number) => number
  readonly poll: (descriptors: Int16Array, count: number, timeoutMs: number) => number
  /** errno of the last call that returned -1. */
  readonly errno: () => number
  readonly errnoOf: Readonly<Record<string, number>>
}

/** poll(2) event of every system: something can be read. */
const POLLIN = 1

let systemCalls: SystemCalls | undefined
const socketError = new Int32Array(1)
const socketErrorBytes = new Int32Array(1)
/** One `struct pollfd`: the descriptor in four bytes, then the events asked for and those found. */
const polled = new Int16Array([0, 0, POLLIN, 0])
const polledDescriptor = new Int32Array(polled.buffer, 0, 1)

/**
 * Duplicates a descriptor of this process; Node has no call for it. Both refer to the same socket,
 * which lives until the last is closed. Works in any thread: descriptors belong to the process.
 *
 * @returns the duplicate, owned by the caller
 * @throws SluiceError `descriptors-exhausted`, `platform-unsupported`
 */
export function duplicateDescriptor(fd: number): number {
  const { numbers, fcntl, errno, errnoOf } = load()
  const duplicate = fcntl(fd, numbers.F_DUPFD_CLOEXEC, 'int', 0)
  if (duplicate >= 0) return duplicate
  assert(errno() === errnoOf['EMFILE'], `descriptor ${fd} cannot be duplicated: errno ${errno()}`)
  throw new SluiceError('descriptors-exhausted', `descriptor ${fd} cannot be duplicated: EMFILE`)
}

/**
 * Closes a descriptor that {@link duplicateDescriptor} made and that no handle of Node has taken.
 *
 * @throws SluiceError `invariant-broken` when it is not open: the next close would hit another's
 */
export function closeDescriptor(fd: number): void {
  const { close, errno, errnoOf } = load()
  assert(close(fd) === 0 || errno() !== errnoOf['EBADF'], `descriptor ${fd} was closed before`)
}

/**
 * Takes the error that a socket holds for its next call (SO_ERROR, socket(7)).
 *
 * @returns an errno, or 0
 * @throws SluiceError `platform-unsupported`
 */
export function takeSocketError(fd: number): number {
  const { numbers, getsockopt, errno } = load()
  socketErrorBytes[0] = socketError.byteLength
  const { SOL_SOCKET, SO_ERROR } = numbers
  const status = getsockopt(fd, SOL_SOCKET, SO_ERROR, socketError, socketErrorBytes)
  assert(status === 0, `descriptor ${fd} has no SO_ERROR: errno ${errno()}`)
  return socketError[0] as number
}

/**
 * Sends what fits into the buffer of a socket that does not block (send(2)). Node ignores SIGPIPE
 * for the process.
 *
 * @returns bytes taken; 0 when there is no room, or the connection is broken
 * @throws SluiceError `platform-unsupported`
 */
export function sendBytes(fd: number, from: Uint8Array, bytes: number): number {
  const sent = load().send(fd, from, bytes, 0)
  return sent < 0 ? 0 : sent
}

/**
 * True when a socket has bytes, the peer's end or an error for its next read (poll(2), which leaves
 * all of them there; a recv(2) that peeks takes the error away).
 *
 * @throws SluiceError `platform-unsupported`
 */
export function hasInput(fd: number): boolean {
  polledDescriptor[0] = fd
  // A signal may interrupt the call, which then knows nothing: better a false alarm than none.
  return load().poll(polled, 1, 0) !== 0
}

/** Loads koffi on first use, so that a command that opens no socket does without it. */
function load(): SystemCalls {
  if (systemCalls !== undefined) return systemCalls
  const numbers = SYSTEMS[process.platform]
  if (numbers === undefined) {
    throw new SluiceError('platform-unsupported', `no system calls known on ${process.platform}`)
  }
  try {
    const koffi = createRequire(import.meta.url)('koffi') as typeof Koffi
    const library = koffi.load(null)
    const getsockopt =
      'int getsockopt(int fd, int level, int option, _Out_ int *value, _Inout_ int *valueBytes)'
    systemCalls = {
      numbers,
      fcntl: library.func('int fcntl(int fd, int command, ...)') as SystemCalls['fcntl'],
      close: library.func('int close(int fd)') as SystemCalls['close'],
      getsockopt: library.func(getsockopt) as SystemCalls['getsockopt'],
      send: library.func(
        'intptr_t send(int fd, const uint8_t *from, size_t bytes, int flags)',
      ) as SystemCalls['send'],
      poll: library.func(
        'int poll(const int16_t *descriptors, unsigned long count, int timeoutMs)',
      ) as SystemCalls['poll'],
      errno: koffi.errno,
      errnoOf: koffi.os.errno,
    }
  } catch (error) {
    const system = `${process.platform} ${process.arch}`
    throw new SluiceError('platform-unsupported', `koffi cannot be loaded on ${system}`, error)
  }
  return systemCalls
}
