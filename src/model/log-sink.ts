/** Where a log is written to. Plain data: any thread of the process may write to it. */
export interface LogSink {
  readonly fd: number
  /** Whether the descriptor was opened for this sink and is closed with it. */
  readonly isOwned: boolean
  /**
   * Whether a write may keep its thread waiting. A pipe that is not blocking refuses instead
   * (EAGAIN), so that it can be written to from the event loop.
   */
  readonly isBlocking: boolean
  /** Bytes that go into one write at most, so that the lines of several threads do not mix. */
  readonly writeBytesMax: number
}

/** Lines that were dropped. */
export interface LogLoss {
  readonly lines: number
  /** Why, in words, of the latest. */
  readonly reason: string
}
