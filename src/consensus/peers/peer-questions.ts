import { SluiceError } from '../../base/errors.ts'
import type { Scheduler } from '../driver/scheduler.ts'
import { ByteReader, invalidEncoding } from '../encoding/byte-reader.ts'
import { ByteWriter } from '../encoding/byte-writer.ts'
import type { NodeId } from '../log/entries.ts'
import { type Channel, unreachable } from './transport.ts'

/** First byte of each frame. */
const FORMAT_VERSION = 1
/** What a frame takes beside its body. */
const FRAME_BYTES = 64
const KIND_BYTES_MAX = 64
const CODE_BYTES_MAX = 64
const MESSAGE_BYTES_MAX = 64 * 1024

/** Requests of this node that wait for an answer; more are not sent. */
const ASKED_MAX = 4096
/** Requests of peers that are being answered; more are refused. */
const ANSWERING_MAX = 1024

/** Who answers: the engine itself, or what is built on it. */
export type Scope = 'engine' | 'application'

/** What came of a request. */
export type Answer =
  | { readonly kind: 'answered'; readonly body: Uint8Array }
  | { readonly kind: 'refused'; readonly code: string; readonly message: string }
  /** It did not leave this node. */
  | { readonly kind: 'unsent' }
  /** It may have been heard; no answer came in time, or the link has broken meanwhile. */
  | { readonly kind: 'silent' }

/** An answer that a peer has given. */
type Reply = Extract<Answer, { kind: 'answered' | 'refused' }>

const CROWDED = {
  kind: 'refused',
  code: 'overloaded',
  message: 'too many requests at once',
} as const satisfies Reply

/** What questions go through. */
export interface PeerQuestionsHost {
  readonly scheduler: Scheduler
  send(to: NodeId, channel: Channel, data: Uint8Array): boolean
  /** Waits a while for a link to a node. @returns whether there is one */
  untilReachable(to: NodeId): Promise<boolean>
  /** @returns the answer; a throw is told as a refusal, with its code where it has one */
  answer(from: NodeId, scope: Scope, kind: string, body: Uint8Array): Promise<Uint8Array>
}

interface Asked {
  readonly to: NodeId
  readonly settle: (answer: Answer) => void
}

/** Questions to peers and their answers. Frames may be lost: each question has its time. */
export class PeerQuestions {
  readonly #host: PeerQuestionsHost
  /** Sets this life of the node apart from others, whose answers may still come. */
  readonly #life: number
  readonly #asked = new Map<number, Asked>()
  #nextNumber = 1
  #answering = 0
  #isStopped = false

  /** @param life at random, below 2^53 */
  constructor(host: PeerQuestionsHost, life: number) {
    this.#host = host
    this.#life = life
  }

