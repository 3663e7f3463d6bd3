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
  /** errno of the last call that returned -1. */
  readonly errno: () => number
  readonly errnoOf: Readonly<Record<string, number>>
}

let systemCalls: SystemCalls | undefined
const socketError = new Int32Array(1)
const socketErrorBytes = new Int32Array(1)

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
      errno: koffi.errno,
      errnoOf: koffi.os.errno,
    }
  } catch (error) {
    const system = `${process.platform} ${process.arch}`
    throw new SluiceError('platform-unsupported', `koffi cannot be loaded on ${system}`, error)
  }
  return systemCalls
}
