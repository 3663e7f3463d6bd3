import { TICKET_KEY_NAME_BYTES } from '../../model/bind-tls.ts'
import type { ByteView } from '../conn.ts'

/**
 * Bytes of a ClientHello with the records around it, at most. OpenSSL takes messages of 16 KiB where
 * a hello is due (`SSL3_RT_MAX_PLAIN_LENGTH`); those of browsers have 500 to 2,000.
 */
export const HELLO_BYTES_MAX = 16_640

/** Records that a ClientHello may be spread over: one is usual. Each is read again with every piece. */
const HELLO_RECORDS_MAX = 16

/** What a client that begins TLS asks for. */
export interface ClientHello {
  /** Its `legacy_version`: the major number in the high 16 bits, so that TLS 1.2 is 0x30003. */
  readonly version: number
  /** The name of a host, in lower case (SNI, RFC 6066 section 3); null: none. */
  readonly serverName: string | null
  /** Protocols, the preferred one first (ALPN, RFC 7301); empty: none. */
  readonly alpn: readonly string[]
  /**
   * The names of the keys that sealed the session tickets which it shows, in latin1: where a ticket
   * begins is said in RFC 5077 section 4, which OpenSSL keeps to in TLS 1.3 too. Empty: it shows none.
   */
  readonly ticketKeyNames: readonly string[]
}

/** What the first bytes of a connection are. */
export type HelloReading =
  | { readonly outcome: 'incomplete' }
  /** No TLS, or nothing that a client of TLS begins with. */
  | { readonly outcome: 'malformed' }
  | { readonly outcome: 'complete'; readonly hello: ClientHello }

const INCOMPLETE: HelloReading = { outcome: 'incomplete' }
const MALFORMED: HelloReading = { outcome: 'malformed' }

/** ContentType and HandshakeType of RFC 8446 sections 5.1 and 4. */
const HANDSHAKE = 22
const CLIENT_HELLO = 1
const RECORD_HEADER_BYTES = 5
const MESSAGE_HEADER_BYTES = 4
const RECORD_BYTES_MAX = 16_384
/** ExtensionType, RFC 8446 section 4.2. */
const SERVER_NAME = 0
const ALPN = 16
const SESSION_TICKET = 35
const PRE_SHARED_KEY = 41
/** NameType of RFC 6066 section 3. */
const HOST_NAME = 0

/**
 * Reads the ClientHello that a connection begins with (RFC 8446 section 4.1.2, RFC 5246 section
 * 7.4.1.2), as far as it says what it is for. Nothing is verified: who speaks TLS does that.
 *
 * @param view `view[0, length)` is all that has come, at most {@link HELLO_BYTES_MAX}
 */
export function readClientHello(view: ByteView, length: number): HelloReading {
  let message: Buffer = view.subarray(0, 0)
  let at = 0
  for (let records = 0; records < HELLO_RECORDS_MAX; records++) {
    if (!isHandshakeRecord(view, at, length)) return MALFORMED
    if (length < at + RECORD_HEADER_BYTES) return atEnd(length)
    const recordBytes = view.readUInt16BE(at + 3)
    if (recordBytes === 0 || recordBytes > RECORD_BYTES_MAX) return MALFORMED
    const start = at + RECORD_HEADER_BYTES
    at = start + recordBytes
    const part = view.subarray(start, Math.min(at, length))
    message = message.length === 0 ? part : Buffer.concat([message, part])
    if (message.length > 0 && message[0] !== CLIENT_HELLO) return MALFORMED
    if (message.length >= MESSAGE_HEADER_BYTES) {
      const end = MESSAGE_HEADER_BYTES + message.readUIntBE(1, 3)
      if (end > HELLO_BYTES_MAX) return MALFORMED
      if (message.length >= end) return readBody(message.subarray(MESSAGE_HEADER_BYTES, end))
    }
    if (at > length) return atEnd(length)
  }
  return MALFORMED
}

/** Whether a record that begins there may be one of a handshake, as far as it has come. */
function isHandshakeRecord(view: ByteView, at: number, length: number): boolean {
  if (length > at && view[at] !== HANDSHAKE) return false
  return length <= at + 1 || view[at + 1] === 3
}

