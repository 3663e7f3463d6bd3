import { hkdfSync } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import { isNodeName } from './handshake.ts'

/** Fewer are no secret. */
export const SECRET_BYTES_MIN = 32

/** Of the key of TLS: as many as its hash has (RFC 8446, section 7.1). */
const KEY_BYTES = 32
const DIGEST = 'sha256'
/** Says what the key is for: the same secret, used elsewhere, gives another. */
const USE = 'sluice peers, key of TLS 1.3'

/** What both ends ask for. A key without a hash of its own is of SHA-256 (RFC 8446, section 4.2.11). */
const KEYED_TLS = { ciphers: 'TLS_AES_128_GCM_SHA256', minVersion: 'TLSv1.3' } as const

/** Options of node:tls for the end that calls. */
export interface DiallingKeyTls {
  readonly ciphers: string
  readonly minVersion: 'TLSv1.3'
  pskCallback(): { readonly psk: Uint8Array; readonly identity: string }
}

/** Options of node:tls for the end that is called. */
export interface AcceptingKeyTls {
  readonly ciphers: string
  readonly minVersion: 'TLSv1.3'
  pskCallback(socket: TLSSocket, identity: string): Uint8Array | null
}

/**
 * TLS for the one that calls, by a key that both ends have of the secret, and keys of the moment that
 * nobody has afterwards (RFC 8446, section 2.2, `psk_dhe_ke`: OpenSSL takes no other way). Who has
 * another secret is refused by the handshake.
 *
 * @param name of this node, which is said in the clear
 */
export function diallingKeyTls(secret: Uint8Array, name: string): DiallingKeyTls {
  const psk = keyOf(secret)
  return { ...KEYED_TLS, pskCallback: () => ({ psk, identity: name }) }
}

/**
 * TLS for the one that is called.
 *
 * @param onClaim told the name that a caller gives, before it has proved that it knows the secret
 */
export function acceptingKeyTls(
  secret: Uint8Array,
  onClaim: (socket: TLSSocket, name: string) => void,
): AcceptingKeyTls {
  const psk = keyOf(secret)
  return {
    ...KEYED_TLS,
    pskCallback: (socket, identity) => {
      if (!isNodeName(identity)) return null
      onClaim(socket, identity)
      return psk
    },
  }
}

/** RFC 5869: a secret of any length and form gives a key of one. */
function keyOf(secret: Uint8Array): Uint8Array {
  return new Uint8Array(hkdfSync(DIGEST, secret, new Uint8Array(), USE, KEY_BYTES))
}
