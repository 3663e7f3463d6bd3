import { PassThrough } from 'node:stream'
import { type ErrorCode, SluiceError } from '../../../src/base/errors.ts'
import type { StateMachine } from '../../../src/consensus/agreement.ts'
import type { Engine, EngineEvents } from '../../../src/consensus/engine.ts'
import type { EngineStatus, NodeStatus } from '../../../src/consensus/engine-status.ts'

interface Member {
  readonly machine: StateMachine
  readonly events: EngineEvents
  appliedIndex: number
}

const failure = (code: ErrorCode, message: string = code): SluiceError =>
  new SluiceError(code, message)

/**
 * Nodes of one process that share a log. A node is cut off or it is not; while more than half are
 * not, one of them leads and all that is proposed holds.
 */
export class MemoryCluster {
  readonly #names: readonly string[]
  readonly #members = new Map<string, Member>()
  readonly #log: Uint8Array[] = []
  readonly #cut = new Set<string>()
  /** What a node begins with when it is started again. */
  readonly #kept = new Map<string, { readonly data: Uint8Array; readonly index: number }>()
  readonly #diverging = new Map<string, Uint8Array>()
  #leader: string | null
  #epoch = 1
  /** What the next proposals fail with, before they are taken. */
  readonly refusals: ErrorCode[] = []
  /** Proposals that were taken. */
  get length(): number {
    return this.#log.length
  }

  /** What was agreed on, in its order. */
  get log(): readonly Uint8Array[] {
    return this.#log
  }

  constructor(names: readonly string[]) {
    this.#names = names
    this.#leader = names[0] ?? null
  }

  /** Starts the engine of a node, from what it kept last. */
  start(name: string, machine: StateMachine, events: EngineEvents): Engine {
    const { data, index } = this.#kept.get(name) ?? { data: new Uint8Array(), index: 0 }
    machine.restore(data, index)
    const member: Member = { machine, events, appliedIndex: index }
    this.#members.set(name, member)
    this.#catchUp(name)
    return {
      agreement: {
        status: async () => this.#status(name),
        propose: (command) => this.#propose(name, command),
        read: async () => {
          await Promise.resolve()
          if (!this.#hasQuorum(name)) throw failure('no-quorum')
          this.#catchUp(name)
        },
      },
      members: {
        add: (added) => Promise.reject(failure('member-exists', added)),
        remove: (removed) => Promise.reject(failure('member-unknown', removed)),
        transfer: async (to) => this.lead(to),
      },
      peers: {
        ask: (to, kind, body) => this.#ask(name, to, kind, body),
        openStream: async (to) => {
          const stream = new PassThrough()
          this.#members.get(to)?.events.onStream(name, stream)
          return stream
        },
      },
      stop: async () => {
        this.#members.delete(name)
      },
    }
  }

  /** Cuts a node off from all others. */
  cut(...names: readonly string[]): void {
    for (const name of names) this.#cut.add(name)
    this.#elect()
  }

  /** Lets a node hear of the others again, and of what it has missed. */
  heal(...names: readonly string[]): void {
    for (const name of names) this.#cut.delete(name)
    this.#elect()
    for (const name of this.#connected) this.#catchUp(name)
  }

  /** A node is given other bytes than all others, the next time that something is agreed on. */
  diverge(name: string, command: Uint8Array): void {
    this.#diverging.set(name, command)
  }

  /** Has bytes agreed on that no node has proposed. */
  async put(command: Uint8Array): Promise<void> {
    await this.#propose(this.#leader ?? '', command)
  }

  lead(name: string): void {
    this.#leader = name
    this.#epoch++
    this.#tell()
  }

  /** A node's engine cannot go on. */
  fail(name: string, error: Error): void {
    this.#members.get(name)?.events.onFatal(error)
  }

  /** What another node would send. */
  ask(to: string, kind: string, body: Uint8Array): Promise<Uint8Array> {
    return this.#members.get(to)!.events.onQuestion('lb9', kind, body)
  }

  /** A node takes over another's whole state, as a snapshot that is sent. */
  async sendSnapshot(from: string, to: string): Promise<void> {
    const source = this.#members.get(from)!
    const target = this.#members.get(to)!
    target.appliedIndex = source.appliedIndex
    target.machine.restore(await source.machine.snapshot(), source.appliedIndex)
  }

  /** A node keeps a snapshot of its state. */
  async keepSnapshot(name: string): Promise<void> {
    const { machine, appliedIndex } = this.#members.get(name)!
    this.#kept.set(name, { data: await machine.snapshot(), index: appliedIndex })
  }

  get #connected(): readonly string[] {
    return this.#names.filter((name) => !this.#cut.has(name))
  }

  #hasQuorum(name: string): boolean {
    return !this.#cut.has(name) && this.#connected.length * 2 > this.#names.length
  }

