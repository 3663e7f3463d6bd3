import type { CoreInitial } from '../../../../src/consensus/core/core.ts'
import type { Ready } from '../../../../src/consensus/core/ready.ts'
import type { Entry, Membership, NodeId, Snapshot } from '../../../../src/consensus/log/entries.ts'
import type { Message } from '../../../../src/consensus/raft/messages.ts'
import { Raft } from '../../../../src/consensus/raft/raft.ts'
import type { RaftOptions } from '../../../../src/consensus/raft/raft-options.ts'
import { Disk, foundingOf, membershipOf } from './disk.ts'

export const ELECTION_MIN_MS = 300
export const ELECTION_MAX_MS = 600
export const HEARTBEAT_MS = 50

/** Options that tests change where they care. */
export const OPTIONS: Omit<RaftOptions, 'id'> = {
  heartbeatMs: HEARTBEAT_MS,
  commitNoticeMs: 0,
  electionMinMs: ELECTION_MIN_MS,
  electionMaxMs: ELECTION_MAX_MS,
  appendBytesMax: 4096,
  inflightAppendsMax: 8,
  inflightBytesMax: 32 * 1024,
  uncommittedBytesMax: 64 * 1024,
  snapshotChunkBytes: 16,
  snapshotChunksInflightMax: 3,
  snapshotBytesMax: 4096,
  pendingReadsMax: 100,
  readMode: 'read-index',
  clockDriftPercent: 10,
}

/** A source of randomness that a seed determines (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** What an entry is compared by. */
function wordOf(entry: Entry): string {
  const { payload } = entry
  if (payload.kind === 'command') return new TextDecoder().decode(payload.data)
  return payload.kind === 'empty' ? '-' : membershipWord(payload.membership)
}

/** Short for a membership: `abc`, or `abd<abc +e` in a joint phase with a learner. */
export function membershipWord({ voters, outgoing, learners }: Membership): string {
  const idsOf = (members: Membership['voters']) => members.map(({ id }) => id).join('')
  const joint = outgoing.length > 0 ? `<${idsOf(outgoing)}` : ''
  const extra = learners.length > 0 ? ` +${idsOf(learners)}` : ''
  return `${idsOf(voters)}${joint}${extra}`
}

/** A node of the group: a core, a disk and a state machine that keeps every command. */
export class GroupNode {
  readonly id: NodeId
  readonly disk: Disk
  raft: Raft
  /** Every command applied, in order; what a snapshot holds too. */
  applied: string[] = []
  appliedIndex: number
  appliedTerm: number
  /** As of the last applied entry. */
  membership: Membership
  /** Answers to reads by context. */
  readonly reads = new Map<number, number | null>()
  isUp = true
  /** Neither ticks nor takes messages; they wait. */
  isPaused = false
  /** Writes wait for {@link Group.finishWrites}. */
  holdsWrites = false
  readonly heldWrites: Ready<Message>[] = []
  /** Its clock against the group's. */
  clockRate = 1
  readonly options: RaftOptions
  readonly #random: () => number

  constructor(options: RaftOptions, initial: CoreInitial, random: () => number, nowMs: number) {
    this.id = options.id
    this.options = options
    this.#random = random
    this.disk = new Disk(initial)
    this.appliedIndex = initial.snapshot.index
    this.appliedTerm = initial.snapshot.term
    this.membership = initial.snapshot.membership
    this.raft = this.#start(nowMs)
  }

  clockMs(nowMs: number): number {
    return nowMs * this.clockRate
  }

  restart(nowMs: number): void {
    this.heldWrites.length = 0
    this.reads.clear()
    this.isUp = true
    this.raft = this.#start(this.clockMs(nowMs))
  }

  /** Sets the state machine to a snapshot. */
  install({ index, term, membership, data }: Snapshot): void {
    const text = new TextDecoder().decode(data)
    this.applied = text === '' ? [] : text.split(',')
    this.appliedIndex = index
    this.appliedTerm = term
    this.membership = membership
  }

