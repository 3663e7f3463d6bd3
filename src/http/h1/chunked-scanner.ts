import { latin1 } from '../../base/latin1.ts'
import {
  COLON,
  CR,
  HEX_VALUES,
  HTAB,
  LF,
  SEMICOLON,
  SP,
  skipToken,
  skipValue,
} from '../characters.ts'
import type { ChunkLimits } from '../limits.ts'
import { REJECT } from '../rejects.ts'
import { isDroppedTrailer, isRefusedTrailer, type TrailerTest } from '../trailers.ts'
import {
  EXTENSION_BROKEN,
  EXTENSION_END,
  EXTENSION_START,
  nextInExtension,
} from './chunk-extension.ts'

/** Digits of a chunk size, leading zeros included: as many as 64 bits have. */
const SIZE_DIGITS_MAX = 16
/** Digits of the size of a chunk that {@link ChunkedScanner} takes at once: a read is no longer. */
const WHOLE_DIGITS_MAX = 6
/** Spans of one call; the caller feeds the rest again. One is the rule, one a chunk when decoding. */
const SPANS_MAX = 64

// What comes next.
const SIZE = 0
const EXTENSION = 1
const SIZE_LF = 2
const DATA = 3
const DATA_CR = 4
const DATA_LF = 5
const TRAILER_START = 6
const TRAILER_NAME = 7
const TRAILER_VALUE = 8
const TRAILER_LF = 9
const BODY_LF = 10
const DONE = 11
const SIZE_BLANKS = 12

/**
 * Blanks behind the size of a chunk in a response. Servers that set aside room for eight digits fill
 * it up with them, and RFC 9112 section 7.1.1 would have them passed over before an extension.
 */
const SIZE_BLANKS_MAX = 16

/**
 * Finds the end of a chunked body (RFC 9112 section 7.1) in pieces as they arrive, and what of each
 * piece to pass on, as places in it. Nothing is copied. One object serves body after body.
 */
export class ChunkedScanner {
  /** Bytes of data seen since `reset`. */
  dataBytes = 0
  /** Spans of the piece that was fed last, in order, at most 64. */
  spanCount = 0
  /**
   * Once the body is {@link done}: what follows the last span, which is the trailers to pass on and
   * the empty line after them. '' where there were no trailers.
   */
  trailers = ''
  private readonly limits: ChunkLimits
  private readonly spans = new Int32Array(2 * SPANS_MAX)
  private decode = false
  private state = SIZE
  private size = 0
  private sizeDigits = 0
  private extensionState = EXTENSION_START
  private extensionBytes = 0
  private sizeBlanks = 0
  private trailerBytes = 0
  /** The present trailer as far as it has come, and whether it is passed on. */
  private trailerLine = ''
  private isTrailerKept = false
  private failure = 0
  private readonly readsBlanks: boolean
  private readonly dropsTrailer: TrailerTest

  /**
   * @param limits bounds that every body must keep
   * @param dropsTrailer asked for trailers beside those that are always dropped
   */
  constructor(
    limits: ChunkLimits,
    direction: 'request' | 'response',
    dropsTrailer: TrailerTest = () => false,
  ) {
    this.limits = limits
    // A request has gone through one reader only; what two may read in two ways is refused there.
    this.readsBlanks = direction === 'response'
    this.dropsTrailer = dropsTrailer
  }

  /**
   * Begins a body.
   *
   * @param decode false: spans are the body with its framing, without chunk extensions, to be sent
   *   as a chunked body with {@link trailers} behind it. true: spans are the data alone, and the
   *   trailers are what would stand behind the last chunk
   */
  reset(decode: boolean): void {
    this.dataBytes = 0
    this.spanCount = 0
    this.decode = decode
    this.state = SIZE
    this.size = 0
    this.sizeDigits = 0
    this.extensionBytes = 0
    this.trailerBytes = 0
    this.trailerLine = ''
    this.trailers = ''
    this.failure = 0
  }

  /** Whether the body, its trailers included, has ended. What follows is the next message. */
  get done(): boolean {
    return this.state === DONE
  }

  /** Where span `index` begins in the view that was fed last. */
  spanStart(index: number): number {
    return this.spans[2 * index] as number
  }

  /** Where span `index` ends in the view that was fed last. */
  spanEnd(index: number): number {
    return this.spans[2 * index + 1] as number
  }

  /**
   * Takes `view[start, end)` as the next piece of the body. Never throws. After a reject every
   * further call gives the same; the spans up to what was wrong stand.
   *
   * @returns how many bytes were used: all of them, unless the body is done or there are as many
   *   spans as fit, when the rest is to be fed again; or a reject code
   */
  feed(view: Buffer, start: number, end: number): number {
    this.spanCount = 0
    let at = start
    while (at < end && this.state !== DONE && this.failure === 0 && this.spanCount < SPANS_MAX) {
      const next = this.state === SIZE ? this.takeWhole(view, at, end) : at
      at = next === at ? this.step(view, at, end) : next
    }
    return this.failure === 0 ? at - start : this.failure
  }

