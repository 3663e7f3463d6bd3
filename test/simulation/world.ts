import type { Membership, NodeId, Snapshot } from '../../src/consensus/log/entries.ts'
import type { Persist } from '../../src/consensus/log/persist.ts'
import { decodeMessage, encodeMessage } from '../../src/consensus/raft/message-codec.ts'
import type { Message } from '../../src/consensus/raft/messages.ts'
import { Agenda } from './agenda.ts'
import { Dice } from './dice.ts'
import type { Disk } from './disk.ts'
import { Judge } from './judge.ts'
import { Machine } from './machine.ts'
import { Network } from './network.ts'
import type { Sources } from './patched-sources.ts'
import { drawProfile, type Profile } from './profile.ts'
import { Trace } from './trace.ts'

/** What is put together to a world; tests give parts with a defect. */
export interface Parts extends Sources {
  readonly Disk: typeof Disk
  /** What goes out in place of a message. */
  readonly alter: ((message: Message) => Message | null) | null
  /** What kind of a run it is, in place of what was drawn. */
  readonly tune: ((profile: Profile) => Profile) | null
  /** Whether a machine that has lost its data comes back under its old identity. */
  readonly isIdentityKept: boolean
}

/** How often something has come to pass, so that a test can tell that it does. */
export interface Counts {
  messages: number
  writes: number
  snapshotsTaken: number
  snapshotsReceived: number
  crashes: number
  storageCrashes: number
  pauses: number
  partitions: number
  wipes: number
  diskFailures: number
  /** Ends of logs that disks lost, and nodes that knew it and joined anew. */
  tails: number
  losses: number
  membershipChanges: number
  promotions: number
  transfers: number
  acknowledged: number
  dropped: number
  unknown: number
  reads: number
  failedReads: number
}

function noCounts(): Counts {
  return {
    messages: 0,
    writes: 0,
    snapshotsTaken: 0,
    snapshotsReceived: 0,
    crashes: 0,
    storageCrashes: 0,
    pauses: 0,
    partitions: 0,
    wipes: 0,
    diskFailures: 0,
    tails: 0,
    losses: 0,
    membershipChanges: 0,
    promotions: 0,
    transfers: 0,
    acknowledged: 0,
    dropped: 0,
    unknown: 0,
    reads: 0,
    failedReads: 0,
  }
}

/** Everything that a run is made of. */
export class World {
  readonly dice: Dice
  readonly agenda = new Agenda()
  readonly judge = new Judge()
  readonly counts = noCounts()
  readonly trace: Trace
  readonly profile: Profile
  readonly network: Network
  readonly machines: readonly Machine[]
  readonly parts: Parts
  readonly #machinesByName: ReadonlyMap<string, Machine>
  readonly #names = new Map<NodeId, string>()
  #moment = 0

  constructor(seed: number, parts: Parts, isTraced: boolean) {
    this.parts = parts
    this.dice = new Dice(seed)
    const drawn = drawProfile(this.dice)
    this.profile = parts.tune === null ? drawn : parts.tune(drawn)
    this.trace = new Trace(isTraced, () => this.agenda.nowMs)
    this.trace.note(() => `seed ${seed}: ${JSON.stringify(this.profile)}`)
    this.network = new Network(this.agenda, this.dice, this.profile.network)
    const names = Array.from(
      { length: this.profile.voters + this.profile.spares },
      (_, n) => `n${n + 1}`,
    )
    const founding = foundingSnapshot(names.slice(0, this.profile.voters))
    this.machines = names.map((name) => new Machine(name, this, founding))
    this.#machinesByName = new Map(this.machines.map((machine) => [machine.name, machine]))
  }

  /** @returns a number greater than all before; orders what clients see */
  nextMoment(): number {
    this.#moment += 1
    return this.#moment
  }

  newDisk(id: NodeId, founding: Snapshot): Disk {
    const disk = new this.parts.Disk(id, founding, this.profile.disk, {
      agenda: this.agenda,
      dice: this.dice,
      observer: {
        onWrite: (written, persist) => this.#onWrite(written, persist),
        onStorageStep: (stepped) => this.#onStorageStep(stepped),
        onWritten: (written, tell) => this.machineOf(written.id)?.onWritten(tell),
      },
    })
    this.judge.watch(disk)
    return disk
  }

  send(message: Message): void {
    this.counts.messages += 1
    const sent = this.parts.alter === null ? message : this.parts.alter(message)
    if (sent === null) return
    this.judge.onSend(sent)
    const to = this.#nameOf(sent.to)
    const bytes = this.profile.isEncoded ? encodeMessage(sent) : null
    this.network.send(this.#nameOf(sent.from), to, () => {
      this.#machinesByName.get(to)?.receive(bytes === null ? sent : decodeMessage(bytes))
    })
  }

  machineOf(id: NodeId): Machine | null {
    const machine = this.#machinesByName.get(this.#nameOf(id))
    return machine?.id === id ? machine : null
  }

  machineNamed(name: string): Machine | null {
    return this.#machinesByName.get(name) ?? null
  }

  /** The running machine that leads in the highest term. */
  leader(): Machine | null {
    let leader: Machine | null = null
    let term = -1
    for (const machine of this.machines) {
      if (machine.state !== 'running') continue
      const status = machine.status()
      if (status?.role === 'leader' && status.term > term) {
        leader = machine
        term = status.term
      }
    }
    return leader
  }

  /** All machines that take themselves for leaders: of several, only one is right. */
  claimants(): Machine[] {
    return this.machines.filter((machine) => machine.status()?.role === 'leader')
  }

  #nameOf(id: NodeId): string {
    const known = this.#names.get(id)
    if (known !== undefined) return known
    const name = id.slice(0, id.indexOf('/'))
    this.#names.set(id, name)
    return name
  }

  #onWrite(disk: Disk, persist: Persist): void {
    this.counts.writes += 1
    if (persist.snapshot !== null) {
      if (persist.isLogReset) this.counts.snapshotsReceived += 1
      else this.counts.snapshotsTaken += 1
    }
    this.trace.note(
      () =>
        `${disk.id} writes ${persist.sequence}: ${JSON.stringify(persist.hardState)} snapshot=${persist.snapshot?.index ?? '-'} reset=${persist.isLogReset} entries=${persist.entries.map((e) => `${e.index}@${e.term}`).join()} first=${persist.firstIndex}`,
    )
    this.judge.onWrite(disk, persist)
  }

  #onStorageStep(disk: Disk): boolean {
    const isCrash = this.machineOf(disk.id)?.onStorageStep() ?? false
    if (isCrash) this.counts.storageCrashes += 1
    return isCrash
  }
}

function foundingSnapshot(names: readonly string[]): Snapshot {
  const membership: Membership = {
    voters: names.map((name) => ({ id: `${name}/1`, name, address: `${name}:1` })),
    outgoing: [],
    learners: [],
    invited: [],
  }
  return { index: 0, term: 0, membership, data: new Uint8Array(0) }
}
