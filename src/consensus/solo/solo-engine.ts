import { SluiceError } from '../../base/errors.ts'
import type { Agreement, AgreementEvents, StateMachine } from '../agreement.ts'
import type { Engine } from '../engine.ts'
import type { EngineStatus } from '../engine-status.ts'

/** The first term of a cluster, and the only one of a single node. */
const EPOCH = 1

/** What a single node is agreed on with: itself, in memory, at once. */
export class SoloEngine implements Engine {
  readonly agreement: Agreement = {
    propose: (command) => this.#propose(command),
    read: () => (this.#failure === null ? Promise.resolve() : Promise.reject(this.#stopped())),
    status: () => Promise.resolve(this.#status()),
  }
  readonly members = null
  readonly peers = null
  readonly #name: string
  readonly #machine: StateMachine
  readonly #events: AgreementEvents
  #index = 0
  #failure: Error | null = null

  /** Sets the machine to its start, and leads from the next turn of the event loop on. */
  constructor(name: string, machine: StateMachine, events: AgreementEvents) {
    this.#name = name
    this.#machine = machine
    this.#events = events
    machine.restore(new Uint8Array(), 0)
    setImmediate(() => {
      if (this.#failure === null) events.onStatus(this.#status())
    })
  }

  stop(): Promise<void> {
    this.#failure ??= new SluiceError('engine-stopped', 'the node has stopped')
    return Promise.resolve()
  }

  #propose(command: Uint8Array): Promise<number> {
    if (this.#failure !== null) return Promise.reject(this.#stopped())
    try {
      this.#machine.apply(++this.#index, command)
      return Promise.resolve(this.#index)
    } catch (error) {
      this.#failure = error as Error
      this.#events.onStatus(this.#status())
      this.#events.onFatal(this.#failure)
      return Promise.reject(this.#stopped())
    }
  }

  #status(): EngineStatus {
    const isRunning = this.#failure === null
    const id = `${this.#name}/solo`
    return {
      engine: 'solo',
      name: this.#name,
      id,
      clusterId: null,
      role: isRunning ? 'leader' : 'outsider',
      epoch: EPOCH,
      leader: isRunning ? this.#name : null,
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

  #stopped(): SluiceError {
    return new SluiceError('engine-stopped', 'the node has stopped', this.#failure)
  }
}
