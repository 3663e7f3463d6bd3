import type { Duplex } from 'node:stream'
import { onTestFinished } from 'vitest'
import { SluiceError } from '../../src/base/errors.ts'
import type { Agreement, StateMachine } from '../../src/consensus/agreement.ts'
import type { Engine, EngineEvents } from '../../src/consensus/engine.ts'
import type { EngineStatus } from '../../src/consensus/engine-status.ts'
import type { Members } from '../../src/consensus/members.ts'
import type { PeerBus } from '../../src/consensus/peer-bus.ts'
import { until } from '../e2e/support/waiting.ts'

/** A command on which the machine gives up, as one of a newer version does. */
export const UNKNOWN_COMMAND = 'unknown'

/** A list of texts. A command appends one. */
export class ListMachine implements StateMachine {
  list: string[] = []
  /** Places in the list, from 0, by the index of the command. */
  readonly places = new Map<number, number>()
  #lastIndex = 0

  apply(index: number, command: Uint8Array): void {
    if (index <= this.#lastIndex) throw new Error(`index ${index} after ${this.#lastIndex}`)
    const text = textOf(command)
    if (text === UNKNOWN_COMMAND) throw new SluiceError('state-newer', 'a command of the future')
    this.#lastIndex = index
    this.places.set(index, this.list.push(text) - 1)
  }

  async snapshot(): Promise<Uint8Array> {
    return snapshotOf(this.#lastIndex, this.list)
  }

  restore(data: Uint8Array, index: number): void {
    const start: [number, string[]] = data.length === 0 ? [0, []] : JSON.parse(textOf(data))
    const [lastIndex, list] = start
    // Not every index has a command.
    if (index < lastIndex) throw new Error(`a snapshot of ${lastIndex} is said to be of ${index}`)
    this.#lastIndex = index
    this.list = list
  }
}

/** What a {@link ListMachine} with this list is restored from. */
export function snapshotOf(lastIndex: number, list: readonly string[]): Uint8Array {
  return bytesOf(JSON.stringify([lastIndex, list]))
}

export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

function offered<T>(seam: T | null): T {
  if (seam === null) throw new Error('the engine does not offer it')
  return seam
}

export function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes)
}

/** One node under test: its engine, the seams that it offers, and what it has told. */
export interface TestNode {
  readonly name: string
  readonly engine: Engine
  readonly agreement: Agreement
  /** Throws where the engine has none. */
  readonly members: Members
  /** As {@link members}. */
  readonly peers: PeerBus
  readonly machine: ListMachine
  readonly statuses: EngineStatus[]
  readonly failures: Error[]
  readonly streams: { readonly from: string; readonly stream: Duplex }[]
}

/** What a node is made with. */
export interface NodeSeat {
  readonly name: string
  readonly machine: ListMachine
  readonly events: EngineEvents
}

/** A group of nodes of one engine. */
export interface EngineGroup {
  /** Names of those that belong to it from the start. */
  readonly names: readonly string[]
  /** Starts a node, or starts it again with the data that it had. */
  start(seat: NodeSeat): Promise<Engine>
  /** Loses the data of a node that does not run. */
  wipe(name: string): void
  /** Where a node's peers find it; makes one up for a new node. */
  addressOf(name: string): string
}

/** An engine that the suite runs on. */
export interface EngineUnderTest {
  readonly name: string
  readonly nodes: number
  /** @param snapshotEntries null: as by default */
  makeGroup(snapshotEntries: number | null): Promise<EngineGroup>
}

/** The nodes of a test. All are stopped when it is over. */
export class Lab {
  readonly nodes = new Map<string, TestNode>()
  readonly group: EngineGroup

  constructor(group: EngineGroup) {
    this.group = group
    onTestFinished(async () => {
      await Promise.all([...this.nodes.values()].map(({ engine }) => engine.stop()))
    })
  }

  /** Starts a group and waits until it can agree. */
  static async start(
    subject: EngineUnderTest,
    snapshotEntries: number | null = null,
  ): Promise<Lab> {
    const lab = new Lab(await subject.makeGroup(snapshotEntries))
    await Promise.all(lab.group.names.map((name) => lab.startNode(name)))
    await lab.leader()
    return lab
  }

  async startNode(name: string): Promise<TestNode> {
    const machine = new ListMachine()
    const statuses: EngineStatus[] = []
    const failures: Error[] = []
    const streams: TestNode['streams'] = []
    const events: EngineEvents = {
      onStatus: (status) => statuses.push(status),
      onFatal: (error) => failures.push(error),
      onQuestion: async (from, kind, body) => {
        if (kind === 'refuse') throw new SluiceError('config-invalid', `not for ${from}`)
        if (kind === 'ignore') return new Promise(() => {})
        return bytesOf(`${name} heard ${kind} ${textOf(body)} from ${from}`)
      },
      onStream: (from, stream) => {
        stream.on('error', () => {})
        streams.push({ from, stream })
      },
    }
    const engine = await this.group.start({ name, machine, events })
    const node: TestNode = {
      name,
      engine,
      agreement: engine.agreement,
      get members() {
        return offered(engine.members)
      },
      get peers() {
        return offered(engine.peers)
      },
      machine,
      statuses,
      failures,
      streams,
    }
    this.nodes.set(name, node)
    return node
  }

  node(name: string): TestNode {
    const node = this.nodes.get(name)
    if (node === undefined) throw new Error(`${name} does not run`)
    return node
  }

  async stopNode(name: string): Promise<void> {
    await this.node(name).engine.stop()
    this.nodes.delete(name)
  }

  all(): TestNode[] {
    return [...this.nodes.values()]
  }

  /** Waits until all that run know one leader with a quorum. */
  async leader(): Promise<TestNode> {
    return until('a leader that all know', async () => {
      const statuses = await Promise.all(this.all().map(({ agreement }) => agreement.status()))
      const names = new Set(statuses.map(({ leader }) => leader))
      const [name] = names
      if (names.size !== 1 || statuses.some(({ hasQuorum }) => !hasQuorum)) return undefined
      return this.nodes.get(name ?? '')
    })
  }

  /** Those that do not lead. */
  async followers(): Promise<TestNode[]> {
    const leader = await this.leader()
    return this.all().filter((node) => node !== leader)
  }

  /** Waits until all that run have the same list, and returns it. */
  async agreement(length: number): Promise<readonly string[]> {
    return until(`${length} commands on all nodes`, () => {
      const lists = this.all().map(({ machine }) => machine.list)
      const [first] = lists
      if (first === undefined || lists.some((list) => list.length < length)) return undefined
      for (const list of lists) {
        if (list.join('\n') !== first.join('\n')) throw new Error('lists differ')
      }
      return first
    })
  }
}
