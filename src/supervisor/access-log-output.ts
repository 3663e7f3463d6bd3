import { closeSync } from 'node:fs'
import { SluiceError } from '../base/errors.ts'
import type { LogConfig } from '../model/config.ts'
import type { LogLoss, LogSink } from '../model/log-sink.ts'
import { replaceDescriptor } from '../net/descriptor.ts'
import type { DaemonLog } from '../telemetry/daemon-log.ts'
import { openFileSink, openStandardSink } from '../telemetry/open-sinks.ts'

/** Lost lines are told of at once, then summed up and told of each time so long has passed. */
const LOSS_INTERVAL_MS = 10_000

/**
 * The access log as the control plane has it: opened once, for the workers to write to, so that
 * none of them can fail for a log that cannot be opened.
 */
export class AccessLogOutput {
  /** What the workers write to, valid until {@link close}; null: nothing is logged. */
  readonly sink: LogSink | null
  readonly #target: LogConfig['access']
  readonly #log: DaemonLog
  #lostTotal = 0
  #untold = 0
  #reason = ''
  #timer: NodeJS.Timeout | undefined

  /** @throws SluiceError `log-unwritable` */
  constructor(target: LogConfig['access'], log: DaemonLog) {
    this.#target = target
    this.#log = log
    this.sink = openSink(target)
  }

  /** Lines that were lost so far, over all workers. */
  get lostTotal(): number {
    return this.#lostTotal
  }

  /**
   * Opens the file anew, after it was rotated away. Its descriptor keeps its number, so that the
   * workers go on with it and no line is lost. Where the file cannot be opened, the old one stays
   * in use, which is logged.
   */
  reopen(): void {
    const { sink } = this
    if (sink === null || this.#target.to !== 'file') return
    try {
      reopenAt(sink, this.#target.path)
    } catch (error) {
      if (!(error instanceof SluiceError)) throw error
      const { message, hint } = error
      this.#log.warn('log-unwritable', `the access log goes on in the old file: ${message}`, {
        hint,
      })
    }
  }

  /** A worker has lost lines. */
  lost({ lines, reason }: LogLoss): void {
    this.#lostTotal += lines
    this.#untold += lines
    this.#reason = reason
    if (this.#timer === undefined) this.#tell()
  }

  /** The workers have ended. */
  close(): void {
    clearTimeout(this.#timer)
    if (this.#untold > 0) this.#tell()
    // Nobody can do anything about a log that fails to close: its bytes were taken before.
    if (this.sink?.isOwned) closeSync(this.sink.fd)
  }

  #tell(): void {
    const fields = { lines: this.#untold, lostTotal: this.#lostTotal }
    this.#untold = 0
    const message = `${fields.lines} lines of the access log are lost: ${this.#reason}`
    this.#log.warn('log-lines-lost', message, fields)
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      if (this.#untold > 0) this.#tell()
    }, LOSS_INTERVAL_MS).unref()
  }
}

function openSink(target: LogConfig['access']): LogSink | null {
  if (target.to === 'file') return openFileSink(target.path)
  return target.to === 'stdout' ? openStandardSink(1) : null
}

function reopenAt(sink: LogSink, path: string): void {
  const next = openFileSink(path)
  try {
    // The workers write to a pipe in another way than to a file, and know of the first alone.
    if (next.isBlocking !== sink.isBlocking || next.writeBytesMax !== sink.writeBytesMax) {
      throw new SluiceError('log-unwritable', `${path} has become another kind of file`)
    }
    replaceDescriptor(sink.fd, next.fd)
  } finally {
    closeSync(next.fd)
  }
}
