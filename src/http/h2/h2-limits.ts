import type { H2TuneConfig } from '../../model/config.ts'

/** Bounds of one end of a connection, and what it tells the other end of itself. */
export interface H2Limits {
  /** `tune.h2.header-table-size`: bytes of the dynamic table, for each direction. */
  readonly headerTableSize: number
  /** `tune.h2.initial-window-size`: bytes of one stream that may be on their way or unused. */
  readonly initialWindowSize: number
  /** `tune.h2.max-concurrent-streams`: streams that the other end may have open. */
  readonly maxConcurrentStreams: number
  /** `tune.h2.max-frame-size`: bytes of a frame's payload, 16,384 to 2^24-1. */
  readonly maxFrameSize: number
  /** Bytes of one header block as it comes. */
  readonly headerBlockBytesMax: number
  /** Bytes of frames that wait to be sent before bodies wait, too. */
  readonly outputBytesMax: number
  /** Of servers: clients are told that they may ask for WebSockets (RFC 8441). */
  readonly takesProtocol?: boolean
  /** `tune.h2.fe.glitches-threshold`: see {@link Glitches}. */
  readonly glitchesMax: number
}

/** What both ends begin with: RFC 9113 section 6.5.2. */
const HEADER_TABLE_BYTES = 4096
const FRAME_BYTES = 16_384
/** A block that is larger than a head may be breaks its stream alone; one beyond this all of them. */
const HEADER_BLOCK_BYTES_MAX = 65_536
/** What a connection is written at once. */
const OUTPUT_BYTES_MAX = 65_536

/** The bounds that `global.tune` sets for one side. */
export function h2LimitsOf(tune: H2TuneConfig): H2Limits {
  return {
    ...tune,
    headerTableSize: HEADER_TABLE_BYTES,
    maxFrameSize: FRAME_BYTES,
    headerBlockBytesMax: HEADER_BLOCK_BYTES_MAX,
    outputBytesMax: OUTPUT_BYTES_MAX,
  }
}