  /** Asks; resolves at the latest when the time is over, or the link to the node breaks. */
  ask(
    to: NodeId,
    scope: Scope,
    kind: string,
    body: Uint8Array,
    timeoutMs: number,
  ): Promise<Answer> {
    const { scheduler } = this.#host
    if (this.#isStopped || this.#asked.size >= ASKED_MAX) return Promise.resolve({ kind: 'unsent' })
    const number = this.#nextNumber++
    const writer = new ByteWriter(FRAME_BYTES + body.length)
    writer.byte(FORMAT_VERSION)
    writer.count(this.#life)
    writer.count(number)
    writer.flag(scope === 'application')
    writer.text(kind)
    writer.bytes(body)
    if (!this.#host.send(to, 'request', writer.finish())) {
      return Promise.resolve({ kind: 'unsent' })
    }
    return new Promise((resolve) => {
      const cancel = scheduler.callAt(scheduler.nowMs() + timeoutMs, () => {
        this.#settle(number, { kind: 'silent' })
      })
      const settle = (answer: Answer) => {
        cancel()
        resolve(answer)
      }
      this.#asked.set(number, { to, settle })
    })
  }

  /** A frame has come. @throws SluiceError `encoding-invalid` */
  receive(from: NodeId, channel: 'request' | 'reply', data: Uint8Array): void {
    const reader = new ByteReader(data)
    const version = reader.byte()
    if (version !== FORMAT_VERSION) throw invalidEncoding(`requests of format ${version}`)
    const life = reader.count()
    const number = reader.count()
    if (channel === 'reply') {
      const answer = readAnswer(reader)
      if (life === this.#life && this.#asked.get(number)?.to === from) this.#settle(number, answer)
      return
    }
    const scope = reader.flag() ? 'application' : 'engine'
    const kind = reader.text(KIND_BYTES_MAX)
    const body = reader.bytes()
    reader.end()
    if (!this.#isStopped) void this.#answer(from, { life, number }, scope, kind, body)
  }

  /** The link to a node has broken: what it was asked may have been heard, and is waited for no more. */
  lost(to: NodeId): void {
    for (const [number, asked] of this.#asked) {
      if (asked.to === to) this.#settle(number, { kind: 'silent' })
    }
  }

  /** Answers nothing more; who waits for an answer gets none. */
  stop(): void {
    this.#isStopped = true
    for (const number of [...this.#asked.keys()]) this.#settle(number, { kind: 'silent' })
  }

  #settle(number: number, answer: Answer): void {
    const asked = this.#asked.get(number)
    this.#asked.delete(number)
    asked?.settle(answer)
  }

  async #answer(
    from: NodeId,
    { life, number }: { readonly life: number; readonly number: number },
    scope: Scope,
    kind: string,
    body: Uint8Array,
  ): Promise<void> {
    const isCrowded = this.#answering >= ANSWERING_MAX
    this.#answering++
    try {
      const answer = isCrowded ? CROWDED : await this.#answerTo(from, scope, kind, body)
      if (this.#isStopped) return
      const writer = new ByteWriter(FRAME_BYTES)
      writer.byte(FORMAT_VERSION)
      writer.count(life)
      writer.count(number)
      writeAnswer(writer, answer)
      const frame = writer.finish()
      if (this.#host.send(from, 'reply', frame) || isCrowded) return
      // The link on which the peer asks may be open before the one on which it is answered.
      if (await this.#host.untilReachable(from)) this.#host.send(from, 'reply', frame)
    } finally {
      this.#answering--
    }
  }

  async #answerTo(from: NodeId, scope: Scope, kind: string, body: Uint8Array): Promise<Reply> {
    try {
      return { kind: 'answered', body: await this.#host.answer(from, scope, kind, body) }
    } catch (error) {
      const code = error instanceof SluiceError ? error.code : 'peer-refused'
      // A UTF-16 unit takes three bytes of UTF-8 at most.
      const message = (error as Error).message.slice(0, MESSAGE_BYTES_MAX / 3)
      return { kind: 'refused', code, message }
    }
  }
}

function writeAnswer(writer: ByteWriter, answer: Reply): void {
  writer.flag(answer.kind === 'answered')
  if (answer.kind === 'answered') {
    writer.bytes(answer.body)
  } else {
    writer.text(answer.code)
    writer.text(answer.message)
  }
}

function readAnswer(reader: ByteReader): Answer {
  const answer: Answer = reader.flag()
    ? { kind: 'answered', body: reader.bytes() }
    : {
        kind: 'refused',
        code: reader.text(CODE_BYTES_MAX),
        message: reader.text(MESSAGE_BYTES_MAX),
      }
  reader.end()
  return answer
}

/**
 * What a peer has answered.
 *
 * @throws SluiceError `peer-refused`; `overloaded`: it has no room now; `peer-unreachable` where it was not asked, `outcome-unknown`
 *   where it may have been, and has not answered
 */
export function bodyOf(answer: Answer, name: string, timeoutMs: number): Uint8Array {
  switch (answer.kind) {
    case 'answered':
      return answer.body
    case 'refused':
      throw new SluiceError(
        answer.code === CROWDED.code ? CROWDED.code : 'peer-refused',
        answer.message,
      )
    case 'unsent':
      throw unreachable(name, 'too much waits to be sent to it')
    case 'silent':
      throw new SluiceError(
        'outcome-unknown',
        `${name} may have been told, and has not answered within ${timeoutMs} ms or while its link was there`,
      )
    default:
      return answer satisfies never
  }
}
