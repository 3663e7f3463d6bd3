import { createRequire } from 'node:module'
import type * as Koffi from 'koffi'
import { SluiceError } from '../base/errors.ts'

/** Numbers of a system's ABI: POSIX names them, each system numbers them. */
export interface SystemNumbers {
  /** fcntl(2) command: duplicate with close-on-exec set, so that no child process inherits it. */
  readonly F_DUPFD_CLOEXEC: number
  readonly SOL_SOCKET: number
  readonly SO_ERROR: number
  /** ioctl(2) request: bytes sent that the peer has not acknowledged; null where there is none. */
  readonly SIOCOUTQ: number | null
  /** Address of the peer, also once it has reset the connection; null where there is none. */
  readonly SO_PEERNAME: number | null
  /** The limit of open files, getrlimit(2). */
  readonly RLIMIT_NOFILE: number
}

const SYSTEMS: Readonly<Record<string, SystemNumbers>> = {
  linux: {
    F_DUPFD_CLOEXEC: 1030,
    SOL_SOCKET: 1,
    SO_ERROR: 4,
    SIOCOUTQ: 0x5411,
    SO_PEERNAME: 28,
    RLIMIT_NOFILE: 7,
  },
  darwin: {
    F_DUPFD_CLOEXEC: 67,
    SOL_SOCKET: 0xffff,
    SO_ERROR: 0x1007,
    SIOCOUTQ: null,
    SO_PEERNAME: null,
    RLIMIT_NOFILE: 8,
  },
}

/** The system calls that Node has none for, or only at a higher cost. Each returns -1 on failure. */
export interface SystemCalls {
  readonly numbers: SystemNumbers
  readonly socket: (family: number, type: number, protocol: number) => number
  readonly connect: (fd: number, address: Uint8Array, bytes: number) => number
  readonly bind: (fd: number, address: Uint8Array, bytes: number) => number
  readonly listen: (fd: number, backlog: number) => number
  readonly fcntl: (fd: number, command: number, type: 'int', argument: number) => number
  readonly dup2: (from: number, to: number) => number
  readonly close: (fd: number) => number
  readonly setsockopt: (
    fd: number,
    level: number,
    option: number,
    value: Int32Array,
    valueBytes: number,
  ) => number
  readonly getsockopt: (
    fd: number,
    level: number,
    option: number,
    value: Int32Array,
    valueBytes: Int32Array,
  ) => number
  readonly send: (fd: number, from: Uint8Array, bytes: number, flags: number) => number
  readonly ioctl: (fd: number, request: number, value: Int32Array) => number
  /** `descriptors` holds a `struct pollfd` in every four numbers, and gets the events found. */
  readonly poll: (descriptors: Int16Array, count: number, timeoutMs: number) => number
  /** `limits` is a `struct rlimit`: the soft limit, then the hard one. */
  readonly getrlimit: (resource: number, limits: BigUint64Array) => number
  readonly setrlimit: (resource: number, limits: BigUint64Array) => number
  /** Ends the process without waiting for any of its threads, which exit(3) and Node do. */
  readonly _exit: (status: number) => void
  /** errno of the last call that returned -1. */
  readonly errno: () => number
  readonly errnoOf: Readonly<Record<string, number>>
}

let loaded: SystemCalls | undefined

/**
 * The system calls of this process. Loads koffi on first use, so that a command that opens no
 * socket does without it.
 *
 * @throws SluiceError `platform-unsupported`
 */
export function systemCalls(): SystemCalls {
  if (loaded !== undefined) return loaded
  const numbers = SYSTEMS[process.platform]
  if (numbers === undefined) {
    throw new SluiceError('platform-unsupported', `no system calls known on ${process.platform}`)
  }
  try {
    loaded = { numbers, ...load() }
  } catch (error) {
    const system = `${process.platform} ${process.arch}`
    throw new SluiceError('platform-unsupported', `koffi cannot be loaded on ${system}`, error)
  }
  return loaded
}

function load(): Omit<SystemCalls, 'numbers'> {
  const koffi = createRequire(import.meta.url)('koffi') as typeof Koffi
  const library = koffi.load(null)
  const option = 'int fd, int level, int option'
  return {
    socket: library.func('int socket(int family, int type, int protocol)'),
    connect: library.func('int connect(int fd, const uint8_t *address, uint32_t bytes)'),
    bind: library.func('int bind(int fd, const uint8_t *address, uint32_t bytes)'),
    listen: library.func('int listen(int fd, int backlog)'),
    fcntl: library.func('int fcntl(int fd, int command, ...)'),
    dup2: library.func('int dup2(int from, int to)'),
    close: library.func('int close(int fd)'),
    setsockopt: library.func(`int setsockopt(${option}, const int *value, uint32_t bytes)`),
    getsockopt: library.func(
      `int getsockopt(${option}, _Out_ int *value, _Inout_ uint32_t *bytes)`,
    ),
    send: library.func('intptr_t send(int fd, const uint8_t *from, size_t bytes, int flags)'),
    ioctl: library.func('int ioctl(int fd, unsigned long request, _Out_ int *value)'),
    poll: library.func('int poll(int16_t *descriptors, unsigned long count, int timeoutMs)'),
    getrlimit: library.func('int getrlimit(int resource, _Out_ uint64_t *limits)'),
    setrlimit: library.func('int setrlimit(int resource, const uint64_t *limits)'),
    _exit: library.func('void _exit(int status)'),
    errno: koffi.errno,
    errnoOf: koffi.os.errno,
  } as Omit<SystemCalls, 'numbers'>
}
