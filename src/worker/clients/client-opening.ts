import { GatheredBytes } from '../../base/gathered-bytes.ts'
import type { ByteView } from '../../net/conn.ts'
import { Deadline, type DeadlineWheel } from '../../net/deadline-wheel.ts'
import { type HelloReading, readClientHello } from '../../net/tls/client-hello.ts'
import type { ContentFacts, SessionFacts } from '../../rules/facts.ts'

/**
 * Why a question is asked: it is new or more has come, what there is has to do, or the time is over.
 * But for the first, it has to be answered.
 */
export type AskCause = 'more' | 'all' | 'late'

/**
 * What is to be known of an opening before its session goes on. It is asked again whenever more has
 * come, until it is answered.
 *
 * @returns whether it is answered
 */
export type OpeningQuestion = (cause: AskCause) => boolean

/**
 * What a client sends before its session has a server, kept whole and unaltered for that server.
 * Nobody reads on once there is no question left, so that it has `bytesMax` and one read at most.
 */
export class ClientOpening {
  readonly #wheel: DeadlineWheel
  readonly #bytesMax: number
  readonly #bytes = new GatheredBytes()
  readonly #deadline: Deadline
  #question: OpeningQuestion | null = null
  #hasEnded = false

  /** @param bytesMax bytes after which a question is answered by what has come */
  constructor(wheel: DeadlineWheel, bytesMax: number) {
    this.#wheel = wheel
    this.#bytesMax = bytesMax
    this.#deadline = new Deadline(() => this.#put('late'))
  }

  /** All that has come, valid until there is more. */
  get content(): Buffer {
    return this.#bytes.bytes
  }

  /** A question is not answered yet. */
  get isAwaited(): boolean {
    return this.#question !== null
  }

  /** The client has ended its side: that was all. */
  get hasEnded(): boolean {
    return this.#hasEnded
  }

  /** @param limitMs how long it is waited for more; 0: not at all */
  ask(question: OpeningQuestion, limitMs: number): void {
    this.#question = question
    if (limitMs > 0) this.#wheel.scheduleIn(this.#deadline, limitMs)
    this.#put(limitMs > 0 ? 'more' : 'all')
  }

  /** More has come. It is copied. */
  add(view: ByteView, length: number): void {
    this.#bytes.add(view, 0, length)
    this.#put('more')
  }

  /** The client has ended its side. */
  end(): void {
    this.#hasEnded = true
    this.#put('all')
  }

  /** Nothing is asked any more. */
  stop(): void {
    this.#question = null
    this.#wheel.cancel(this.#deadline)
  }

  #put(cause: AskCause): void {
    const question = this.#question
    if (question === null) return
    const isAll = this.#hasEnded || this.#bytes.length >= this.#bytesMax
    const isAnswered = question(isAll && cause === 'more' ? 'all' : cause)
    // The answer may have led to another question.
    if (isAnswered && this.#question === question) this.stop()
  }
}

/** An opening as rules see it. */
export class OpeningFacts implements ContentFacts {
  readonly src: string
  readonly srcPort: number
  readonly dst: string
  readonly dstPort: number
  readonly frontendName: string
  readonly tls: SessionFacts['tls']
  readonly scope: SessionFacts['scope']
  isFinal = false
  isMissing = false
  readonly #opening: ClientOpening
  #hello: HelloReading = { outcome: 'incomplete' }
  /** Bytes that {@link #hello} was read from. */
  #helloBytes = 0

  constructor(session: SessionFacts, opening: ClientOpening) {
    this.src = session.src
    this.srcPort = session.srcPort
    this.dst = session.dst
    this.dstPort = session.dstPort
    this.frontendName = session.frontendName
    this.tls = session.tls
    this.scope = session.scope
    this.#opening = opening
  }

  get hello(): HelloReading {
    const { content } = this.#opening
    if (content.length !== this.#helloBytes) {
      this.#hello = readClientHello(content, content.length)
      this.#helloBytes = content.length
    }
    return this.#hello
  }
}
