import { SluiceError } from '../../../base/errors.ts'
import { ByteReader, invalidEncoding } from '../../encoding/byte-reader.ts'
import { ByteWriter } from '../../encoding/byte-writer.ts'
import { NAME_BYTES_MAX } from '../../log/entry-encoding.ts'
import { NO_SEALS, type Seals } from '../records/sealing.ts'
import { type Objection, REFUSAL_REASONS } from '../refusals.ts'
import {
  type Exchange,
  isProof,
  NONCE_BYTES,
  PROOF_BYTES,
  type Purpose,
  proofOf,
  sealsOf,
} from './proofs.ts'

/** Of what peers say to each other beside the consensus; both ends must have the same. */
const PROTOCOL_VERSION = 1
/** Bytes of a message against the other end. */
const OBJECTION_BYTES_MAX = 1000
const MESSAGE_BYTES = 128

/** First byte of each message. A challenge begins with kind and version in every version. */
const KIND = { challenge: 1, answer: 2, proof: 3, objection: 4 } as const

/** Neither spaces nor a slash, which ends the name in a node's id, nor what a log could not show. */
const NODE_NAME = /^[^\s/.\p{C}][^\s/\p{C}]*$/u

/** What a node needs to be known, and to know others. */
export interface Credentials {
  /** Of this node. */
  readonly name: string
  /** Null: it is not asked for, for TLS or the place of the node says who the peer is. */
  readonly secret: Uint8Array | null
}

/** What came of a message of the other end. */
export type HandshakeStep =
  | { readonly kind: 'send'; readonly message: Uint8Array }
  | {
      readonly kind: 'done'
      /** To be sent first, unsealed; null where there is nothing left to say. */
      readonly message: Uint8Array | null
      readonly peer: string
      readonly seals: Seals
    }
  | {
      readonly kind: 'failed'
      readonly objection: Objection
      /** True: the other end is to be told. False: it is the one that objects. */
      readonly isOurs: boolean
    }

/**
 * One end of the handshake, without I/O. Dialler: challenge (version, names, nonce); acceptor:
 * answer (nonce, proof); dialler: proof; from there on both seal. Neither sends the secret, and each
 * proves to the other that it has it, over both nonces and both names.
 */
export interface Handshake {
  /** Name of the peer, where it is known or claimed. */
  readonly peer: string | null
  /** @returns what to send before anything has come, or null */
  begin(): Uint8Array | null
  step(message: Uint8Array): HandshakeStep
}

/** The end that opens the connection. */
export class DiallingHandshake implements Handshake {
  readonly peer: string
  readonly #credentials: Credentials
  readonly #purpose: Purpose
  readonly #nonce: Uint8Array

  /**
   * @param peer name of the node that is looked for
   * @param nonce NONCE_BYTES of strong randomness
   */
  constructor(credentials: Credentials, purpose: Purpose, peer: string, nonce: Uint8Array) {
    this.#credentials = credentials
    this.#purpose = purpose
    this.peer = peer
    this.#nonce = nonce
  }

