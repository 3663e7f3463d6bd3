import { AGENT_REPLY_BYTES_MAX } from './agent-reply.ts'
import { type Dialogue, found, type Turn, WAIT } from './dialogue.ts'

/** A question to an agent: its first line is the `info` of a finding of `L7OK`. */
export class AgentDialogue implements Dialogue {
  readonly #send: string
  #received = ''

  /** @param send HAProxy's `agent-send`, in latin1 */
  constructor(send: string) {
    this.#send = send
  }

  begin(): Turn {
    return { send: this.#send, finding: null }
  }

  receive(text: string, ended: boolean): Turn {
    this.#received += text.slice(0, AGENT_REPLY_BYTES_MAX - this.#received.length)
    const [line = ''] = this.#received.split(/[\r\n]/, 1)
    const isLine = line.length < this.#received.length
    if (isLine || ended) return line === '' ? found('L7RSP', 'Empty response') : found('L7OK', line)
    return this.#received.length < AGENT_REPLY_BYTES_MAX ? WAIT : found('L7RSP', 'Line too long')
  }

  pending(): string {
    return ''
  }
}
