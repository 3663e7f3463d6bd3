import { SluiceError } from '../../base/errors.ts'
import type { EngineStatus, NodeStatus } from '../../consensus/engine-status.ts'
import type { PeerBus } from '../../consensus/peer-bus.ts'
import type { DaemonLog } from '../../telemetry/daemon-log.ts'
import { Duty } from './duty.ts'
import type { NodeTimers } from './node-timers.ts'

/** The question for the keys, whose answer is empty where there are none to share. */
export const TICKET_KEYS_QUESTION = 'ticket-keys'

/** A node that does not answer by then is asked again later, or another is. */
const ANSWER_TIMEOUT_MS = 2_000

/** How often keys are asked for at least, and how often in a rotation where that is shorter. */
const ASKING_MS_MAX = 10_000
const ASKINGS_IN_ROTATION = 4

/** The keys of session tickets of a node, bytes to this room. The host has them. */
export interface TicketKeyStore {
  /** They are those of all nodes. */
  isShared: boolean
  /** For how long a key seals. */
  readonly rotationMs: number
  /** @param lateMs how long it may be due already */
  rotateIfDue(lateMs: number): void
  /** For another node. */
  encode(): Uint8Array
  /** @returns false: these bytes are no keys */
  take(bytes: Uint8Array): boolean
}

/** What sharing is done with. */
export interface TicketKeySharingOptions {
  readonly name: string
  readonly keys: TicketKeyStore
  readonly timers: NodeTimers
  readonly log: DaemonLog
  /** Null: a single node. */
  readonly peers: PeerBus | null
}

/**
 * Has all nodes open each other's session tickets. The leader rotates the keys, and every node takes
 * them from it over the peer links: they are never in the log, and so on no disk. Who begins to lead
 * goes on with the keys of any node that had them of a leader before. A node that hears from no
 * leader rotates its own, so that no key lives longer for that.
 */
export class TicketKeySharing {
  readonly #options: TicketKeySharingOptions
  readonly #askingMs: number
  readonly #inheriting: Duty
  readonly #asking: Duty
  #leader: string | null = null
  #others: readonly string[] = []
  #askedLeader: string | null = null
  #askedMs = Number.NEGATIVE_INFINITY
  #isTold = false

  constructor(options: TicketKeySharingOptions) {
    this.#options = options
    const { timers, keys } = options
    this.#askingMs = Math.min(ASKING_MS_MAX, keys.rotationMs / ASKINGS_IN_ROTATION)
    this.#inheriting = new Duty(
      timers,
      () => this.#inherit(),
      () => {},
    )
    this.#asking = new Duty(
      timers,
      () => this.#ask(),
      (error) => this.#tell(error),
    )
  }

  /** Looks for what is due; to be called at short intervals, whether this node leads or not. */
  tick({ role, leader, nodes }: Pick<EngineStatus, 'role' | 'leader' | 'nodes'>): void {
    const { name, keys, peers, timers } = this.#options
    const isLeader = role === 'leader'
    this.#leader = isLeader ? null : leader
    this.#others = namesOf(nodes).filter((other) => other !== name)
    if (isLeader && (peers === null || this.#others.length === 0)) keys.isShared = true
    if (isLeader && !keys.isShared) this.#inheriting.due()
    if (this.#leader !== null) {
      const isOther = this.#leader !== this.#askedLeader
      if (isOther || timers.nowMs() - this.#askedMs >= this.#askingMs) this.#asking.due()
    } else this.#askedLeader = null
    keys.rotateIfDue(isLeader ? 0 : 2 * this.#askingMs)
  }

  /** What this node answers to {@link TICKET_KEYS_QUESTION}. */
  answer(): Uint8Array {
    const { keys } = this.#options
    return keys.isShared ? keys.encode() : new Uint8Array()
  }

  async #inherit(): Promise<void> {
    const { keys } = this.#options
    const answers = await Promise.all(
      this.#others.map(async (name) => {
        try {
          return await this.#askNode(name)
        } catch (error) {
          // It is away: others may have them.
          if (error instanceof SluiceError) return new Uint8Array()
          throw error
        }
      }),
    )
    // Where several have them, they are at most one rotation apart, and open the same tickets.
    if (!answers.some((answer) => keys.take(answer))) keys.isShared = true
  }

  async #ask(): Promise<void> {
    const { keys, timers } = this.#options
    const leader = this.#leader
    if (leader === null) return
    const answer = await this.#askNode(leader)
    // Another may lead by now, whose keys count; one that is new to it may have none yet.
    if (leader !== this.#leader || !keys.take(answer)) return
    this.#askedLeader = leader
    this.#askedMs = timers.nowMs()
    this.#isTold = false
  }

  async #askNode(name: string): Promise<Uint8Array> {
    const { peers } = this.#options
    if (peers === null) return new Uint8Array()
    return peers.ask(name, TICKET_KEYS_QUESTION, new Uint8Array(), ANSWER_TIMEOUT_MS)
  }

  #tell({ code, message }: SluiceError): void {
    if (this.#isTold) return
    this.#isTold = true
    const text = `could not get the keys of session tickets: ${message}; sessions of other nodes are not resumed until then`
    this.#options.log.warn('ticket-keys-missing', text, { code, leader: this.#leader })
  }
}

function namesOf(nodes: readonly NodeStatus[]): string[] {
  return nodes.filter(({ membership }) => membership !== 'invited').map(({ name }) => name)
}
