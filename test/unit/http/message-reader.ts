import { BODY_CHUNKED, BODY_CLOSE, BODY_LENGTH } from '../../../src/http/body.ts'
import { ChunkedScanner } from '../../../src/http/h1/chunked-scanner.ts'
import {
  type ResponseEdits,
  requestHeadText,
  responseHeadText,
} from '../../../src/http/h1/head-text.ts'
import { parseRequestHead } from '../../../src/http/h1/request-parser.ts'
import { parseResponseHead } from '../../../src/http/h1/response-parser.ts'
import type { HeaderTable } from '../../../src/http/header-table.ts'
import {
  type ChunkLimits,
  DEFAULT_CHUNK_LIMITS,
  DEFAULT_HEAD_LIMITS,
  type HeadLimits,
} from '../../../src/http/limits.ts'
import { OutgoingRequest } from '../../../src/http/outgoing-request.ts'
import { rejectOf } from '../../../src/http/rejects.ts'
import { RequestHead } from '../../../src/http/request-head.ts'
import { ResponseHead } from '../../../src/http/response-head.ts'

/** One message as the codec read it, in plain data that can be compared. */
export interface ReadMessage {
  readonly startLine: string
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** Decoded. */
  body: string
  /** Whether the body has ended. */
  whole: boolean
}

/** All that a connection's bytes were read as. */
export interface Transcript {
  readonly messages: ReadMessage[]
  /**
   * `open`: more may come. `closed`: the last message ends the connection, or begins a tunnel.
   * Otherwise the name of the reject.
   */
  outcome: string
}

/** What a reader is made with. */
export interface ReaderOptions {
  /** The method that responses answer; undefined reads requests. */
  readonly answering?: string
  readonly headLimits?: HeadLimits
  readonly chunkLimits?: ChunkLimits
}

const KEPT_RESPONSE: ResponseEdits = { added: '', connection: '', dechunked: false }

function pairs(headers: HeaderTable): [string, string][] {
  return Array.from({ length: headers.count }, (_, n) => [headers.name(n), headers.value(n)])
}

/**
 * Reads one direction of a connection with the codec, in pieces of any size, as a proxy would:
 * what was not used is kept and offered again with what comes next.
 */
export class MessageReader {
  transcript: Transcript = { messages: [], outcome: 'open' }
  /** By message: what a proxy would send on, chunks as chunks. */
  forwarded: string[] = []
  private readonly answering: string | undefined
  private readonly request: RequestHead
  private readonly response: ResponseHead
  private readonly decoder: ChunkedScanner
  private readonly passer: ChunkedScanner
  private kept: Buffer = Buffer.alloc(0)
  private lengthLeft = 0
  private mode: 'head' | 'length' | 'chunked' | 'close' = 'head'

  constructor(options: ReaderOptions = {}) {
    const limits = options.headLimits ?? DEFAULT_HEAD_LIMITS
    this.answering = options.answering
    this.request = new RequestHead(limits)
    this.response = new ResponseHead(limits)
    const direction = options.answering === undefined ? 'request' : 'response'
    this.decoder = new ChunkedScanner(options.chunkLimits ?? DEFAULT_CHUNK_LIMITS, direction)
    this.passer = new ChunkedScanner(options.chunkLimits ?? DEFAULT_CHUNK_LIMITS, direction)
  }

  /** Reads another connection, which is `bytes` in pieces that end at each of `cuts` (rising). */
  readAll(bytes: Buffer, cuts: readonly number[] = []): Transcript {
    this.transcript = { messages: [], outcome: 'open' }
    this.forwarded = []
    this.kept = Buffer.alloc(0)
    this.mode = 'head'
    let from = 0
    for (const cut of [...cuts, bytes.length]) {
      this.push(bytes.subarray(from, cut))
      from = cut
    }
    return this.transcript
  }

