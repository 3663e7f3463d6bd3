import { PROBE_BYTES_MAX } from '../../model/probe-protocol.ts'
import { type Dialogue, found, printable, type Turn, WAIT } from './dialogue.ts'

/** Bytes before the contents of a message: its type and the length that counts itself. */
const HEADER_BYTES = 5
/** A message of the length field alone has nothing in it. */
const LENGTH_BYTES = 4
/** Version 3.0 of the protocol. */
const PROTOCOL_VERSION = 196_608

/**
 * `option pgsql-check`: asks to log in as a user, and takes any request for authentication, or
 * being let in, for success. No password is sent (PostgreSQL documentation, frontend/backend
 * protocol, message formats: StartupMessage, Authentication*, ErrorResponse).
 */
export class PostgresqlDialogue implements Dialogue {
  readonly #user: string
  #received = ''

  constructor({ user }: { readonly user: string }) {
    this.#user = user
  }

  begin(): Turn {
    const parameters = `user\0${this.#user}\0\0`
    const length = 2 * LENGTH_BYTES + parameters.length
    return { send: number(length) + number(PROTOCOL_VERSION) + parameters, finding: null }
  }

  receive(text: string, ended: boolean): Turn {
    this.#received += text.slice(0, PROBE_BYTES_MAX - this.#received.length)
    const view = Buffer.from(this.#received, 'latin1')
    const type = this.#received.charAt(0)
    if (type !== '' && type !== 'R' && type !== 'E') return found('L7RSP', 'Not PostgreSQL')
    const length = view.length < HEADER_BYTES ? 0 : view.readUInt32BE(1)
    const isWhole = length > 0 && view.length > length
    if (isWhole && length <= LENGTH_BYTES) return found('L7RSP', 'Message without contents')
    if (isWhole && type === 'R') return found('L7OK', 'PostgreSQL server is ok')
    if (isWhole) return found('L7STS', errorMessage(this.#received.slice(HEADER_BYTES, length + 1)))
    if (length > PROBE_BYTES_MAX) return found('L7RSP', 'Message too long')
    if (ended) return found('L7RSP', type === '' ? 'Empty response' : 'Incomplete message')
    return WAIT
  }

  pending(): string {
    return ''
  }
}

function number(value: number): string {
  const view = Buffer.alloc(LENGTH_BYTES)
  view.writeUInt32BE(value)
  return view.toString('latin1')
}

/** Of the fields of an ErrorResponse, each a letter and a text, the one for people to read. */
function errorMessage(fields: string): string {
  const message = fields.split('\0').find((field) => field.startsWith('M'))
  return printable(message?.slice(1) ?? '')
}
