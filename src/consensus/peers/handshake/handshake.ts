import { SluiceError } from '../../../base/errors.ts'
import { ByteReader, invalidEncoding } from '../../encoding/byte-reader.ts'
import { ByteWriter } from '../../encoding/byte-writer.ts'
import { NAME_BYTES_MAX } from '../../log/entry-encoding.ts'
import { type Objection, REFUSAL_REASONS } from '../refusals.ts'

/** Of this handshake; both ends must have the same. Newer ways are agreed on before it begins. */
const PROTOCOL_VERSION = 1
/** Bytes of a message against the other end. */
const OBJECTION_BYTES_MAX = 1000
const MESSAGE_BYTES = 128
/**
 * What the first versions of Sluice proved their secret with, where they had one. TLS does that now;
 * the places are kept, so that such nodes understand each other where they need no secret.
 */
const NONCE = new Uint8Array(32)
const NO_PROOF = new Uint8Array()

/** First byte of each message. A challenge begins with kind and version in every version. */
const KIND = { challenge: 1, answer: 2, proof: 3, objection: 4 } as const

/** Neither spaces nor a slash, which ends the name in a node's id, nor what a log could not show. */
const NODE_NAME = /^[^\s/.\p{C}][^\s/\p{C}]*$/u

/** Whether a node can be called so: what is none is said to nobody, and gets into no log. */
export function isNodeName(name: string): boolean {
  return NODE_NAME.test(name)
}

/** What a connection is for. */
export type Purpose = 'link' | 'stream'

/** Which end of a connection. */
export type Side = 'dialler' | 'acceptor'

/** What came of a message of the other end. */
export type HandshakeStep =
  | { readonly kind: 'send'; readonly message: Uint8Array }
  | {
      readonly kind: 'done'
      /** To be sent first; null where there is nothing left to say. */
      readonly message: Uint8Array | null
      readonly peer: string
    }
  | {
      readonly kind: 'failed'
      readonly objection: Objection
      /** True: the other end is to be told. False: it is the one that objects. */
      readonly isOurs: boolean
    }

/**
 * One end of the handshake, without I/O: the two say who they are and whom they look for. That they
 * are it is for TLS to prove. Dialler: challenge (version, names); acceptor: answer; dialler: proof,
 * which is empty; then the hellos follow.
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
  readonly #name: string

  /**
   * @param name of this node
   * @param peer name of the node that is looked for
   */
  constructor(name: string, peer: string) {
    this.#name = name
    this.peer = peer
  }

  begin(): Uint8Array {
    const writer = new ByteWriter(MESSAGE_BYTES)
    writer.byte(KIND.challenge)
    writer.byte(PROTOCOL_VERSION)
    writer.flag(false)
    writer.text(this.#name)
    writer.text(this.peer)
    writer.raw(NONCE)
    return writer.finish()
  }

  step(message: Uint8Array): HandshakeStep {
    return stepOf(message, KIND.answer, (reader) => {
      reader.raw(NONCE.length)
      reader.bytes()
      reader.end()
      const writer = new ByteWriter(2)
      writer.byte(KIND.proof)
      writer.bytes(NO_PROOF)
      return { kind: 'done', message: writer.finish(), peer: this.peer }
    })
  }
}

/** The end that is called. */
export class AcceptingHandshake implements Handshake {
  peer: string | null = null
  readonly #name: string
  #isAnswered = false

  /** @param name of this node */
  constructor(name: string) {
    this.#name = name
  }

  begin(): null {
    return null
  }

  step(message: Uint8Array): HandshakeStep {
    return this.#isAnswered
      ? this.#proved(message)
      : stepOf(message, KIND.challenge, (reader) => this.#challenged(reader))
  }

  #challenged(reader: ByteReader): HandshakeStep {
    const version = reader.byte()
    if (version !== PROTOCOL_VERSION) {
      const versions = `${version}, this node ${PROTOCOL_VERSION}`
      return failed('version', `the peer speaks version ${versions}`)
    }
    const wantsProof = reader.flag()
    const dialler = reader.text(NAME_BYTES_MAX)
    const acceptor = reader.text(NAME_BYTES_MAX)
    reader.raw(NONCE.length)
    reader.end()
    const name = this.#name
    if (!isNodeName(dialler)) return failed('garbage', 'the peer has no proper name')
    this.peer = dialler
    // Its own name a node tells only to those that know it.
    if (acceptor !== name) return failed('stranger', 'the node here has another name')
    if (dialler === name) return failed('stranger', `another node calls itself ${name} as well`)
    if (wantsProof) {
      return failed('version', `${dialler} is of a version that proves its secret without TLS`)
    }
    this.#isAnswered = true
    const writer = new ByteWriter(MESSAGE_BYTES)
    writer.byte(KIND.answer)
    writer.raw(NONCE)
    writer.bytes(NO_PROOF)
    return { kind: 'send', message: writer.finish() }
  }

  #proved(message: Uint8Array): HandshakeStep {
    return stepOf(message, KIND.proof, (reader) => {
      reader.bytes()
      reader.end()
      return { kind: 'done', message: null, peer: this.peer ?? '' }
    })
  }
}

/** What tells the other end why a handshake ends. */
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
