import type { MessagePort, TransferListItem } from 'node:worker_threads'
import { assert, SluiceError } from '../../base/errors.ts'
import { type PostedError, postError, postedError } from './posted-errors.ts'

/**
 * Questions that wait for an answer. More than a node has proposals, reads and questions to its
 * peers under way, each of which has a bound of its own.
 */
const ASKED_MAX = 16_384

/** What a side of a line can be asked, by name. Arguments and results are what can be cloned. */
export type Calls<C> = { readonly [K in keyof C]: (...args: never[]) => unknown }

type Method = (...args: unknown[]) => unknown
type Args<F> = F extends (...args: infer A) => unknown ? A : never
type Result<F> = F extends (...args: never[]) => infer R ? Awaited<R> : never

/** What goes over a line. */
type Message =
  | { readonly kind: 'tell'; readonly method: string; readonly args: readonly unknown[] }
  | {
      readonly kind: 'ask'
      readonly number: number
      readonly method: string
      readonly args: readonly unknown[]
    }
  | { readonly kind: 'answer'; readonly number: number; readonly value: unknown }
  | { readonly kind: 'refusal'; readonly number: number; readonly error: PostedError }

interface Asked {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
}

/**
 * Calls between two threads, one of which is `Theirs` to make here. All that a side says arrives in
 * the order in which it was said, answers among it, and what it says within one turn of its event
 * loop goes in one message: a thread is woken once for it.
 *
 * Bytes are copied on their way, and belong to the receiver alone; ports are handed over.
 */
export class ThreadLine<Theirs extends Calls<Theirs>> {
  readonly #port: MessagePort
  readonly #own: Readonly<Record<string, Method>>
  readonly #asked = new Map<number, Asked>()
  #nextNumber = 1
  /** What is said in this turn. */
  #said: Message[] = []
  #transfers: TransferListItem[] = []
  #isClosed = false

  /**
   * @param own what the other side may call here. A throw where it is told something is not caught
   * @param onClosed the other side has closed the line, or its thread is gone
   */
  constructor(port: MessagePort, own: object, onClosed: () => void = () => {}) {
    this.#port = port
    this.#own = own as Readonly<Record<string, Method>>
    port.on('message', (messages: readonly Message[]) => {
      for (const message of messages) this.#heard(message)
    })
    port.on('close', () => {
      this.#giveUp()
      onClosed()
    })
  }

  /**
   * Asks the other side.
   *
   * @throws SluiceError what that throws; `overloaded`: too much is asked; `engine-stopped`: the
   *   line is closed, or is before the answer comes
   */
  ask<K extends keyof Theirs & string>(
    method: K,
    ...args: Args<Theirs[K]>
  ): Promise<Result<Theirs[K]>> {
    if (this.#isClosed) return Promise.reject(closed())
    if (this.#asked.size >= ASKED_MAX) {
      return Promise.reject(new SluiceError('overloaded', 'too much is asked of another thread'))
    }
    const number = this.#nextNumber++
    return new Promise((resolve, reject) => {
      this.#asked.set(number, { resolve: resolve as (value: unknown) => void, reject })
      this.#say({ kind: 'ask', number, method, args: args.map((arg) => this.#toPost(arg)) })
    })
  }

  /** Tells the other side, which does not answer. Nobody hears it once the line is closed. */
  tell<K extends keyof Theirs & string>(method: K, ...args: Args<Theirs[K]>): void {
    this.#say({ kind: 'tell', method, args: args.map((arg) => this.#toPost(arg)) })
  }

  /** Whether either side has ended it. */
  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Ends the line, after what was said. Idempotent. */
  close(): void {
    if (this.#isClosed) return
    this.#flush()
    this.#port.close()
    this.#giveUp()
  }

  #giveUp(): void {
    this.#isClosed = true
    for (const { reject } of this.#asked.values()) reject(closed())
    this.#asked.clear()
  }

  #heard(message: Message): void {
    switch (message.kind) {
      case 'tell':
        this.#call(message.method, message.args)
        break
      case 'ask':
        void this.#answer(message.number, message.method, message.args)
        break
      case 'answer':
        this.#settle(message.number)?.resolve(message.value)
        break
      case 'refusal':
        this.#settle(message.number)?.reject(postedError(message.error))
        break
      default:
        message satisfies never
    }
  }

  #call(method: string, args: readonly unknown[]): unknown {
    const call = this.#own[method]
    assert(call !== undefined, `the other thread calls what is here: ${method}`)
    return call(...args)
  }

  async #answer(number: number, method: string, args: readonly unknown[]): Promise<void> {
    try {
      const value = await this.#call(method, args)
      this.#say({ kind: 'answer', number, value: this.#toPost(value) })
    } catch (error) {
      this.#say({ kind: 'refusal', number, error: postError(error) })
    }
  }

  #settle(number: number): Asked | undefined {
    const asked = this.#asked.get(number)
    this.#asked.delete(number)
    return asked
  }

  /**
   * A view of bytes would take with it all of the memory that it is a view of, so it is copied; the
   * copy is handed over.
   */
  #toPost(value: unknown): unknown {
    if (value instanceof Uint8Array) {
      const copy = new Uint8Array(value)
      this.#transfers.push(copy.buffer)
      return copy
    }
    if (isPort(value)) this.#transfers.push(value)
    return value
  }

  #say(message: Message): void {
    if (this.#isClosed) return
    this.#said.push(message)
    // After all that promises of this turn lead to: what is handed over and who is answered for it
    // are one message.
    if (this.#said.length === 1) queueMicrotask(() => process.nextTick(() => this.#flush()))
  }

  #flush(): void {
    if (this.#said.length === 0 || this.#isClosed) return
    const said = this.#said
    const transfers = this.#transfers
    this.#said = []
    this.#transfers = []
    this.#port.postMessage(said, transfers)
  }
}

/** The class has another name in each thread's realm of tests. */
function isPort(value: unknown): value is MessagePort {
  return typeof value === 'object' && value !== null && 'postMessage' in value
}

function closed(): SluiceError {
  return new SluiceError('engine-stopped', 'the other thread has ended')
}
