import { SluiceError } from '../../base/errors.ts'
import type { DaemonLog } from '../../telemetry/daemon-log.ts'
import type { Agreement } from '../agreement.ts'
import type { Scheduler } from '../driver/scheduler.ts'
import type { Engine, EngineEvents } from '../engine.ts'
import type { GroupEngine } from '../group/group-engine.ts'
import type { Members } from '../members.ts'
import type { PeerBus } from '../peer-bus.ts'
import { hasRoom, isForLackOfRoom } from '../store/disk-room.ts'
import { abandonStore } from '../store/store-opening.ts'

/** Before the first try to come back, and between tries: nobody waits for it, and a try is cheap. */
const RETRY_MS = 2000

/** How a node comes back. */
export interface LastingOptions {
  /** The data directory. */
  readonly folder: string
  /** A node that has lost what it had acknowledged joins anew by itself. */
  readonly rejoinsAfterLoss: boolean
  readonly scheduler: Scheduler
  readonly log: Pick<DaemonLog, 'info' | 'warn'>
  /** Opens an engine on what the directory holds. @throws SluiceError why it cannot */
  open(events: EngineEvents): Promise<Engines>
}

/** An engine with all seams. */
type Engines = Pick<GroupEngine<never>, 'agreement' | 'members' | 'peers' | 'giveUp' | 'stop'>

/**
 * An engine that comes back where it can: begun anew on what its directory holds, as by a restart of
 * the process, which is what makes it safe. Nothing of what the failed one knew is kept.
 *
 * - A disk had no room, and has room again. All that was acknowledged was durable before; what was
 *   being written is there or is not, as after a crash.
 * - The data is lost, and the node may join anew: as another node of its name, so that nothing that
 *   it had promised is asked of it again.
 *
 * The state machine is set to what was stored once more: whoever has been told of a failure takes
 * that for the node's return.
 */
export class LastingEngine implements Engine {
  readonly agreement: Agreement = {
    propose: (command) => this.#engine.agreement.propose(command),
    read: () => this.#engine.agreement.read(),
    status: () => this.#engine.agreement.status(),
  }
  readonly members: Members = {
    add: (name, address) => this.#engine.members.add(name, address),
    remove: (name, options) => this.#engine.members.remove(name, options),
    transfer: (name) => this.#engine.members.transfer(name),
  }
  readonly peers: PeerBus = {
    ask: (...question) => this.#engine.peers.ask(...question),
    openStream: (name) => this.#engine.peers.openStream(name),
  }
  readonly #options: LastingOptions
  readonly #events: EngineEvents
  #current: Engines | null = null
  #cancelRetry: () => void = () => {}
  #returning: Promise<void> = Promise.resolve()
  #isStopped = false

  private constructor(options: LastingOptions, events: EngineEvents) {
    this.#options = options
    this.#events = events
  }

  /** @throws SluiceError what {@link LastingOptions.open} throws */
  static async open(options: LastingOptions, events: EngineEvents): Promise<LastingEngine> {
    const engine = new LastingEngine(options, events)
    engine.#current = await engine.#open()
    return engine
  }

  /** As `GroupEngine.giveUp`. */
  giveUp(error: Error): void {
    this.#engine.giveUp(error)
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#cancelRetry()
    await this.#returning
    await this.#current?.stop()
  }

  get #engine(): Engines {
    if (this.#current !== null) return this.#current
    throw new SluiceError('engine-stopped', 'the node is not open yet')
  }

  async #open(): Promise<Engines> {
    const { folder, rejoinsAfterLoss, log, open } = this.#options
    const events: EngineEvents = {
      ...this.#events,
      onFatal: (error) => {
        this.#events.onFatal(error)
        if (this.#mayReturn(error)) this.#returnLater(isLoss(error))
      },
    }
    try {
      return await open(events)
    } catch (error) {
      if (!rejoinsAfterLoss || !isLoss(error)) throw error
      log.warn('data-lost', `${(error as Error).message}; this node joins anew`)
      await abandonStore(folder)
      return open(events)
    }
  }

  #mayReturn(error: Error): boolean {
    return isForLackOfRoom(error) || (this.#options.rejoinsAfterLoss && isLoss(error))
  }

  /** @param isLost the directory is to be put aside first; it was not yet */
  #returnLater(isLost: boolean): void {
    const { scheduler } = this.#options
    if (this.#isStopped) return
    this.#cancelRetry = scheduler.callAt(scheduler.nowMs() + RETRY_MS, () => {
      this.#returning = this.#return(isLost)
    })
  }

  /** Tries to come back, and sees to the next try where it cannot. */
  async #return(isLost: boolean): Promise<void> {
    const { folder, log } = this.#options
    let isStillLost = isLost
    try {
      // Its address and its directory are free once it has ended; more than once does no harm.
      await this.#engine.stop()
      if (isLost) await abandonStore(folder)
      isStillLost = false
      if (this.#isStopped) return
      if (!(await hasRoom(folder))) {
        this.#returnLater(false)
        return
      }
      this.#current = await this.#open()
    } catch (error) {
      log.warn('cluster-node-away', `this node cannot come back yet: ${String(error)}`)
      this.#returnLater(isStillLost)
      return
    }
    log.info('cluster-node-back', 'this node takes part in the cluster again')
    this.#events.onStatus(await this.#current.agreement.status())
  }
}

function isLoss(error: unknown): boolean {
  return (
    error instanceof SluiceError &&
    (error.code === 'data-lost' || error.code === 'data-dir-damaged')
  )
}