  /**
   * Passes over chunks that are whole, as nearly all are: a body of small ones would cost many
   * times as much step by step, which is left with whatever is unusual.
   *
   * @returns `start` where there is none, or where a chunk has begun before
   */
  private takeWhole(view: Buffer, start: number, end: number): number {
    if (this.sizeDigits > 0) return start
    let at = start
    let passedOn = start
    while (this.spanCount < SPANS_MAX - 1) {
      const digitsEnd = skipHex(view, at, Math.min(end, at + WHOLE_DIGITS_MAX))
      const lineEnd = skipExtension(view, digitsEnd, end)
      const dataStart = lineEnd + 2
      const dataEnd = dataStart + hexValue(view, at, digitsEnd)
      if (dataEnd === dataStart || dataEnd + 2 > end) break
      if (!isLineEnd(view, lineEnd) || !isLineEnd(view, dataEnd)) break
      // The first semicolon is not counted.
      const extensionBytes = this.extensionBytes + Math.max(0, lineEnd - digitsEnd - 1)
      if (extensionBytes > this.limits.extensionBytesMax) break
      if (this.decode) this.span(dataStart, dataEnd)
      else if (lineEnd > digitsEnd) {
        this.span(passedOn, digitsEnd)
        passedOn = lineEnd
      }
      this.extensionBytes = extensionBytes
      this.dataBytes += dataEnd - dataStart
      at = dataEnd + 2
    }
    if (!this.decode) this.span(passedOn, at)
    return at
  }

  /** Passes over what one state takes, at least one byte; returns the place after it. */
  private step(view: Buffer, at: number, end: number): number {
    switch (this.state) {
      case SIZE:
        return this.scanSize(view, at, end)
      case SIZE_BLANKS:
        return this.scanBlanks(view, at)
      case EXTENSION:
        return this.scanExtension(view, at, end)
      case SIZE_LF:
        if (view[at] !== LF) return this.refuse(REJECT.bareCr, at)
        return this.keep(at, at + 1, this.size === 0 ? TRAILER_START : DATA)
      case DATA:
        return this.scanData(at, end)
      case DATA_CR:
        if (view[at] !== CR) return this.refuse(REJECT.chunkEnd, at)
        return this.keep(at, at + 1, DATA_LF)
      case DATA_LF:
        if (view[at] !== LF) return this.refuse(REJECT.chunkEnd, at)
        this.sizeDigits = 0
        return this.keep(at, at + 1, SIZE)
      default:
        return this.scanTrailers(view, at, end)
    }
  }

  private scanSize(view: Buffer, start: number, end: number): number {
    let at = start
    for (; at < end; at++) {
      const digit = HEX_VALUES[view[at] as number] as number
      if (digit > 15) break
      this.size = this.sizeDigits === 0 ? digit : this.size * 16 + digit
      this.sizeDigits++
      if (this.sizeDigits > SIZE_DIGITS_MAX || this.size > Number.MAX_SAFE_INTEGER) {
        return this.refuse(REJECT.chunkSize, at)
      }
    }
    if (at === end) return this.keep(start, at, SIZE)
    const byte = view[at]
    if (this.sizeDigits === 0) return this.refuse(REJECT.chunkSize, at)
    if (byte === CR) return this.keep(start, at + 1, SIZE_LF)
    // RFC 9112 section 7.1: white space may not stand here; padded sizes were read in two ways.
    if (this.readsBlanks && (byte === SP || byte === HTAB)) {
      this.sizeBlanks = 0
      return this.keep(start, at, SIZE_BLANKS)
    }
    if (byte !== SEMICOLON) {
      return this.refuse(byte === LF ? REJECT.bareLf : REJECT.chunkSize, at)
    }
    this.extensionState = EXTENSION_START
    this.keep(start, at, EXTENSION)
    return at + 1
  }

  /** Blanks behind a size are not passed on. */
  private scanBlanks(view: Buffer, at: number): number {
    const byte = view[at]
    if (byte === CR) return this.keep(at, at + 1, SIZE_LF)
    if (byte === SEMICOLON) {
      this.extensionState = EXTENSION_START
      this.state = EXTENSION
      return at + 1
    }
    const isBlank = byte === SP || byte === HTAB
    if (isBlank && ++this.sizeBlanks <= SIZE_BLANKS_MAX) return at + 1
    return this.refuse(byte === LF ? REJECT.bareLf : REJECT.chunkSize, at)
  }

  private scanExtension(view: Buffer, start: number, end: number): number {
    for (let at = start; at < end; at++) {
      const byte = view[at] as number
      this.extensionState = nextInExtension(this.extensionState, byte)
      if (this.extensionState === EXTENSION_END) return this.keep(at, at + 1, SIZE_LF)
      if (this.extensionState === EXTENSION_BROKEN) {
        return this.refuse(byte === LF ? REJECT.bareLf : REJECT.chunkExtension, at)
      }
      this.extensionBytes++
      if (this.extensionBytes > this.limits.extensionBytesMax) {
        return this.refuse(REJECT.chunkExtensionTooLong, at)
      }
    }
    return end
  }

