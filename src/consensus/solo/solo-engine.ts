import type { Duplex } from 'node:stream'
import { SluiceError } from '../../base/errors.ts'
import type { ConsensusEngine, EngineEvents, EngineStatus, StateMachine } from '../engine.ts'

/** The first term of a cluster, and the only one of a single node. */
const EPOCH = 1

/** What a single node is agreed on with: itself, in memory, at once. */
export class SoloEngine implements ConsensusEngine {
  readonly #name: string
  readonly #machine: StateMachine
  readonly #events: EngineEvents
  #index = 0
  #failure: Error | null = null

  /** Sets the machine to its start, and leads from the next turn of the event loop on. */
  constructor(name: string, machine: StateMachine, events: EngineEvents) {
    this.#name = name
    this.#machine = machine
    this.#events = events
    machine.restore(new Uint8Array())
    setImmediate(() => {
      if (this.#failure === null) events.onStatus(this.status())
    })
  }

  status(): EngineStatus {
    const isRunning = this.#failure === null
    const id = `${this.#name}/solo`
    return {
      engine: 'solo',
      name: this.#name,
      id,
      clusterId: null,
      role: isRunning ? 'leader' : 'outsider',
      epoch: EPOCH,
      leader: this.leader(),
      hasQuorum: isRunning,
      commitIndex: this.#index,
      appliedIndex: this.#index,
      lastIndex: this.#index,
      firstIndex: this.#index + 1,
      nodes: [
        {
          name: this.#name,
          id,
          address: '',
          membership: 'voter',
          isReachable: true,
          matchIndex: this.#index,
        },
      ],
      note: this.#failure?.message ?? '',
    }
  }

  leader(): string | null {
    return this.#failure === null ? this.#name : null
  }

  propose(command: Uint8Array): Promise<unknown> {
    if (this.#failure !== null) return Promise.reject(this.#stopped())
    try {
      return Promise.resolve(this.#machine.apply(++this.#index, command))
    } catch (error) {
      this.#failure = error as Error
      this.#events.onFatal(this.#failure)
      return Promise.reject(this.#stopped())
    }
  }

  read(): Promise<void> {
    return this.#failure === null ? Promise.resolve() : Promise.reject(this.#stopped())
  }

  addNode(): Promise<void> {
    return this.#absent()
  }

  removeNode(): Promise<void> {
    return this.#absent()
  }

  transfer(): Promise<void> {
    return this.#absent()
  }

  async request(name: string, kind: string, body: Uint8Array): Promise<Uint8Array> {
    if (this.#failure !== null) throw this.#stopped()
    if (name !== this.#name) throw unreachable(name)
    try {
      return await this.#events.onRequest(name, kind, body)
    } catch (error) {
      throw new SluiceError('peer-refused', (error as Error).message, error)
    }
  }

  openStream(name: string): Promise<Duplex> {
    return Promise.reject(unreachable(name))
  }

  stop(): Promise<void> {
    this.#failure ??= new SluiceError('engine-stopped', 'the node has stopped')
    return Promise.resolve()
  }

  #absent(): Promise<never> {
    return Promise.reject(new SluiceError('cluster-absent', `${this.#name} is a single node`))
  }

  #stopped(): SluiceError {
    return new SluiceError('engine-stopped', 'the node has stopped', this.#failure)
  }
}

function unreachable(name: string): SluiceError {
  return new SluiceError('peer-unreachable', `${name} is no peer of a single node`)
}
