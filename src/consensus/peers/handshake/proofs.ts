import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'
import { ByteWriter } from '../../encoding/byte-writer.ts'
import { KEY_BYTES, KeyedOpener, KeyedSealer, type Seals } from '../records/sealing.ts'

/** What a connection is for. */
export type Purpose = 'link' | 'stream'

/** Which end of a connection. */
export type Side = 'dialler' | 'acceptor'

/** Bytes that each end contributes by chance, so that no two handshakes are alike. */
export const NONCE_BYTES = 32
/** Bytes of a proof: HMAC-SHA256. */
export const PROOF_BYTES = 32
/** Fewer are no secret. */
export const SECRET_BYTES_MIN = 32

const DIGEST = 'sha256'
const TRANSCRIPT_BYTES = 160

/** What both ends have said before they prove that they have the secret. */
export interface Exchange {
  readonly version: number
  readonly purpose: Purpose
  /** Names of the nodes. */
  readonly dialler: string
  readonly acceptor: string
  readonly diallerNonce: Uint8Array
  readonly acceptorNonce: Uint8Array
}

/**
 * Proves that one end has the secret, in this exchange alone: a proof overheard elsewhere or of the
 * other side is none.
 */
export function proofOf(secret: Uint8Array, side: Side, exchange: Exchange): Uint8Array {
  return createHmac(DIGEST, secret)
    .update(transcriptOf(`${side} proof`, exchange))
    .digest()
}

/** Compares in a time that tells nothing. */
export function isProof(given: Uint8Array, expected: Uint8Array): boolean {
  return given.length === expected.length && timingSafeEqual(given, expected)
}

/** The seals of one side: a key for each direction (RFC 5869, HKDF), of this exchange alone. */
export function sealsOf(secret: Uint8Array, side: Side, exchange: Exchange): Seals {
  const key = (from: Side) => {
    const salt = Buffer.concat([exchange.diallerNonce, exchange.acceptorNonce])
    const info = transcriptOf(`${from} key`, exchange)
    return new Uint8Array(hkdfSync(DIGEST, secret, salt, info, KEY_BYTES))
  }
  const other = side === 'dialler' ? 'acceptor' : 'dialler'
  return { sealer: new KeyedSealer(key(side)), opener: new KeyedOpener(key(other)) }
}

/** Every value with its length: no two exchanges have the same bytes. */
function transcriptOf(use: string, exchange: Exchange): Uint8Array {
  const writer = new ByteWriter(TRANSCRIPT_BYTES)
  writer.text('sluice peers')
  writer.text(use)
  writer.count(exchange.version)
  writer.text(exchange.purpose)
  writer.text(exchange.dialler)
  writer.text(exchange.acceptor)
  writer.bytes(exchange.diallerNonce)
  writer.bytes(exchange.acceptorNonce)
  return writer.finish()
}
