import { Worker } from 'node:worker_threads'

/**
 * Threads of the data plane that are started before it is known what they are to do: each loads its
 * module on another core while the main thread still reads the config, and waits there for its
 * boot. One that nobody takes does not keep the process, and ends with it.
 */
export class EarlyThreads {
  readonly #entry: URL
  readonly #threads: Worker[] = []

  /** @param entry the module that the threads run */
  constructor(entry: URL) {
    this.#entry = entry
  }

  /**
   * Starts threads until so many wait. Does nothing where the system gives no more: who takes one
   * then is told.
   */
  start(count: number): void {
    try {
      while (this.#threads.length < count) this.#threads.push(this.#startOne())
    } catch {
      // It is tried again by who needs it.
    }
  }

  /**
   * A thread without any listeners, which waits for its boot: one that was started early, or a new
   * one.
   *
   * @throws Error where the system gives no more threads
   */
  take(): Worker {
    const thread = this.#threads.shift()
    if (thread === undefined) return new Worker(this.#entry)
    thread.removeAllListeners()
    thread.ref()
    return thread
  }

  #startOne(): Worker {
    const thread = new Worker(this.#entry)
    thread.unref()
    // What fails here fails again in the thread that is taken instead, where somebody hears of it.
    thread.on('error', () => this.#forget(thread))
    thread.on('exit', () => this.#forget(thread))
    return thread
  }

  #forget(thread: Worker): void {
    const place = this.#threads.indexOf(thread)
    if (place >= 0) this.#threads.splice(place, 1)
  }
}
