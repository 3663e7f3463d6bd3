import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads'
import { SluiceError } from '../../base/errors.ts'
import type { StateMachine } from '../../consensus/agreement.ts'
import type { Engine, EngineEvents } from '../../consensus/engine.ts'
import type { PeerStats } from '../../consensus/peers/peer-counters.ts'
import { HandedBytes } from '../../consensus/thread/handed-bytes.ts'
import { ThreadLine } from '../../consensus/thread/thread-line.ts'
import { ThreadedEngine } from '../../consensus/thread/threaded-engine.ts'
import type { ClusterConfig } from '../../model/cluster-config.ts'
import type { DaemonLog } from '../../telemetry/daemon-log.ts'
import type { AgreementBoot, MainCalls, ThreadCalls } from '../agreement/agreement-boot.ts'

/** How often the beats of the thread are looked at. */
const LOOK_INTERVAL_MS = 1_000

/**
 * How long it may be within one event before it is held to be stuck. Others have elected a leader
 * after a tenth of that, and what it does at once (the encoding of an entry) takes milliseconds.
 */
const STUCK_MS = 10_000

/** What the thread is made with. */
export interface AgreementThreadOptions {
  /** The module that it runs. */
  readonly entry: URL
  readonly config: ClusterConfig
  readonly log: DaemonLog
  /** No descriptor is left for peers that come. */
  readonly onExhausted: () => void
  /** It has ended without having been told to, or does not answer; that is logged. */
  readonly onDeath: (error: SluiceError) => void
}

/**
 * The thread that agreement runs on, with its store and its links: whatever the main thread has to
 * do, peers hear from this node in time. It ends with its engine. One that dies, or is stuck, is not
 * started again, for the node's manager does that with all of the node, in a state that is known: so
 * does etcd, whose process ends with its agreement.
 */
export class AgreementThread {
  readonly #worker: Worker
  readonly #control: ThreadLine<ThreadCalls>
  readonly #enginePort: MessagePort
  readonly #handed = new HandedBytes()
  /** Resolves when the thread is gone. */
  readonly #ended: Promise<void>
  readonly #beats = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
  readonly #watch: NodeJS.Timeout
  #isEnding = false

  /** It begins to load at once. @throws Error where the system gives no more threads */
  constructor({ entry, config, log, onExhausted, onDeath }: AgreementThreadOptions) {
    const engine = new MessageChannel()
    const control = new MessageChannel()
    const calls: MainCalls = {
      log: (level, event, message, fields) => log[level](event, message, fields),
      onExhausted,
    }
    this.#worker = new Worker(entry)
    this.#enginePort = engine.port1
    this.#control = new ThreadLine(control.port1, calls)
    let failure: unknown = null
    this.#worker.on('error', (error) => {
      failure = error
    })
    this.#ended = new Promise((resolve) => {
      this.#worker.once('exit', (status) => {
        resolve()
        clearInterval(this.#watch)
        if (this.#isEnding || status === 0) return
        const text = 'the thread that agreement runs on has died'
        log.error('agreement-died', text, { error: failure })
        onDeath(new SluiceError('engine-stopped', text, failure))
      })
    })
    const boot: AgreementBoot = {
      config,
      enginePort: engine.port2,
      handed: this.#handed.memory,
      beats: this.#beats.buffer as SharedArrayBuffer,
      controlPort: control.port2,
    }
    this.#worker.postMessage(boot, [boot.enginePort, boot.controlPort])
    this.#watch = this.#watchBeats(() => {
      const text = `the thread that agreement runs on has not answered for ${STUCK_MS / 1000} s`
      log.error('agreement-stuck', text, {})
      onDeath(new SluiceError('engine-stopped', text))
    })
  }

  /**
   * Opens the engine; once.
   *
   * @throws SluiceError `peer-credentials`, and what `GroupEngine.open` throws
   */
  openEngine(machine: StateMachine, events: EngineEvents): Promise<Engine> {
    const port = this.#enginePort
    return ThreadedEngine.open({ port, handed: this.#handed, machine, events })
  }

  /** As `PeerLinks.renew`. @throws SluiceError as that, `engine-stopped` */
  async renew(): Promise<void> {
    await this.#control.ask('renew')
  }

  /** Of the links; null until there are any. @throws SluiceError `engine-stopped` */
  stats(): Promise<PeerStats | null> {
    return this.#control.ask('stats')
  }

  /** Ends the thread, whose engine has stopped or was never opened. Idempotent. */
  async end(): Promise<void> {
    this.#isEnding = true
    clearInterval(this.#watch)
    this.#enginePort.close()
    this.#control.close()
    void this.#worker.terminate()
    await this.#ended
  }

  /**
   * Looks for the beats once there has been one. A standstill of the whole process counts for no more
   * than a look or two: this thread has then stood as well.
   */
  #watchBeats(onStuck: () => void): NodeJS.Timeout {
    let seen = 0
    let quietMs = 0
    let lookedMs = performance.now()
    const watch = setInterval(() => {
      const nowMs = performance.now()
      const ranMs = Math.min(nowMs - lookedMs, 2 * LOOK_INTERVAL_MS)
      lookedMs = nowMs
      const beats = Atomics.load(this.#beats, 0)
      quietMs = beats === seen ? quietMs + ranMs : 0
      seen = beats
      if (beats === 0 || quietMs < STUCK_MS) return
      clearInterval(watch)
      onStuck()
    }, LOOK_INTERVAL_MS)
    return watch
  }
}
