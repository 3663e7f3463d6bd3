import { write, writeSync } from 'node:fs'
import type { LogLoss, LogSink } from '../model/log-sink.ts'
import {
  AccessLogFormat,
  type FailureLogRecord,
  type HttpLogRecord,
  type TcpLogRecord,
} from './access-log.ts'

/**
 * Bytes of one of the two buffers of a writer: one is filled while the other is written. A line
 * that finds no room is dropped and counted. At 50,000 lines of 110 bytes a second this bridges a
 * write that takes 95 ms; memory is used as far as it is filled.
 */
export const LOG_BUFFER_BYTES = 524_288

/**
 * Bytes that are worth a write. Handing one to the thread pool was measured at 38 us of processor
 * time for 16 KiB, six times the write itself; at twice the size it is 0.2 us for a line.
 */
const FLUSH_BYTES = 32_768

/** How long a line waits for others at most. */
const FLUSH_DELAY_MS = 100

/** How long a full pipe is left alone. */
const PIPE_RETRY_MS = 20

/** How long `close` waits for a slow sink. */
const CLOSE_WAIT_MS = 2000

const NEWLINE = 0x0a

/** Lines on their way to the sink. */
interface LineBuffer {
  readonly bytes: Buffer
  used: number
}

/**
 * Writes the access log of one thread, never waiting and with bounded memory: a sink that is
 * slower than the traffic, or that refuses what is written, costs lines and not sessions. At most
 * one write is in flight. All threads write to the same sink, which the control plane has opened
 * and closes when they have ended: files are appended to, pipes get whole lines.
 */
export class AccessLogWriter {
  readonly #format = new AccessLogFormat()
  #sink: LogSink | null
  #filling = lineBuffer()
  #writing = lineBuffer()
  /** Bytes of `#writing` that the sink has taken. */
  #writtenBytes = 0
  #isWriting = false
  /** Until the next write when none is in flight, or until the retry of the one that is. */
  #timer: NodeJS.Timeout | undefined
  #onEmpty: (() => void) | null = null
  #droppedTotal = 0
  /** Of {@link #droppedTotal}, those that were told of. */
  #toldTotal = 0
  #lossReason = ''

  /** @param sink null: nothing is logged */
  constructor(sink: LogSink | null) {
    this.#sink = sink
  }

  /** Whether nothing is logged, so that a record need not be filled in. */
  get isOff(): boolean {
    return this.#sink === null
  }

  /** Lines lost so far because the sink was too slow or refused them. */
  get droppedTotal(): number {
    return this.#droppedTotal
  }

  /** Logs an HTTP request. The record may be reused at once. */
  http(record: HttpLogRecord): void {
    if (this.#sink !== null) this.#append(this.#format.httpLine(record))
  }

  /** Logs a TCP session. The record may be reused at once. */
  tcp(record: TcpLogRecord): void {
    if (this.#sink !== null) this.#append(this.#format.tcpLine(record))
  }

  /** Logs a connection that ended before there was a session. */
  failure(record: FailureLogRecord): void {
    if (this.#sink !== null) this.#append(this.#format.failureLine(record))
  }

  /** The lines that were lost since this was asked last; null: none. */
  takeLoss(): LogLoss | null {
    const lines = this.#droppedTotal - this.#toldTotal
    if (lines === 0) return null
    this.#toldTotal = this.#droppedTotal
    return { lines, reason: this.#lossReason }
  }

  /**
   * Writes what is buffered, as far as the sink takes it within two seconds. Nothing is logged any
   * more.
   */
  async close(): Promise<void> {
    if (this.#sink === null) return
    await this.#drained()
    clearTimeout(this.#timer)
    const left = linesIn(this.#filling, 0) + linesIn(this.#writing, this.#writtenBytes)
    this.#drop(left, 'the log took too long at the end')
    this.#sink = null
  }

  async #drained(): Promise<void> {
    let limit: NodeJS.Timeout | undefined
    await new Promise<void>((resolve) => {
      this.#onEmpty = resolve
      limit = setTimeout(resolve, CLOSE_WAIT_MS)
      if (!this.#isWriting) this.#flush()
    })
    clearTimeout(limit)
  }

  /** @param line ASCII, one character a byte */
  #append(line: string): void {
    const { bytes, used } = this.#filling
    if (line.length > bytes.length - used) {
      this.#drop(1, 'it is slower than the traffic')
      return
    }
    this.#filling.used += bytes.write(line, used, 'latin1')
    if (!this.#isWriting) this.#flushInTime()
  }

  #flushInTime(): void {
    if (this.#filling.used >= FLUSH_BYTES || this.#onEmpty !== null) this.#flush()
    else if (this.#filling.used > 0) {
      this.#timer ??= setTimeout(() => this.#flush(), FLUSH_DELAY_MS).unref()
    }
  }

  /** Begins to write what is buffered. Invariant: no write is in flight. */
  #flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#filling.used === 0) {
      this.#onEmpty?.()
      return
    }
    const free = this.#writing
    this.#writing = this.#filling
    this.#filling = free
    this.#isWriting = true
    this.#writeOn()
  }

  #writeOn(): void {
    this.#timer = undefined
    if (this.#sink === null) return
    const { bytes } = this.#writing
    const length = nextWriteBytes(this.#writing, this.#writtenBytes, this.#sink.writeBytesMax)
    writeTo(this.#sink, bytes, this.#writtenBytes, length, (error, takenBytes) => {
      if (this.#sink === null) return
      if (error?.code === 'EAGAIN') {
        this.#timer = setTimeout(() => this.#writeOn(), PIPE_RETRY_MS).unref()
        return
      }
      if (error === null) this.#writtenBytes += takenBytes
      else {
        this.#drop(linesIn(this.#writing, this.#writtenBytes), error.message)
        this.#writtenBytes = this.#writing.used
      }
      if (this.#writtenBytes < this.#writing.used) this.#writeOn()
      else this.#endWrite()
    })
  }

  #endWrite(): void {
    this.#isWriting = false
    this.#writing.used = 0
    this.#writtenBytes = 0
    this.#flushInTime()
  }

  #drop(lines: number, reason: string): void {
    if (lines === 0) return
    this.#droppedTotal += lines
    this.#lossReason = reason
  }
}

function lineBuffer(): LineBuffer {
  return { bytes: Buffer.allocUnsafeSlow(LOG_BUFFER_BYTES), used: 0 }
}

/** Calls back before it returns when the sink does not block. */
function writeTo(
  sink: LogSink,
  bytes: Buffer,
  start: number,
  length: number,
  onWritten: (error: NodeJS.ErrnoException | null, takenBytes: number) => void,
): void {
  if (sink.isBlocking) {
    write(sink.fd, bytes, start, length, null, onWritten)
    return
  }
  let takenBytes = 0
  let failure: NodeJS.ErrnoException | null = null
  try {
    takenBytes = writeSync(sink.fd, bytes, start, length)
  } catch (error) {
    failure = error as NodeJS.ErrnoException
  }
  onWritten(failure, takenBytes)
}

/** As many whole lines as go into one write, or one line that is longer. */
function nextWriteBytes({ bytes, used }: LineBuffer, start: number, bytesMax: number): number {
  if (used - start <= bytesMax) return used - start
  const last = bytes.lastIndexOf(NEWLINE, start + bytesMax - 1)
  return (last >= start ? last : bytes.indexOf(NEWLINE, start)) + 1 - start
}

function linesIn({ bytes, used }: LineBuffer, start: number): number {
  let lines = 0
  for (let i = start; i < used; i++) if (bytes[i] === NEWLINE) lines++
  return lines
}
