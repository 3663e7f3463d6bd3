import { FRAME_BYTES_MAX, FRAME_BYTES_MIN, H2_ERROR, SETTING, WORD_MASK } from './frame-types.ts'

/** The largest that a window may be. RFC 9113 section 6.9.1. */
export const WINDOW_MAX = WORD_MASK
/** What a window is before anybody says otherwise. RFC 9113 section 6.9.2. */
export const WINDOW_INITIAL = 65_535

/** What one end of a connection has told the other of itself. RFC 9113 section 6.5.2. */
export interface Settings {
  /** Bytes of the dynamic table that it keeps of header blocks. */
  headerTableSize: number
  /** Streams that the other end may have open. */
  maxConcurrentStreams: number
  /** Bytes that may be sent on a new stream before it gives more: at most 2^31-1. */
  initialWindowSize: number
  /** Bytes of a frame's payload that it takes: 2^14 to 2^24-1. */
  maxFrameSize: number
  /** It takes requests of RFC 8441: a CONNECT that names a protocol. */
  takesExtendedConnect: boolean
}

/** What holds of an end that has said nothing. RFC 9113 section 6.5.2. */
export const SETTINGS_INITIAL: Readonly<Settings> = {
  headerTableSize: 4096,
  maxConcurrentStreams: Number.POSITIVE_INFINITY,
  initialWindowSize: WINDOW_INITIAL,
  maxFrameSize: FRAME_BYTES_MIN,
  takesExtendedConnect: false,
}

/** Bytes of one setting in a SETTINGS frame. */
export const SETTING_BYTES = 6

/**
 * Takes down one setting of the other end. Unknown ones mean nothing.
 *
 * @param isServer the other end is one: it may not ask for pushes (RFC 9113 section 6.5.2)
 * @returns 0, or the code of the connection error
 */
export function noteSetting(
  settings: Settings,
  id: number,
  value: number,
  isServer: boolean,
): number {
  switch (id) {
    case SETTING.headerTableSize:
      settings.headerTableSize = value
      return 0
    case SETTING.enablePush:
      return value > 1 || (isServer && value === 1) ? H2_ERROR.protocol : 0
    case SETTING.maxConcurrentStreams:
      settings.maxConcurrentStreams = value
      return 0
    case SETTING.initialWindowSize:
      if (value > WINDOW_MAX) return H2_ERROR.flowControl
      settings.initialWindowSize = value
      return 0
    case SETTING.maxFrameSize:
      if (value < FRAME_BYTES_MIN || value > FRAME_BYTES_MAX) return H2_ERROR.protocol
      settings.maxFrameSize = value
      return 0
    case SETTING.enableConnectProtocol:
      // RFC 8441 section 3: it cannot be taken back.
      if (value > 1 || (settings.takesExtendedConnect && value === 0)) return H2_ERROR.protocol
      settings.takesExtendedConnect = value === 1
      return 0
    default:
      return 0
  }
}