  private push(piece: Buffer): void {
    this.kept = this.kept.length === 0 ? piece : Buffer.concat([this.kept, piece])
    let at = 0
    while (this.transcript.outcome === 'open') {
      const used = this.step(this.kept, at)
      if (used < 0) this.transcript.outcome = rejectOf(used).name
      if (used <= 0) break
      at += used
    }
    this.kept = this.kept.subarray(at)
  }

  /** Bytes of a head that is not all there. */
  get keptBytes(): number {
    return this.kept.length
  }

  private get last(): ReadMessage {
    return this.transcript.messages.at(-1) as ReadMessage
  }

  private step(view: Buffer, at: number): number {
    if (this.mode === 'head') return this.readHead(view, at)
    if (this.mode === 'chunked') return this.readChunks(view, at)
    const end = this.mode === 'close' ? view.length : Math.min(view.length, at + this.lengthLeft)
    const text = view.toString('latin1', at, end)
    this.last.body += text
    this.forwarded[this.forwarded.length - 1] += text
    this.lengthLeft -= end - at
    if (this.mode === 'length' && this.lengthLeft === 0) this.endMessage()
    return end - at
  }

  private readHead(view: Buffer, at: number): number {
    const requests = this.answering === undefined
    const used = requests
      ? parseRequestHead(view, at, view.length, this.request)
      : parseResponseHead(view, at, view.length, this.answering as string, this.response)
    if (used <= 0) return used
    const head = requests ? this.request : this.response
    this.transcript.messages.push({
      startLine: requests
        ? `${this.request.method} ${this.request.target} 1.${this.request.minorVersion}`
        : `1.${this.response.minorVersion} ${this.response.status} ${this.response.reason}`,
      headers: pairs(head.headers),
      body: '',
      whole: false,
    })
    this.forwarded.push(
      requests ? this.forwardedRequest() : responseHeadText(this.response, KEPT_RESPONSE),
    )
    if (head.body === BODY_CHUNKED) {
      this.mode = 'chunked'
      this.decoder.reset(true)
      this.passer.reset(false)
    } else if (head.body === BODY_LENGTH) {
      this.mode = 'length'
      this.lengthLeft = head.contentLength
    } else if (head.body === BODY_CLOSE) this.mode = 'close'
    else this.endMessage()
    return used
  }

  private forwardedRequest(): string {
    const outgoing = new OutgoingRequest()
    outgoing.begin(this.request, { added: '', target: '', hostless: !this.namesHost() })
    return requestHeadText(outgoing)
  }

  /** Whether the request that was read last has a Host, which HTTP/1.0 may leave out. */
  private namesHost(): boolean {
    return this.request.minorVersion === 1 || this.request.headers.has('host')
  }

  private readChunks(view: Buffer, at: number): number {
    const used = this.decoder.feed(view, at, view.length)
    this.last.body += this.spanned(this.decoder, view)
    const end = used < 0 ? view.length : at + used
    for (let place = at; place < end && !this.passer.done; ) {
      const passed = this.passer.feed(view, place, end)
      this.forwarded[this.forwarded.length - 1] += this.spanned(this.passer, view)
      if (passed < 0) break
      place += passed
      if (this.passer.done) this.forwarded[this.forwarded.length - 1] += this.passer.trailers
    }
    if (this.decoder.done) this.endMessage()
    return used
  }

  private spanned(scanner: ChunkedScanner, view: Buffer): string {
    let text = ''
    for (let n = 0; n < scanner.spanCount; n++) {
      text += view.toString('latin1', scanner.spanStart(n), scanner.spanEnd(n))
    }
    return text
  }

  private endMessage(): void {
    this.last.whole = true
    this.mode = 'head'
    if (this.endsConnection()) this.transcript.outcome = 'closed'
  }

  private endsConnection(): boolean {
    if (this.answering !== undefined) return this.response.tunnel || !this.response.persistent
    const { request } = this
    return !request.persistent || request.upgrade !== '' || request.method === 'CONNECT'
  }
}

/** Every place between two bytes. */
export function everyCut(bytes: Buffer): number[] {
  return Array.from({ length: Math.max(0, bytes.length - 1) }, (_, n) => n + 1)
}
