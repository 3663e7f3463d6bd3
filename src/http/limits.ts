import type { TuneConfig } from '../model/config.ts'

/** Bounds on one message head. */
export interface HeadLimits {
  /** Bytes of the whole head, its blank line included; more is 431. */
  readonly headBytesMax: number
  /** Bytes of the request line without its CRLF; more is 414. */
  readonly requestLineBytesMax: number
  /** Headers in one head; more is 431. */
  readonly headersMax: number
}

/** Bounds on what a chunked body may carry besides its data. */
export interface ChunkLimits {
  /** Bytes of all chunk extensions of one body together; more is 400. */
  readonly extensionBytesMax: number
  /** Bytes of the trailer section; more is 431. */
  readonly trailerBytesMax: number
}

/**
 * HAProxy's bounds: a head fills at most `tune.bufsize` (16384) less `tune.maxrewrite` (1024), and
 * has at most `tune.http.maxhdr` (101) headers. A request line of 8000 bytes must pass (RFC 9112
 * section 3); nginx, too, ends at 8 KB.
 */
export const DEFAULT_HEAD_LIMITS: HeadLimits = {
  headBytesMax: 15_360,
  requestLineBytesMax: 8192,
  headersMax: 101,
}

/** As much as Node.js allows for extensions of one body, and as much for trailers as for a head. */
export const DEFAULT_CHUNK_LIMITS: ChunkLimits = {
  extensionBytesMax: 16_384,
  trailerBytesMax: DEFAULT_HEAD_LIMITS.headBytesMax,
}

/** The bounds on heads that `global.tune` sets: `maxrewrite` of a buffer stays free for rules. */
export function headLimitsOf(tune: TuneConfig): HeadLimits {
  const headBytesMax = tune.bufsizeBytes - tune.maxrewriteBytes
  return {
    headBytesMax,
    // A line and its CRLF that fill all of the head are too long a line, not too large a head.
    requestLineBytesMax: Math.min(tune.httpRequestLineBytesMax, headBytesMax - 2),
    headersMax: tune.httpMaxhdr,
  }
}

/** The bounds on chunked bodies that `global.tune` sets. */
export function chunkLimitsOf(tune: TuneConfig): ChunkLimits {
  return {
    extensionBytesMax: tune.httpChunkExtensionBytesMax,
    trailerBytesMax: tune.httpTrailerBytesMax,
  }
}
