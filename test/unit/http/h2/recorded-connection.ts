import { H2Connection } from '../../../../src/http/h2/h2-connection.ts'
import type { H2Limits } from '../../../../src/http/h2/h2-limits.ts'
import type { H2Stream, StreamHandler } from '../../../../src/http/h2/h2-stream.ts'
import { Frames, type PlainFrame } from './plain-frames.ts'

const LIMITS: H2Limits = {
  headerTableSize: 4096,
  initialWindowSize: 65_535,
  maxConcurrentStreams: 100,
  maxFrameSize: 16_384,
  headerBlockBytesMax: 16_384,
  outputBytesMax: 65_536,
  glitchesMax: 100,
}

/** What a stream's handler was told: heads, the body as one text, and how it ended. */
export class RecordedStream implements StreamHandler {
  readonly stream: H2Stream
  readonly heads: string[][] = []
  bodyBytes = 0
  readonly #parts: Buffer[] = []
  ending: string | null = null
  turns = 0
  /** What `onHead` and `onEnd` answer. */
  verdict = 0
  #head: string[] = []

  constructor(stream: H2Stream) {
    this.stream = stream
  }

  get body(): Buffer {
    return Buffer.concat(this.#parts)
  }

  onField({ name, value }: { name: string; value: string }, isNeverIndexed: boolean): void {
    this.#head.push(`${name}: ${value}${isNeverIndexed ? ' (secret)' : ''}`)
  }

  onHead(): number {
    this.heads.push(this.#head)
    this.#head = []
    return this.verdict
  }

  onBody(view: Buffer, start: number, end: number): void {
    this.bodyBytes += end - start
    this.#parts.push(Buffer.from(view.subarray(start, end)))
  }

  onEnd(): number {
    this.ending = 'end'
    return this.verdict
  }

  onReset(code: number, isUnprocessed: boolean): void {
    this.ending = `reset ${code}${isUnprocessed ? ' unprocessed' : ''}`
  }

  onWritable(): void {
    this.turns++
  }
}

/** An end of a connection that takes down all that it is told. */
export class RecordedConnection {
  readonly connection: H2Connection
  readonly streams: RecordedStream[] = []
  /** What the connection broke with. */
  broken: string | null = null
  brokenCode: number | null = null
  goaway: number | null = null
  refuses = false
  verdict = 0
  nowMs = 0

  constructor(isServer: boolean, limits: Partial<H2Limits> = {}) {
    this.connection = new H2Connection(
      isServer,
      { ...LIMITS, ...limits },
      {
        onStream: () => (this.refuses ? null : (stream) => this.record(stream)),
        onGoaway: (code) => {
          this.goaway = code
        },
        onBroken: (code, reason) => {
          this.brokenCode = code
          this.broken = reason
        },
      },
    )
  }

  record(stream: H2Stream): RecordedStream {
    const recorded = new RecordedStream(stream)
    recorded.verdict = this.verdict
    this.streams.push(recorded)
    return recorded
  }

  /** A stream of a client. */
  open(): RecordedStream {
    this.connection.open((stream) => this.record(stream))
    return this.streams.at(-1) as RecordedStream
  }

  receive(...parts: readonly Buffer[]): this {
    for (const part of parts) this.connection.receive(part, 0, part.length, this.nowMs)
    return this
  }

  /** Bytes that are to be sent, which are taken. */
  sent(): Buffer {
    const { output } = this.connection
    const bytes = Buffer.from(output.written)
    output.length = 0
    return bytes
  }

  /** Frames that are to be sent, which are taken. */
  sentFrames(): PlainFrame[] {
    return Frames.read(this.sent())
  }

  /** Sends a head. */
  head(stream: H2Stream, fields: Readonly<Record<string, string>>, isLast: boolean): void {
    this.connection.beginHead()
    for (const [name, value] of Object.entries(fields)) {
      this.connection.field(name, value, 'indexed')
    }
    this.connection.endHead(stream, isLast)
  }
}
