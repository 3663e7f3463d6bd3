import type { OwnFailure } from '../model/shortage.ts'
import type { ConnFailure } from './conn.ts'
import { hasSourceFor } from './descriptor.ts'

/** Errors of a system call that finds no descriptor, or no memory for what it would stand for. */
export const EXHAUSTED: readonly string[] = ['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM']

/**
 * What an error of connect(2), or of an open connection, means to the users of a connection.
 *
 * @param peer who was to be connected to, as `socketName` gives it; null where that is not known
 */
export function failureOf(code: string | undefined, peer: Uint8Array | null = null): ConnFailure {
  switch (code ?? '') {
    case 'ECONNREFUSED':
    case 'ENOENT':
      return 'refused'
    case 'ECONNRESET':
    case 'ECONNABORTED':
    case 'EPIPE':
      return 'reset'
    case 'EADDRINUSE':
      return 'portless'
    case 'EADDRNOTAVAIL':
      // Linux says the same where this host has no address of the peer's kind (IPv6 turned off).
      return peer === null || hasSourceFor(peer) ? 'portless' : 'unreachable'
    default:
      return EXHAUSTED.includes(code ?? '') ? 'exhausted' : 'unreachable'
  }
}

/** Whether a failure is this node's own. */
export function isOwnFailure(failure: string | null): failure is OwnFailure {
  return failure === 'exhausted' || failure === 'portless'
}
