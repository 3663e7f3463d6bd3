import { PROBE_BYTES_MAX } from '../../model/probe-protocol.ts'
import { type Dialogue, found, printable, type Turn, WAIT } from './dialogue.ts'

/** Bytes before the contents of a packet: their length in three, little-endian, and a number. */
const HEADER_BYTES = 4
/** First byte of a packet, or what it is about. */
const OK = 0x00
const AUTH_SWITCH = 0xfe
const ERROR = 0xff
/** Protocol versions that a greeting begins with. */
const PROTOCOLS: readonly number[] = [9, 10]

/** CLIENT_LONG_PASSWORD, PROTOCOL_41, SECURE_CONNECTION and PLUGIN_AUTH. */
const CAPABILITIES = 0x1 | 0x200 | 0x8000 | 0x80000
const PACKET_BYTES_MAX = 0xffffff
/** utf8_general_ci, which every version has. */
const CHARACTER_SET = 33
const RESERVED_BYTES = 23
const PLUGIN = 'mysql_native_password'
/** COM_QUIT as the first packet of its exchange. */
const QUIT = '\x01\0\0\0\x01'
/** A log-in takes the greeting, a change of the method, and the verdict. */
const PACKETS_MAX = 3

/**
 * `option mysql-check`: reads the greeting of MySQL or MariaDB, and with a user logs in, which must
 * need no password (MySQL documentation, client/server protocol, connection phase).
 */
export class MysqlDialogue implements Dialogue {
  readonly #user: string
  #received = ''
  #packets = 0
  #version = ''

  /** @param check `user` '': the greeting is enough */
  constructor({ user }: { readonly user: string }) {
    this.#user = user
  }

  begin(): Turn {
    return WAIT
  }

  receive(text: string, ended: boolean): Turn {
    this.#received += text.slice(0, PROBE_BYTES_MAX - this.#received.length)
    const view = Buffer.from(this.#received, 'latin1')
    const length = view.length < HEADER_BYTES ? 0 : view.readUIntLE(0, 3)
    if (length + HEADER_BYTES > PROBE_BYTES_MAX) return found('L7RSP', 'Packet too long')
    if (view.length < HEADER_BYTES || view.length < HEADER_BYTES + length) {
      if (!ended) return WAIT
      return found('L7RSP', view.length === 0 ? 'Empty response' : 'Incomplete packet')
    }
    const contents = view.subarray(HEADER_BYTES, HEADER_BYTES + length)
    this.#received = this.#received.slice(HEADER_BYTES + length)
    this.#packets++
    if (contents[0] === ERROR) return describeError(contents)
    return this.#packets === 1 ? this.#greet(contents) : this.#logIn(contents, view[3] as number)
  }

  pending(): string {
    return ''
  }

  #greet(contents: Buffer): Turn {
    if (!PROTOCOLS.includes(contents[0] ?? -1)) return found('L7RSP', 'Not a MySQL greeting')
    this.#version = printable(contents.toString('latin1', 1))
    if (this.#user === '') return found('L7OK', this.#version)
    return { send: packet(1, logIn(this.#user)), finding: null }
  }

  #logIn(contents: Buffer, sequence: number): Turn {
    if (contents[0] === OK) return { ...found('L7OK', this.#version), send: QUIT }
    if (contents[0] !== AUTH_SWITCH || this.#packets >= PACKETS_MAX) {
      return found('L7RSP', 'Not an answer to a log-in')
    }
    // With every method an empty password is an empty answer.
    return { send: packet(sequence + 1, ''), finding: null }
  }
}

function packet(sequence: number, contents: string): string {
  const header = Buffer.alloc(HEADER_BYTES)
  header.writeUIntLE(contents.length, 0, 3)
  header[3] = sequence
  return header.toString('latin1') + contents
}

function logIn(user: string): string {
  const fixed = Buffer.alloc(9 + RESERVED_BYTES)
  fixed.writeUInt32LE(CAPABILITIES, 0)
  fixed.writeUInt32LE(PACKET_BYTES_MAX, 4)
  fixed[8] = CHARACTER_SET
  // The zero byte after the user's name is the length of the password.
  return `${fixed.toString('latin1')}${user}\0\0${PLUGIN}\0`
}

/** ERR_Packet: a code in two bytes, mostly a state after `#` in five, then the message. */
function describeError(contents: Buffer): Turn {
  const code = contents.length < 3 ? 0 : contents.readUInt16LE(1)
  const rest = contents.toString('latin1', 3)
  return found('L7STS', printable(rest.replace(/^#.{5}/s, '')), code)
}
