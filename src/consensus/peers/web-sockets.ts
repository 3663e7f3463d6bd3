import type { WebSocket } from 'ws'
import type { Purpose } from './handshake/handshake.ts'
import { MESSAGE_BYTES_MAX } from './records/packing.ts'

/** Where a node answers, by what for. */
export const PATHS: Readonly<Record<Purpose, string>> = { link: '/peer/v1', stream: '/stream/v1' }

/** Fragments of a message, and pieces in which they may be kept until it is there. */
const PIECES_MAX = 4096

/** How both ends use ws. */
export const SOCKET_OPTIONS = {
  maxPayload: MESSAGE_BYTES_MAX,
  maxFragments: PIECES_MAX,
  maxBufferedChunks: PIECES_MAX,
  perMessageDeflate: false,
  // Text is refused whatever it says.
  skipUTF8Validation: true,
} as const

/**
 * Begins the closing handshake.
 *
 * @param code of RFC 6455, section 7.4
 * @param timeoutMs after which the connection is cut
 */
export function closeSocket(socket: WebSocket, code: number, timeoutMs: number): void {
  if (socket.readyState === socket.CLOSED) return
  socket.close(code)
  const cut = setTimeout(() => socket.terminate(), timeoutMs)
  socket.once('close', () => clearTimeout(cut))
}