  private scanData(start: number, end: number): number {
    const bytes = Math.min(this.size, end - start)
    const spanned = start + bytes
    this.size -= bytes
    this.dataBytes += bytes
    if (this.decode) this.span(start, spanned)
    return this.keep(start, spanned, this.size === 0 ? DATA_CR : DATA)
  }

  /** RFC 9112 section 7.1.2: header lines of the same grammar, and the empty line that ends all. */
  private scanTrailers(view: Buffer, start: number, end: number): number {
    const limit = Math.min(end, start + this.limits.trailerBytesMax - this.trailerBytes)
    if (start === limit) return this.refuse(REJECT.trailersTooLarge, start)
    const at = this.scanTrailer(view, start, limit)
    this.trailerBytes += at - start
    return at
  }

  private scanTrailer(view: Buffer, start: number, limit: number): number {
    const byte = view[start] as number
    switch (this.state) {
      case TRAILER_START:
        if (byte === CR) return this.takeLineEnd(start, BODY_LF)
        this.trailerLine = ''
        if (byte === COLON) return this.refuse(REJECT.nameEmpty, start)
        if (byte === SP || byte === HTAB) return this.refuse(REJECT.obsFold, start)
        return this.scanTrailerName(view, start, limit)
      case TRAILER_NAME:
        return this.scanTrailerName(view, start, limit)
      case TRAILER_VALUE: {
        const at = skipValue(view, start, limit)
        this.collect(view, start, at)
        if (at === limit) return at
        if (view[at] !== CR) return this.refuse(view[at] === LF ? REJECT.bareLf : REJECT.value, at)
        this.state = TRAILER_LF
        return at + 1
      }
      case TRAILER_LF:
        if (byte !== LF) return this.refuse(REJECT.bareCr, start)
        if (this.isTrailerKept) this.trailers += `${this.trailerLine}\r\n`
        this.state = TRAILER_START
        return start + 1
      default:
        if (byte !== LF) return this.refuse(REJECT.bareCr, start)
        return this.takeLineEnd(start, DONE)
    }
  }

  private scanTrailerName(view: Buffer, start: number, limit: number): number {
    const at = skipToken(view, start, limit)
    this.collect(view, start, at)
    this.state = TRAILER_NAME
    if (at === limit) return at
    const byte = view[at]
    if (byte === LF) return this.refuse(REJECT.bareLf, at)
    if (byte === SP || byte === HTAB) return this.refuse(REJECT.nameSpace, at)
    if (byte !== COLON) return this.refuse(REJECT.name, at)
    const name = this.trailerLine.toLowerCase()
    if (isRefusedTrailer(name)) return this.refuse(REJECT.trailerForbidden, at)
    this.isTrailerKept = !isDroppedTrailer(name) && !this.dropsTrailer(name)
    this.collect(view, at, at + 1)
    this.state = TRAILER_VALUE
    return at + 1
  }

  /** A trailer may come in pieces: nothing of it is passed on before its name is known. */
  private collect(view: Buffer, start: number, end: number): void {
    this.trailerLine += latin1(view, start, end)
  }

  /** Takes a byte of the line end that ends the body; behind trailers it is sent with them. */
  private takeLineEnd(at: number, state: number): number {
    if (this.trailerLine === '') return this.keep(at, at + 1, state)
    if (state === DONE) this.trailers += '\r\n'
    this.state = state
    return at + 1
  }

  /** Goes on to `state`; passes `[start, end)` on where the framing is wanted. */
  private keep(start: number, end: number, state: number): number {
    this.state = state
    if (!this.decode) this.span(start, end)
    return end
  }

  private span(start: number, end: number): void {
    const { spans } = this
    const next = 2 * this.spanCount
    if (next > 0 && spans[next - 1] === start) spans[next - 1] = end
    else if (end > start) {
      spans[next] = start
      spans[next + 1] = end
      this.spanCount++
    }
  }

  private refuse(code: number, at: number): number {
    this.failure = code
    return at
  }
}

function skipHex(view: Buffer, start: number, end: number): number {
  let at = start
  while (at < end && (HEX_VALUES[view[at] as number] as number) < 16) at++
  return at
}

/** The number that the hexadecimal digits `view[start, end)` are; 0 for none. */
function hexValue(view: Buffer, start: number, end: number): number {
  let value = 0
  for (let at = start; at < end; at++)
    value = value * 16 + (HEX_VALUES[view[at] as number] as number)
  return value
}

/** Where chunk extensions end, which are the bytes that stand there: before a CR, or at `start`. */
function skipExtension(view: Buffer, start: number, end: number): number {
  if (view[start] !== SEMICOLON) return start
  let state = EXTENSION_START
  for (let at = start + 1; at < end; at++) {
    state = nextInExtension(state, view[at] as number)
    if (state === EXTENSION_END) return at
    if (state === EXTENSION_BROKEN) return start
  }
  return start
}

function isLineEnd(view: Buffer, at: number): boolean {
  return view[at] === CR && view[at + 1] === LF
}
