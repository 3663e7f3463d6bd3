import type { MessagePort } from 'node:worker_threads'
import { SluiceError } from '../../base/errors.ts'
import type { Agreement, StateMachine } from '../agreement.ts'
import type { Engine, EngineEvents } from '../engine.ts'
import type { EngineStatus } from '../engine-status.ts'
import type { Members } from '../members.ts'
import type { PeerBus } from '../peer-bus.ts'
import type { EngineCalls, HolderCalls } from './engine-calls.ts'
import type { HandedBytes } from './handed-bytes.ts'
import { PortStream } from './port-stream.ts'
import { postError, postedError } from './posted-errors.ts'
import { ThreadLine } from './thread-line.ts'

/** What a threaded engine is made with. */
export interface ThreadedEngineOptions {
  /** To the thread, where `hostEngine` has the other end. */
  readonly port: MessagePort
  /** Whose memory the thread has too. */
  readonly handed: HandedBytes
  readonly machine: StateMachine
  readonly events: EngineEvents
}

/**
 * An engine that runs on a thread of its own, as the thread sees it that has the state machine. That
 * one may stand still for as long as it will: agreement goes on, and what was agreed on meanwhile is
 * applied when it runs again.
 */
export class ThreadedEngine implements Engine {
  readonly agreement: Agreement
  members: Members | null = null
  peers: PeerBus | null = null
  readonly #line: ThreadLine<EngineCalls>
  /** Why the machine has taken nothing since; null: it takes what comes. */
  #machineFailure: Error | null = null
  /** Of the command that it has failed at: nothing from there on was applied. */
  #failedIndex = Number.POSITIVE_INFINITY
  #stopping: Promise<void> | null = null
  /** After its end. */
  #last: EngineStatus | null = null

  /**
   * Has the thread open its engine.
   *
   * @throws SluiceError what that throws, and what the machine throws when it is set to its start
   */
  static async open(options: ThreadedEngineOptions): Promise<ThreadedEngine> {
    const engine = new ThreadedEngine(options)
    const { hasMembers, hasPeers } = await engine.#line.ask('open')
    if (engine.#machineFailure !== null) {
      await engine.stop()
      throw engine.#machineFailure
    }
    if (hasMembers) engine.members = engine.#membersSeam()
    if (hasPeers) engine.peers = engine.#peersSeam()
    return engine
  }

  private constructor({ port, handed, machine, events }: ThreadedEngineOptions) {
    const calls: HolderCalls = {
      apply: (index, command) => {
        handed.take(command.length)
        this.#hand(index, () => machine.apply(index, command))
      },
      restore: (data, index) => {
        handed.take(data.length)
        this.#hand(0, () => machine.restore(data, index))
      },
      snapshot: async () => {
        if (this.#machineFailure !== null) throw this.#machineFailure
        return machine.snapshot()
      },
      onStatus: (status) => events.onStatus(status),
      onFatal: (error) => events.onFatal(postedError(error)),
      onQuestion: (from, kind, body) => events.onQuestion(from, kind, body),
      onStream: (from, streamPort) => events.onStream(from, new PortStream(streamPort)),
    }
    const line = new ThreadLine<EngineCalls>(port, calls)
    this.#line = line
    this.agreement = {
      propose: async (command) => {
        const index = await line.ask('propose', command)
        if (index < this.#failedIndex) return index
        throw new SluiceError('outcome-unknown', 'it holds, and this node has not applied it')
      },
      read: async () => {
        await line.ask('read')
        if (this.#machineFailure !== null) throw this.#stopped()
      },
      status: async () => this.#last ?? (await line.ask('status')),
    }
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #stop(): Promise<void> {
    // A thread that is gone has nothing left to end; who holds it hears of that.
    if (this.#line.isClosed) return
    this.#last = await this.#line.ask('stop')
    this.#line.close()
  }

  /** Hands something to the machine, unless that has failed. */
  #hand(index: number, work: () => void): void {
    if (this.#machineFailure !== null) return
    try {
      work()
    } catch (error) {
      this.#machineFailure = error as Error
      this.#failedIndex = index
      this.#line.tell('giveUp', postError(error))
    }
  }

  #membersSeam(): Members {
    const line = this.#line
    return {
      add: (name, address) => line.ask('add', name, address),
      remove: (name, options = { isForced: false }) => line.ask('remove', name, options),
      transfer: (name) => line.ask('transfer', name),
    }
  }

  #peersSeam(): PeerBus {
    const line = this.#line
    return {
      ask: (name, kind, body, timeoutMs) => line.ask('ask', name, kind, body, timeoutMs),
      openStream: async (name) => new PortStream(await line.ask('openStream', name)),
    }
  }

  #stopped(): SluiceError {
    return new SluiceError('engine-stopped', 'the node has stopped', this.#machineFailure)
  }
}
