/** Bytes of every frame's header. RFC 9113 section 4.1. */
export const FRAME_HEADER_BYTES = 9
/** The least that every end takes as a frame's payload, and what it takes before it says more. */
export const FRAME_BYTES_MIN = 16_384
/** The most that an end may take as a frame's payload. RFC 9113 section 4.2. */
export const FRAME_BYTES_MAX = 0xff_ffff
/** Bytes of a stream's id, a window's increment or an error's code. */
export const WORD_BYTES = 4
/** The bits of a stream's id or a window's increment: the highest is reserved. RFC 9113 section 4.1. */
export const WORD_MASK = 0x7fff_ffff
/** What a client's connection begins with. RFC 9113 section 3.4. */
export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1')

/** Types of frames. RFC 9113 section 6, RFC 9218 section 7.1. */
export const FRAME = {
  data: 0x0,
  headers: 0x1,
  priority: 0x2,
  rstStream: 0x3,
  settings: 0x4,
  pushPromise: 0x5,
  ping: 0x6,
  goaway: 0x7,
  windowUpdate: 0x8,
  continuation: 0x9,
  priorityUpdate: 0x10,
} as const

/** Flags of frames, each with a meaning for some types. RFC 9113 section 6. */
export const FLAG = {
  /** DATA, HEADERS: nothing more follows on this stream. */
  endStream: 0x1,
  /** SETTINGS, PING: this answers one of the other end. */
  ack: 0x1,
  /** HEADERS, CONTINUATION: the header block is whole. */
  endHeaders: 0x4,
  /** DATA, HEADERS: the first byte of the payload says how many follow the content. */
  padded: 0x8,
  /** HEADERS: five bytes of priority come before the block; they mean nothing any more. */
  priority: 0x20,
} as const

/** Error codes of RST_STREAM and GOAWAY. RFC 9113 section 7. */
export const H2_ERROR = {
  noError: 0x0,
  protocol: 0x1,
  internal: 0x2,
  flowControl: 0x3,
  settingsLate: 0x4,
  streamClosed: 0x5,
  frameSize: 0x6,
  refusedStream: 0x7,
  cancel: 0x8,
  compression: 0x9,
  connect: 0xa,
  enhanceYourCalm: 0xb,
  inadequateSecurity: 0xc,
  http11Required: 0xd,
} as const

/** Identifiers of settings. RFC 9113 section 6.5.2, RFC 8441 section 3. */
export const SETTING = {
  headerTableSize: 0x1,
  enablePush: 0x2,
  maxConcurrentStreams: 0x3,
  initialWindowSize: 0x4,
  maxFrameSize: 0x5,
  maxHeaderListSize: 0x6,
  enableConnectProtocol: 0x8,
} as const