  apply(entry: Entry): void {
    const { index, term, payload } = entry
    if (payload.kind === 'command') this.applied.push(wordOf(entry))
    if (payload.kind === 'membership') this.membership = payload.membership
    this.appliedIndex = index
    this.appliedTerm = term
  }

  snapshot(): Snapshot {
    return {
      index: this.appliedIndex,
      term: this.appliedTerm,
      membership: this.membership,
      data: new TextEncoder().encode(this.applied.join(',')),
    }
  }

  #start(nowMs: number): Raft {
    const initial = this.disk.initial()
    this.install(initial.snapshot)
    return new Raft(this.options, initial, this.#random, nowMs)
  }
}

/** What a test may do to a message on its way. */
export type Filter = (message: Message) => boolean

const DELIVERIES_MAX = 200_000

/**
 * Cores on a network without time: what is sent arrives before time goes on, unless a link is cut.
 * After each step it checks what must always hold.
 */
export class Group {
  readonly nodes = new Map<NodeId, GroupNode>()
  nowMs = 0
  /** On their way, in the order of their sending. */
  readonly wire: Message[] = []
  /** All that was sent, and when. */
  readonly sent: Message[] = []
  readonly #sentMs: number[] = []
  filter: Filter = () => true
  readonly #seed: number
  readonly #cut = new Set<string>()
  readonly #leaderOfTerm = new Map<number, NodeId>()
  readonly #committed = new Map<number, string>()
  #committedIndex = 0
  /** What had been acknowledged when a read was asked for, by its context. */
  readonly #readFloor = new Map<number, number>()

  constructor(seed = 1) {
    this.#seed = seed
  }

  /** A founded group of voters. */
  static of(voters: string, options: Partial<RaftOptions> = {}, seed = 1): Group {
    const group = new Group(seed)
    for (const id of voters) {
      group.add(id, { snapshot: foundingOf(membershipOf(voters)) }, options)
    }
    return group
  }

