import { MessageChannel, Worker } from 'node:worker_threads'
import { BackendAssembly } from '../../base/backend-slices.ts'
import { SluiceError } from '../../base/errors.ts'
import { ThreadLine } from '../../consensus/thread/thread-line.ts'
import type { BackendConfig } from '../../model/config.ts'
import type { DaemonLog } from '../../telemetry/daemon-log.ts'
import {
  type ConfigSurroundings,
  type ReadConfig,
  type ReadingRequest,
  readConfigText,
} from '../preparation/config-file.ts'
import type { ReadingBoot, ReadingCalls } from './reading-boot.ts'

/**
 * Characters of a text that is read on the thread that asks. Reading takes half a millisecond a
 * thousand, and twice as long while the code is cold; starting a thread takes 150 ms.
 */
const READ_HERE_LENGTH_MAX = 16_384

/** A thread that has read nothing for so long ends: with its code it holds some 60 MiB. */
const IDLE_MS = 10_000

/** What configs are read with. */
export interface ConfigReadingOptions {
  /** The module of the thread that reads long texts. */
  readonly entry: URL
  readonly surroundings: ConfigSurroundings
  readonly log: DaemonLog
}

/**
 * Reads the texts of configs without holding the main thread: long ones on a thread of their own,
 * one after the other, and takes what was read in slices.
 */
export class ConfigReading {
  readonly #options: ConfigReadingOptions
  #thread: ReadingThread | null = null
  #turn: Promise<unknown> = Promise.resolve()
  #idle: NodeJS.Timeout | undefined
  #hasEnded = false

  constructor(options: ConfigReadingOptions) {
    this.#options = options
  }

  /**
   * As {@link readConfigText}.
   *
   * @throws SluiceError `reading-failed`: the thread has died
   */
  readonly read = async (request: ReadingRequest): Promise<ReadConfig> => {
    const { text, name, ...options } = request
    if (text.length <= READ_HERE_LENGTH_MAX) {
      return readConfigText(text, name, this.#options.surroundings, options)
    }
    const read = this.#turn.then(() => this.#readThere(request))
    this.#turn = read.catch(() => {})
    return read
  }

  /** Ends the thread; what is being read fails. */
  async end(): Promise<void> {
    this.#hasEnded = true
    clearTimeout(this.#idle)
    await this.#thread?.end()
  }

  async #readThere(request: ReadingRequest): Promise<ReadConfig> {
    if (this.#hasEnded) throw new SluiceError('reading-failed', 'the node is about to end')
    clearTimeout(this.#idle)
    this.#thread ??= new ReadingThread(this.#options)
    const thread = this.#thread
    try {
      return await thread.read(request)
    } catch (error) {
      if (!this.#hasEnded) this.#options.log.error('reading-failed', String(error), { error })
      throw error
    } finally {
      if (thread.hasEnded) this.#thread = null
      else this.#idle = setTimeout(() => this.#endIdle(), IDLE_MS).unref()
    }
  }

  #endIdle(): void {
    const thread = this.#thread
    this.#thread = null
    void thread?.end()
  }
}

/** One thread, until its end. */
class ReadingThread {
  readonly #worker: Worker
  readonly #line: ThreadLine<ReadingCalls>
  readonly #ended: Promise<void>
  /** Why it has died. */
  #failure: unknown = null

  /** It begins to load at once. */
  constructor({ entry, surroundings: { env, cores } }: ConfigReadingOptions) {
    const { port1, port2 } = new MessageChannel()
    this.#line = new ThreadLine(port1, {})
    this.#worker = new Worker(entry)
    this.#worker.on('error', (error) => {
      this.#failure = error
    })
    this.#ended = new Promise((resolve) => {
      this.#worker.once('exit', () => {
        this.#line.close()
        resolve()
      })
    })
    const boot: ReadingBoot = { surroundings: { env: { ...env }, cores }, port: port2 }
    this.#worker.postMessage(boot, [port2])
  }

  get hasEnded(): boolean {
    return this.#line.isClosed
  }

  /** @throws SluiceError `reading-failed` */
  async read(request: ReadingRequest): Promise<ReadConfig> {
    try {
      const { config, ...rest } = await this.#line.ask('read', request)
      if (config === null) return { ...rest, config }
      const assembly = new BackendAssembly<BackendConfig>()
      // The thread sends no more than it is asked for; the next is on its way while one is taken.
      let next = this.#line.ask('next')
      for (;;) {
        const slice = await next
        if (slice !== null) next = this.#line.ask('next')
        if (slice === null) return { ...rest, config: { ...config, backends: assembly.take() } }
        assembly.add(slice)
      }
    } catch (error) {
      await this.end()
      const message = 'the thread that reads configs has died'
      throw new SluiceError('reading-failed', message, this.#failure ?? error)
    }
  }

  async end(): Promise<void> {
    this.#line.close()
    void this.#worker.terminate()
    await this.#ended
  }
}