/** More is needed; where there may be no more, it is none. */
function atEnd(length: number): HelloReading {
  return length >= HELLO_BYTES_MAX ? MALFORMED : INCOMPLETE
}

/** Reads parts that have their length in front; null where one reaches beyond the end. */
class Parts {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length
  }

  number(bytes: 1 | 2): number | null {
    if (this.#at + bytes > this.#bytes.length) return null
    this.#at += bytes
    return this.#bytes.readUIntBE(this.#at - bytes, bytes)
  }

  take(length: number): Buffer | null {
    if (this.#at + length > this.#bytes.length) return null
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }

  /** A part whose length is a number of so many bytes. */
  part(lengthBytes: 1 | 2): Buffer | null {
    const length = this.number(lengthBytes)
    return length === null ? null : this.take(length)
  }
}

function readBody(body: Buffer): HelloReading {
  const parts = new Parts(body)
  const major = parts.number(1)
  const minor = parts.number(1)
  const random = parts.take(32)
  const session = parts.part(1)
  const ciphers = parts.part(2)
  const compressions = parts.part(1)
  if (major === null || minor === null || random === null || session === null) return MALFORMED
  if (ciphers === null || compressions === null) return MALFORMED
  const version = major * 0x10000 + minor
  const hello: HelloInMaking = { version, serverName: null, alpn: [], ticketKeyNames: [] }
  if (parts.isAtEnd) return { outcome: 'complete', hello }
  const extensions = parts.part(2)
  if (extensions === null || !parts.isAtEnd) return MALFORMED
  const each = new Parts(extensions)
  while (!each.isAtEnd) {
    const type = each.number(2)
    const data = each.part(2)
    if (type === null || data === null || !readExtension(type, data, hello)) return MALFORMED
  }
  return { outcome: 'complete', hello }
}

type HelloInMaking = { -readonly [K in keyof ClientHello]: ClientHello[K] }

/** @returns false: it is malformed */
function readExtension(type: number, data: Buffer, hello: HelloInMaking): boolean {
  switch (type) {
    case SERVER_NAME: {
      const name = readServerName(data)
      if (name === undefined) return false
      hello.serverName = name
      return true
    }
    case ALPN: {
      const protocols = readProtocols(data)
      if (protocols === null) return false
      hello.alpn = protocols
      return true
    }
    case SESSION_TICKET:
      if (data.length > 0) hello.ticketKeyNames = [ticketKeyName(data)]
      return true
    case PRE_SHARED_KEY: {
      const names = readTicketKeyNames(data)
      if (names === null) return false
      hello.ticketKeyNames = names
      return true
    }
    default:
      return true
  }
}

/** @returns null where no name of a host is among them, undefined where it is malformed */
function readServerName(data: Buffer): string | null | undefined {
  const list = new Parts(data).part(2)
  if (list === null) return undefined
  const names = new Parts(list)
  while (!names.isAtEnd) {
    const type = names.number(1)
    const name = names.part(2)
    if (type === null || name === null) return undefined
    if (type === HOST_NAME) return name.toString('latin1').toLowerCase()
  }
  return null
}

function readProtocols(data: Buffer): string[] | null {
  const list = new Parts(data).part(2)
  if (list === null) return null
  const each = new Parts(list)
  const protocols: string[] = []
  while (!each.isAtEnd) {
    const protocol = each.part(1)
    if (protocol === null || protocol.length === 0) return null
    protocols.push(protocol.toString('latin1'))
  }
  return protocols
}

/** Of the identities of pre-shared keys, RFC 8446 section 4.2.11; who began a session gave them. */
function readTicketKeyNames(data: Buffer): string[] | null {
  const list = new Parts(data).part(2)
  if (list === null) return null
  const identities = new Parts(list)
  const names: string[] = []
  while (!identities.isAtEnd) {
    const identity = identities.part(2)
    const age = identities.take(4)
    if (identity === null || age === null) return null
    names.push(ticketKeyName(identity))
  }
  return names
}

function ticketKeyName(ticket: Buffer): string {
  return ticket.toString('latin1', 0, TICKET_KEY_NAME_BYTES)
}