  begin(): Uint8Array {
    const writer = new ByteWriter(MESSAGE_BYTES)
    writer.byte(KIND.challenge)
    writer.byte(PROTOCOL_VERSION)
    writer.flag(this.#credentials.secret !== null)
    writer.text(this.#credentials.name)
    writer.text(this.peer)
    writer.raw(this.#nonce)
    return writer.finish()
  }

  step(message: Uint8Array): HandshakeStep {
    return stepOf(message, KIND.answer, (reader) => {
      const acceptorNonce = reader.raw(NONCE_BYTES)
      const proof = reader.bytes()
      reader.end()
      const { secret, name } = this.#credentials
      if (secret === null) return this.#done(Uint8Array.of(KIND.proof, 0), NO_SEALS)
      const exchange: Exchange = {
        version: PROTOCOL_VERSION,
        purpose: this.#purpose,
        dialler: name,
        acceptor: this.peer,
        diallerNonce: this.#nonce,
        acceptorNonce,
      }
      if (!isProof(proof, proofOf(secret, 'acceptor', exchange))) {
        return failed('credentials', `${this.peer} has another secret than ${name}`)
      }
      const writer = new ByteWriter(2 + PROOF_BYTES)
      writer.byte(KIND.proof)
      writer.bytes(proofOf(secret, 'dialler', exchange))
      return this.#done(writer.finish(), sealsOf(secret, 'dialler', exchange))
    })
  }

  #done(message: Uint8Array, seals: Seals): HandshakeStep {
    return { kind: 'done', message, peer: this.peer, seals }
  }
}

/** The end that is called. */
export class AcceptingHandshake implements Handshake {
  peer: string | null = null
  readonly #credentials: Credentials
  readonly #purpose: Purpose
  readonly #nonce: Uint8Array
  #exchange: Exchange | null = null

  /** @param nonce NONCE_BYTES of strong randomness */
  constructor(credentials: Credentials, purpose: Purpose, nonce: Uint8Array) {
    this.#credentials = credentials
    this.#purpose = purpose
    this.#nonce = nonce
  }

  begin(): null {
    return null
  }

  step(message: Uint8Array): HandshakeStep {
    return this.#exchange === null
      ? stepOf(message, KIND.challenge, (reader) => this.#challenged(reader))
      : this.#proved(message, this.#exchange)
  }

  #challenged(reader: ByteReader): HandshakeStep {
    const version = reader.byte()
    if (version !== PROTOCOL_VERSION) {
      const versions = `${version}, this node ${PROTOCOL_VERSION}`
      return failed('version', `the peer speaks version ${versions}`)
    }
    const hasSecret = reader.flag()
    const dialler = reader.text(NAME_BYTES_MAX)
    const acceptor = reader.text(NAME_BYTES_MAX)
    const diallerNonce = reader.raw(NONCE_BYTES)
    reader.end()
    const { secret, name } = this.#credentials
    if (!NODE_NAME.test(dialler)) return failed('garbage', 'the peer has no proper name')
    this.peer = dialler
    // Its own name a node tells only to those that know it.
    if (acceptor !== name) return failed('stranger', 'the node here has another name')
    if (dialler === name) return failed('stranger', `another node calls itself ${name} as well`)
    if (hasSecret !== (secret !== null)) {
      return failed('credentials', `${hasSecret ? name : dialler} has been given no secret`)
    }
    const exchange: Exchange = {
      version,
      purpose: this.#purpose,
      dialler,
      acceptor,
      diallerNonce: diallerNonce.slice(),
      acceptorNonce: this.#nonce,
    }
    this.#exchange = exchange
    const writer = new ByteWriter(MESSAGE_BYTES)
    writer.byte(KIND.answer)
    writer.raw(this.#nonce)
    writer.bytes(secret === null ? new Uint8Array() : proofOf(secret, 'acceptor', exchange))
    return { kind: 'send', message: writer.finish() }
  }

  #proved(message: Uint8Array, exchange: Exchange): HandshakeStep {
    return stepOf(message, KIND.proof, (reader) => {
      const proof = reader.bytes()
      reader.end()
      const { secret, name } = this.#credentials
      const peer = exchange.dialler
      if (secret === null) return { kind: 'done', message: null, peer, seals: NO_SEALS }
      if (!isProof(proof, proofOf(secret, 'dialler', exchange))) {
        return failed('credentials', `${peer} has another secret than ${name}`)
      }
      const seals = sealsOf(secret, 'acceptor', exchange)
      return { kind: 'done', message: null, peer, seals }
    })
  }
}

/** What tells the other end why a handshake ends, before seals are there. */
export function encodeObjection(objection: Objection): Uint8Array {
  const writer = new ByteWriter(MESSAGE_BYTES)
  writer.byte(KIND.objection)
  writeObjection(writer, objection)
  return writer.finish()
}

/** Writes an objection among other things. */
export function writeObjection(writer: ByteWriter, { reason, message }: Objection): void {
  writer.byte(REFUSAL_REASONS.indexOf(reason))
  // A UTF-16 unit takes three bytes of UTF-8 at most.
  writer.text(message.slice(0, OBJECTION_BYTES_MAX / 4))
}

/** Reads what {@link writeObjection} wrote. @throws SluiceError `encoding-invalid` */
export function readObjection(reader: ByteReader): Objection {
  const reason = REFUSAL_REASONS[reader.byte()]
  if (reason === undefined) throw invalidEncoding('a refusal without a known reason')
  return { reason, message: reader.text(OBJECTION_BYTES_MAX).replace(/\p{C}/gu, '?') }
}

/** Reads a message of one kind, or the objection that may come in place of any. */
function stepOf(
  message: Uint8Array,
  kind: number,
  read: (reader: ByteReader) => HandshakeStep,
): HandshakeStep {
  const reader = new ByteReader(message)
  try {
    const given = reader.byte()
    if (given === kind) return read(reader)
    if (given !== KIND.objection) return failed('garbage', 'the handshake makes no sense')
    const objection = readObjection(reader)
    reader.end()
    return { kind: 'failed', objection, isOurs: false }
  } catch (error) {
    if (!(error instanceof SluiceError) || error.code !== 'encoding-invalid') throw error
    return failed('garbage', 'the handshake makes no sense')
  }
}

function failed(reason: Objection['reason'], message: string): HandshakeStep {
  return { kind: 'failed', objection: { reason, message }, isOurs: true }
}
