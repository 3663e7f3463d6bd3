import { createCipheriv, createDecipheriv } from 'node:crypto'

const CIPHER = 'aes-256-gcm'
const NONCE_BYTES = 12
/** The nonce's last eight bytes are a counter: a key never meets the same twice. */
const COUNTER_OFFSET = 4
const TAG_BYTES = 16

/** Bytes of a key. */
export const KEY_BYTES = 32
/** By how much a sealed message is longer, at most. */
export const SEAL_BYTES_MAX = TAG_BYTES

/** Makes messages of one direction such that the other end notices every change. */
export interface Sealer {
  seal(plain: Uint8Array): Uint8Array
}

/** Opens what a {@link Sealer} sealed. */
export interface Opener {
  /** @returns null where it is not the next message that was sealed, or not as it was */
  open(sealed: Uint8Array): Uint8Array | null
}

/** Both directions of one connection. */
export interface Seals {
  readonly sealer: Sealer
  readonly opener: Opener
}

/** Neither hides nor guards: TLS does, or nothing has to. */
export const NO_SEALS: Seals = {
  sealer: { seal: (plain) => plain },
  opener: { open: (sealed) => sealed },
}

/**
 * Authenticated encryption with AES-256-GCM (NIST SP 800-38D, section 8.2.1: the nonce counts the
 * messages). Costs as much as a MAC alone, and hides the tokens of forwarded admin requests too.
 */
export class KeyedSealer implements Sealer {
  readonly #key: Uint8Array
  readonly #nonce = new Nonce()

  constructor(key: Uint8Array) {
    this.#key = key
  }

  seal(plain: Uint8Array): Uint8Array {
    const cipher = createCipheriv(CIPHER, this.#key, this.#nonce.next())
    const body = cipher.update(plain)
    cipher.final()
    return Buffer.concat([body, cipher.getAuthTag()])
  }
}

/** The other end of a {@link KeyedSealer} with the same key. */
export class KeyedOpener implements Opener {
  readonly #key: Uint8Array
  readonly #nonce = new Nonce()

  constructor(key: Uint8Array) {
    this.#key = key
  }

  open(sealed: Uint8Array): Uint8Array | null {
    const bodyBytes = sealed.length - TAG_BYTES
    if (bodyBytes < 0) return null
    const decipher = createDecipheriv(CIPHER, this.#key, this.#nonce.next(), {
      authTagLength: TAG_BYTES,
    })
    decipher.setAuthTag(sealed.subarray(bodyBytes))
    const body = decipher.update(sealed.subarray(0, bodyBytes))
    try {
      decipher.final()
      return body
    } catch {
      return null
    }
  }
}

/** Invariant: no two calls of {@link next} give equal bytes. */
class Nonce {
  readonly #bytes = Buffer.alloc(NONCE_BYTES)
  #count = 0n

  /** @returns valid until the next call */
  next(): Uint8Array {
    this.#bytes.writeBigUInt64BE(this.#count++, COUNTER_OFFSET)
    return this.#bytes
  }
}
