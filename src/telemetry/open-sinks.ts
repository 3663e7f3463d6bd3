import { constants, fstatSync, openSync, type Stats } from 'node:fs'
import { SluiceError } from '../base/errors.ts'
import type { LogSink } from '../model/log-sink.ts'

/** Bytes that a pipe takes whole, not mixed with other writers' (Linux, pipe(7), `PIPE_BUF`). */
const PIPE_WRITE_BYTES_MAX = 4096

const { O_APPEND, O_CREAT, O_NOCTTY, O_NONBLOCK, O_WRONLY } = constants

/** Mode of a log file that is created: logs name clients, so that others may not read them. */
const LOG_FILE_MODE = 0o640

/**
 * Standard output or standard error as a sink. A pipe is opened anew, through /proc, to have it
 * non-blocking without changing the descriptor that other processes share: a log collector that
 * hangs must not stop the daemon. Where that fails (no /proc, another user's pipe) the descriptor
 * is used as it is.
 *
 * @param fd 1 or 2
 */
export function openStandardSink(fd: 1 | 2): LogSink {
  const stats = fstatSync(fd)
  if (stats.isFIFO()) {
    try {
      return sinkOf(openSync(`/proc/self/fd/${fd}`, O_WRONLY | O_NONBLOCK), stats, true)
    } catch {
      // Used as it is, below.
    }
  }
  return { ...sinkOf(fd, stats, false), isBlocking: true }
}

/**
 * A file, or a named pipe that has a reader, that lines are appended to.
 *
 * @throws SluiceError `log-unwritable`
 */
export function openFileSink(path: string): LogSink {
  try {
    const flags = O_WRONLY | O_APPEND | O_CREAT | O_NOCTTY | O_NONBLOCK
    const fd = openSync(path, flags, LOG_FILE_MODE)
    return sinkOf(fd, fstatSync(fd), true)
  } catch (error) {
    throw new SluiceError('log-unwritable', `cannot append to ${path}: ${String(error)}`, error)
  }
}

function sinkOf(fd: number, stats: Stats, isOwned: boolean): LogSink {
  return {
    fd,
    isOwned,
    isBlocking: !stats.isFIFO(),
    writeBytesMax: stats.isFile() ? Number.POSITIVE_INFINITY : PIPE_WRITE_BYTES_MAX,
  }
}