  #elect(): void {
    const connected = this.#connected
    const [first = null] = connected.length * 2 > this.#names.length ? connected : []
    if (this.#leader === null || !connected.includes(this.#leader) || first === null) {
      this.#leader = first
      this.#epoch++
    }
    this.#tell()
  }

  #tell(): void {
    for (const [name, { events }] of this.#members) events.onStatus(this.#status(name))
  }

  #catchUp(name: string): void {
    const member = this.#members.get(name)
    if (member === undefined || this.#cut.has(name)) return
    while (member.appliedIndex < this.#log.length) {
      member.appliedIndex++
      member.machine.apply(member.appliedIndex, this.#log[member.appliedIndex - 1]!)
    }
  }

  async #propose(name: string, command: Uint8Array): Promise<number> {
    await Promise.resolve()
    if (!this.#hasQuorum(name)) throw failure('no-quorum')
    const refusal = this.refusals.shift()
    if (refusal !== undefined) throw failure(refusal)
    this.#log.push(command)
    for (const node of this.#connected) {
      const member = this.#members.get(node)
      if (member === undefined) continue
      this.#catchUpTo(member, this.#log.length - 1)
      member.appliedIndex++
      member.machine.apply(member.appliedIndex, this.#diverging.get(node) ?? command)
      this.#diverging.delete(node)
    }
    return this.#log.length
  }

  #catchUpTo(member: Member, index: number): void {
    while (member.appliedIndex < index) {
      member.appliedIndex++
      member.machine.apply(member.appliedIndex, this.#log[member.appliedIndex - 1]!)
    }
  }

  async #ask(from: string, to: string, kind: string, body: Uint8Array): Promise<Uint8Array> {
    await Promise.resolve()
    const member = this.#members.get(to)
    if (this.#cut.has(from) || this.#cut.has(to) || member === undefined) {
      throw failure('peer-unreachable', `${to} cannot be reached`)
    }
    try {
      return await member.events.onQuestion(from, kind, body)
    } catch (error) {
      throw failure('peer-refused', (error as Error).message)
    }
  }

  #status(name: string): EngineStatus {
    const hasQuorum = this.#hasQuorum(name)
    const leader = hasQuorum ? this.#leader : null
    const isLeader = leader === name
    const nodes = this.#names.map((node): NodeStatus => {
      const isKnown = isLeader || node === name
      const isReachable = node === name || !this.#cut.has(node)
      return {
        name: node,
        id: `${node}/1`,
        address: `10.0.0.1:${7400 + this.#names.indexOf(node)}`,
        membership: 'voter',
        isReachable: isKnown ? isReachable : null,
        matchIndex: null,
      }
    })
    return {
      engine: 'memory',
      name,
      id: `${name}/1`,
      clusterId: 'c1',
      role: isLeader ? 'leader' : hasQuorum ? 'follower' : 'candidate',
      epoch: this.#epoch,
      leader,
      hasQuorum,
      commitIndex: this.#log.length,
      appliedIndex: this.#members.get(name)?.appliedIndex ?? 0,
      lastIndex: this.#log.length,
      firstIndex: 1,
      nodes,
      note: '',
    }
  }
}
