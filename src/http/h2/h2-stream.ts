import type { HeaderField } from './hpack/header-field.ts'
import type { FieldSink } from './hpack/hpack-decoder.ts'
import { ReceiveWindow } from './receive-window.ts'

/** Who is told what the other end does on one stream. Fields of a head come before `onHead`. */
export interface StreamHandler extends FieldSink {
  /**
   * A header block is whole: a head, or trailers where there was a final one.
   *
   * @param isLast nothing more comes; `onEnd` follows
   * @returns 0, or the code of a stream error where what came is malformed (RFC 9113 section 8.1.1);
   *   the stream is then reset, and nothing more is told
   */
  onHead(isLast: boolean): number
  /** Content, valid during the call: what is used up of it is to be given to `use`. */
  onBody(view: Buffer, start: number, end: number): void
  /** The other end has sent all. @returns as {@link onHead} */
  onEnd(): number
  /**
   * The other end has given the stream up. Nothing more is told.
   *
   * @param isUnprocessed it has done nothing about it: a request may be sent again, whatever its
   *   method (RFC 9113 section 8.7)
   */
  onReset(code: number, isUnprocessed: boolean): void
  /** More may be sent, after less was taken than was given. */
  onWritable(): void
}

/** One request and its response on a connection that carries many. RFC 9113 section 5.1. */
export class H2Stream implements FieldSink {
  readonly id: number
  readonly handler: StreamHandler
  /** What this end may send: RFC 9113 section 6.9.2 allows less than nothing. */
  sendWindow: number
  readonly receiveWindow: ReceiveWindow
  /** The other end sends no more. */
  isRemoteEnded = false
  /** This end sends no more. */
  isLocalEnded = false
  /** It is over, for whatever reason: what is sent on it goes nowhere. */
  isClosed = false

  constructor(
    id: number,
    accept: (stream: H2Stream) => StreamHandler,
    sendWindow: number,
    receiveWindow: number,
  ) {
    this.id = id
    this.sendWindow = sendWindow
    this.receiveWindow = new ReceiveWindow(receiveWindow)
    this.handler = accept(this)
  }

  /** A block may go on whose stream was given up meanwhile: nobody is told of that. */
  onField(field: HeaderField, isNeverIndexed: boolean): void {
    if (!this.isClosed) this.handler.onField(field, isNeverIndexed)
  }
}
