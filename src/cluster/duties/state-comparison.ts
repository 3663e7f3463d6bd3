import { createHash } from 'node:crypto'
import type { EngineStatus } from '../../consensus/engine-status.ts'
import type { PeerBus } from '../../consensus/peer-bus.ts'
import type { DaemonLog } from '../../telemetry/daemon-log.ts'
import type { Replica } from '../replica.ts'
import type { ClusterStateMachine } from '../state-machine/cluster-state-machine.ts'
import type { NodeTimers } from './node-timers.ts'
import {
  compareSights,
  decodeCorruptNotice,
  decodeSight,
  decodeStateQuestion,
  encodeCorruptNotice,
  encodeSight,
  encodeStateQuestion,
  type StateSight,
} from './state-sight.ts'

/** The question for a node's state at an index. */
export const STATE_QUESTION = 'state-at'

/** The question that tells a node which ones differ; the answer says nothing. */
export const CORRUPT_NOTICE = 'state-corrupt'

/** After a node has come, or this one leads: it catches up first. */
const FIRST_MS = 3_000

/** Between two comparisons; etcd compares compacted hashes as often. */
const INTERVAL_MS = 60_000

/** A state of thousands of servers is hashed in many turns, and the index has yet to come. */
const ANSWER_TIMEOUT_MS = 10_000

/** How long a node waits for the index that it is asked for. */
const INDEX_WAIT_MS = 2_000

/** What states are compared with. */
export interface StateComparisonOptions {
  readonly name: string
  readonly timers: NodeTimers
  readonly log: DaemonLog
  /** Null: a single node. */
  readonly peers: PeerBus | null
  readonly machine: ClusterStateMachine
  readonly replica: Replica
  readonly engineStatus: () => Promise<EngineStatus>
}

/**
 * Compares the states of all nodes in the background: they are to be the same at the same index, and
 * checksums say only that a disk has kept what was written. The leader asks; which nodes differ all
 * are told. A node stays so until it was compared again and is found to agree, or is no member any
 * more.
 */
export class StateComparison {
  readonly #options: StateComparisonOptions
  #corrupt: readonly string[] = []
  #hashed: { readonly revision: number; readonly hash: string } | null = null
  /** Whom this node has compared itself with, since it leads; '' where it does not. */
  #present = ''
  #dueMs = Number.POSITIVE_INFINITY
  #isUnderWay = false
  #tickIndex = 0

  constructor(options: StateComparisonOptions) {
    this.#options = options
  }

  /** Names of the nodes that differ from the others, as far as this node was told. */
  get corrupt(): readonly string[] {
    return this.#corrupt
  }

  /** Looks whether a comparison is due; to be called at short intervals. */
  tick({ role, nodes }: EngineStatus): void {
    const { timers, replica, peers } = this.#options
    const ahead = Math.max(0, replica.appliedIndex - this.#tickIndex)
    this.#tickIndex = replica.appliedIndex
    const there = nodes.filter(({ isReachable, membership }) => {
      return isReachable === true && membership !== 'invited'
    })
    const present = role === 'leader' ? there.map(({ id }) => id).join(' ') : ''
    if (present !== this.#present) this.#dueMs = timers.nowMs() + FIRST_MS
    this.#present = present
    if (peers === null || present === '' || this.#isUnderWay || timers.nowMs() < this.#dueMs) return
    this.#dueMs = timers.nowMs() + INTERVAL_MS
    this.#isUnderWay = true
    const names = there.map(({ name }) => name)
    const members = nodes.map(({ name }) => name)
    // All that are asked are told an index that is half a second ahead at the present rate.
    void this.#compare(peers, names, members, replica.appliedIndex + ahead).finally(() => {
      this.#isUnderWay = false
    })
  }

  /** @throws SluiceError `state-newer` */
  async answerState(body: Uint8Array): Promise<Uint8Array> {
    return encodeSight(await this.#sightAt(decodeStateQuestion(body) ?? 0))
  }

  /** The leader has compared. */
  answerNotice(body: Uint8Array): Uint8Array {
    const corrupt = decodeCorruptNotice(body)
    if (corrupt !== null) this.#take(corrupt)
    return new Uint8Array()
  }

  async #compare(
    peers: PeerBus,
    names: readonly string[],
    members: readonly string[],
    index: number,
  ): Promise<void> {
    const { name: self } = this.#options
    const sights = new Map<string, StateSight>()
    const look = async (name: string): Promise<void> => {
      // A node that cannot say, or knows no such question, is not compared.
      const sight = await (name === self
        ? this.#sightAt(index)
        : peers
            .ask(name, STATE_QUESTION, encodeStateQuestion(index), ANSWER_TIMEOUT_MS)
            .then(decodeSight)
      ).catch(() => null)
      if (sight !== null) sights.set(name, sight)
    }
    await Promise.all(names.map(look))
    const { compared, differing } = compareSights(sights)
    const earlier = this.#corrupt.filter(
      (name) => members.includes(name) && !compared.includes(name),
    )
    this.#take([...differing, ...earlier].sort())
    const notice = encodeCorruptNotice(this.#corrupt)
    const others = names.filter((name) => name !== self)
    const tell = (name: string): Promise<unknown> =>
      peers.ask(name, CORRUPT_NOTICE, notice, ANSWER_TIMEOUT_MS).catch(() => null)
    await Promise.all(others.map(tell))
  }

  #take(corrupt: readonly string[]): void {
    const { log } = this.#options
    const before = this.#corrupt
    this.#corrupt = corrupt
    const isSame = corrupt.join(' ') === before.join(' ')
    if (isSame) return
    const nodes = corrupt.join(', ')
    if (corrupt.length === 0) log.info('state-agrees', 'the states of all nodes agree again')
    else
      log.error(
        'state-corrupt',
        `the state of these nodes differs from that of the others: ${nodes}`,
        { nodes: corrupt },
      )
  }

  /** The state at an index, or as it is when that does not come. */
  async #sightAt(index: number): Promise<StateSight> {
    const { replica, engineStatus } = this.#options
    replica.expectRunning()
    const { fromIndex, hash } = await this.#seenAt(index)
    const { appliedIndex } = await engineStatus()
    // What the engine has applied was handed over before: none of it was a command since.
    const isStill = replica.appliedIndex === fromIndex
    const toIndex = isStill ? Math.max(appliedIndex, fromIndex) : fromIndex
    return { fromIndex, toIndex, hash: await hash }
  }

  #seenAt(index: number): Promise<{ fromIndex: number; hash: Promise<string> }> {
    const { timers, replica } = this.#options
    const see = () => ({ fromIndex: replica.appliedIndex, hash: this.#hash() })
    return new Promise((resolve) => {
      const cancel = timers.after(INDEX_WAIT_MS, () => {
        giveUp()
        resolve(see())
      })
      const giveUp = replica.whenApplied(index, () => {
        cancel()
        resolve(see())
      })
    })
  }

  /** Of the state at the moment of the call, in turns of the event loop that others share. */
  async #hash(): Promise<string> {
    const { machine, timers } = this.#options
    const { revision } = machine
    if (this.#hashed?.revision === revision) return this.#hashed.hash
    const sum = createHash('sha256')
    for (const part of machine.parts()) {
      sum.update(part)
      await new Promise<void>((resolve) => timers.after(0, resolve))
    }
    const hash = sum.digest('hex')
    this.#hashed = { revision, hash }
    return hash
  }
}