  add(id: NodeId, initial: Partial<CoreInitial>, options: Partial<RaftOptions> = {}): GroupNode {
    const node = new GroupNode(
      { ...OPTIONS, ...options, id },
      {
        hardState: { term: 0, vote: null },
        snapshot: foundingOf(membershipOf(id)),
        entries: [],
        ...initial,
      },
      randomOf(this.#seed * 1000 + this.nodes.size),
      this.nowMs,
    )
    this.nodes.set(id, node)
    return node
  }

  node(id: NodeId): GroupNode {
    const node = this.nodes.get(id)
    if (node === undefined) throw new Error(`no node ${id}`)
    return node
  }

  raft(id: NodeId): Raft {
    return this.node(id).raft
  }

  role(id: NodeId): string {
    return this.raft(id).status().role
  }

  /** The leader of the highest term among the nodes that are up. */
  leader(): NodeId | null {
    let best: { id: NodeId; term: number } | null = null
    for (const { id, raft, isUp } of this.nodes.values()) {
      const { role, term } = raft.status()
      if (isUp && role === 'leader' && (best === null || term > best.term)) best = { id, term }
    }
    return best?.id ?? null
  }

  /** Cuts links in both directions: `a-b c-d`. */
  cut(links: string): void {
    for (const link of links.split(' ')) {
      const [a, b] = link.split('-')
      this.#cut.add(`${a}>${b}`).add(`${b}>${a}`)
    }
  }

  /** Separates groups of nodes from each other: `ab cde`. */
  partition(groups: string): void {
    const parts = groups.split(' ')
    for (const part of parts) {
      for (const other of parts) {
        if (part === other) continue
        for (const a of part) for (const b of other) this.#cut.add(`${a}>${b}`)
      }
    }
  }

  heal(): void {
    this.#cut.clear()
    this.filter = () => true
  }

  /** Has a node do something, and everything that follows. */
  act<Result>(id: NodeId, act: (raft: Raft, nowMs: number) => Result): Result {
    const node = this.node(id)
    const result = act(node.raft, node.clockMs(this.nowMs))
    this.pump(node)
    this.deliver()
    return result
  }

  propose(id: NodeId, word: string): boolean {
    const data = new TextEncoder().encode(word)
    return this.act(id, (raft, nowMs) => raft.propose(data, nowMs)).ok
  }

  changeTo(id: NodeId, target: Membership): boolean {
    return this.act(id, (raft, nowMs) => raft.proposeMembership(target, nowMs)).ok
  }

  /** Asks for a read. @returns its answer; undefined while there is none */
  read(id: NodeId, context: number): number | null | undefined {
    this.#readFloor.set(context, this.#committedIndex)
    this.act(id, (raft, nowMs) => raft.requestRead(context, nowMs))
    return this.node(id).reads.get(context)
  }

  /** Lets time pass, tick by tick. */
  pass(ms: number): void {
    const untilMs = this.nowMs + ms
    for (;;) {
      const dueMs = Math.min(...[...this.nodes.values()].map((node) => this.#dueMs(node)))
      if (dueMs > untilMs) break
      this.nowMs = Math.max(this.nowMs, dueMs)
      for (const node of this.nodes.values()) {
        if (!node.isUp || node.isPaused || this.#dueMs(node) > this.nowMs) continue
        node.raft.tick(node.clockMs(this.nowMs))
        this.pump(node)
      }
      this.deliver()
    }
    this.nowMs = untilMs
  }

  /** Lets time pass until something holds. */
  passUntil(holds: () => boolean, msMax = 20 * ELECTION_MAX_MS): void {
    for (let ms = 0; !holds(); ms += 10) {
      if (ms > msMax) throw new Error('what was waited for has not come')
      this.pass(10)
    }
  }

  /** Waits for a leader whose term has an entry committed. */
  elect(): NodeId {
    this.passUntil(() => {
      const id = this.leader()
      if (id === null) return false
      const node = this.node(id)
      return node.appliedTerm === node.raft.status().term
    })
    return this.leader() as NodeId
  }

  /** Makes a node the leader, first of all. */
  electThis(id: NodeId): void {
    this.passUntil(() => {
      this.act(id, (raft, nowMs) => raft.campaign(nowMs))
      return this.role(id) === 'leader'
    })
  }

  /** Has a node become a candidate that nobody hears. */
  electThisInVain(id: NodeId): void {
    this.pass(ELECTION_MIN_MS - 1)
    this.act(id, (raft, nowMs) => raft.campaign(nowMs))
    const { term } = this.raft(id).status()
    for (const other of this.nodes.keys()) {
      if (other === id) continue
      this.give({ type: 'pre-vote-reply', from: other, to: id, term: term + 1, isGranted: true })
    }
  }

  /** When messages of a type were sent. */
  sentMsOf(type: Message['type']): readonly number[] {
    return this.#sentMs.filter((_, n) => this.sent[n]?.type === type)
  }

  crash(id: NodeId): void {
    const node = this.node(id)
    node.isUp = false
    node.heldWrites.length = 0
    for (const [n, message] of [...this.wire.entries()].reverse()) {
      if (message.to === id) this.wire.splice(n, 1)
    }
  }

  restart(id: NodeId): void {
    const node = this.node(id)
    node.restart(this.nowMs)
    this.pump(node)
    this.deliver()
  }

  /** The writes that a node holds come to its disk, the first `count` of them. */
  finishWrites(id: NodeId, count = Number.POSITIVE_INFINITY): void {
    const node = this.node(id)
    for (let n = 0; n < count && node.heldWrites.length > 0; n++) {
      const ready = node.heldWrites.shift()
      if (ready !== undefined) this.#write(node, ready)
      this.pump(node)
    }
    this.deliver()
  }

  /** Has a node take a snapshot of what it has applied. */
  compact(id: NodeId, keep = 0): void {
    this.act(id, (raft) => {
      const snapshot = this.node(id).snapshot()
      raft.compact(snapshot, snapshot.index - keep + 1)
    })
  }

  /** Delivers what is on its way, and what that leads to. */
  deliver(): void {
    for (let n = 0; this.wire.length > 0; n++) {
      if (n > DELIVERIES_MAX) throw new Error('the group never comes to rest')
      const at = this.wire.findIndex(({ to }) => this.nodes.get(to)?.isPaused !== true)
      if (at < 0) return
      const [message] = this.wire.splice(at, 1)
      if (message !== undefined) this.give(message)
    }
  }

  /** Gives a message to whom it is for. */
  give(message: Message): void {
    const node = this.nodes.get(message.to)
    if (node === undefined || !node.isUp) return
    node.raft.step(message, node.clockMs(this.nowMs))
    this.pump(node)
  }

  /** Does what a core wants done. */
  pump(node: GroupNode): void {
    for (let ready = node.raft.takeReady(); ready !== null; ready = node.raft.takeReady()) {
      this.#send(ready.messages)
      if (node.holdsWrites || node.heldWrites.length > 0) node.heldWrites.push(ready)
      else this.#write(node, ready)
      this.#apply(node, ready)
    }
    this.#check(node)
  }

  #write(node: GroupNode, { persist, messagesAfterPersist }: Ready<Message>): void {
    if (persist !== null) {
      node.disk.write(persist)
      node.raft.persisted(persist.sequence, node.clockMs(this.nowMs))
    }
    this.#send(messagesAfterPersist)
  }

  #apply(node: GroupNode, { snapshot, committed, reads }: Ready<Message>): void {
    if (snapshot !== null) node.install(snapshot)
    for (const entry of committed) {
      if (entry.index !== node.appliedIndex + 1) throw new Error(`${node.id} skips an entry`)
      this.#agree(node, entry)
      node.apply(entry)
    }
    node.raft.applied(node.appliedIndex)
    for (const { context, index } of reads) this.#answer(node, context, index)
  }

  /** Never a read that misses what was acknowledged before it. */
  #answer(node: GroupNode, context: number, index: number | null): void {
    const floor = this.#readFloor.get(context) ?? 0
    if (index !== null && index < floor) throw new Error(`${node.id} reads ${index}, not ${floor}`)
    node.reads.set(context, index)
  }

  #send(messages: readonly Message[]): void {
    for (const message of messages) {
      this.sent.push(message)
      this.#sentMs.push(this.nowMs)
      if (this.#cut.has(`${message.from}>${message.to}`) || !this.filter(message)) continue
      this.wire.push(message)
    }
  }

  /** Never two values at one index. */
  #agree(node: GroupNode, entry: Entry): void {
    const value = `${entry.term}:${wordOf(entry)}`
    const known = this.#committed.get(entry.index) ?? value
    if (known !== value) throw new Error(`${node.id} has ${value} at ${entry.index}, not ${known}`)
    this.#committed.set(entry.index, known)
    this.#committedIndex = Math.max(this.#committedIndex, entry.index)
  }

  /** Never two leaders in one term. */
  #check(node: GroupNode): void {
    const { role, term } = node.raft.status()
    if (role !== 'leader') return
    const known = this.#leaderOfTerm.get(term) ?? node.id
    if (known !== node.id) throw new Error(`${node.id} and ${known} lead in term ${term}`)
    this.#leaderOfTerm.set(term, known)
  }

  #dueMs(node: GroupNode): number {
    if (!node.isUp || node.isPaused) return Number.POSITIVE_INFINITY
    // A little later than exactly: the way to the node's clock and back is rounded.
    return (node.raft.nextDeadlineMs() + 1e-3) / node.clockRate
  }
}
