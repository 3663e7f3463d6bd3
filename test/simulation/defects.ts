import { ForgetfulDisk, GullibleDisk, LyingDisk, StubbornDisk } from './faulty-disks.ts'
import { CALM_NETWORK } from './network.ts'
import { type Patch, patchedSources } from './patched-sources.ts'
import type { Fault, Profile } from './profile.ts'
import { RIGHT_PARTS } from './simulation.ts'
import type { Parts } from './world.ts'

/** A mistake that implementations of consensus have made, or could, and how it is put in. */
export interface Defect {
  readonly name: string
  readonly patches?: readonly Patch[]
  readonly parts?: Partial<Parts>
  /** What the judges may say of it. */
  readonly expected: RegExp
  /** The last seed by which it has to be found. */
  readonly seedsMax: number
  /**
   * Where the search begins: those before are known not to show it, and would take most of a minute.
   * It moves when a change of the core moves the runs. Default: 1.
   */
  readonly seedFirst?: number
}

/** The parts of a world with a defect. */
export async function partsWith(defect: Defect): Promise<Parts> {
  const sources = defect.patches === undefined ? {} : await patchedSources(defect.patches)
  return { ...RIGHT_PARTS, ...defect.parts, ...sources }
}

/** Has every run know these faults. */
function withFaults(
  faultEveryMs: number,
  ...faults: readonly Fault[]
): (profile: Profile) => Profile {
  return (profile) => ({ ...profile, faults, faultEveryMs })
}

/** Election timeouts that are nearly the same, so that nodes campaign against each other. */
function withRivals(
  faultEveryMs: number,
  ...faults: readonly Fault[]
): (profile: Profile) => Profile {
  return (profile) => {
    const { driver } = profile
    const raft = { ...driver.raft, electionMinMs: 150, electionMaxMs: 160 }
    return { ...profile, faults, faultEveryMs, downMs: 50, driver: { ...driver, raft } }
  }
}

/** Reads by lease of one key, by clients that ask all the time; new leaders come fast. */
function withLeases(
  faultEveryMs: number,
  ...faults: readonly Fault[]
): (profile: Profile) => Profile {
  return (profile) => {
    const { driver, network } = profile
    const raft = {
      ...driver.raft,
      readMode: 'lease' as const,
      electionMinMs: 300,
      electionMaxMs: 420,
    }
    return {
      ...profile,
      faults,
      faultEveryMs,
      clockError: 0.1,
      faultsMs: 6_000,
      clients: 4,
      keys: 2,
      thinkMs: 20,
      network: { ...network, delayMaxMs: 1, slowChance: 0.02, slowMs: 200, lossChance: 0 },
      disk: { syncMinMs: 0.1, syncMaxMs: 0.5, stallChance: 0, stallMs: 0 },
      driver: { ...driver, raft },
    }
  }
}

/** Followers lose ends of their logs, and nothing else goes wrong. */
export function withLostTails(profile: Profile): Profile {
  const { driver } = profile
  return {
    ...profile,
    faults: ['tail-loss'],
    faultsMs: 5_000,
    faultEveryMs: 600,
    network: CALM_NETWORK,
    disk: { syncMinMs: 0.1, syncMaxMs: 3, stallChance: 0, stallMs: 0 },
    driver: { ...driver, raft: { ...driver.raft, electionMinMs: 300, electionMaxMs: 600 } },
  }
}

/** Nodes do not agree any more, or are about to. */
const DIVERGES =
  /has lost|commits entry|has another entry|applies another|leads? in term|invariant broken|has before entry|another state|skips|durable on|votes for|no convergence/
/** What clients are told contradicts itself. */
const STALE = /has no order/

/** All of them; each has to be found. */
export const DEFECTS: readonly Defect[] = [
  {
    name: 'the disk forgets the vote',
    parts: { Disk: ForgetfulDisk, tune: withRivals(150, 'crash', 'storage-crash') },
    expected: /votes for|lead in term/,
    seedsMax: 300,
    seedFirst: 51,
  },
  {
    name: 'the disk takes a torn record for whole',
    parts: { Disk: GullibleDisk, tune: withFaults(150, 'crash', 'storage-crash', 'split') },
    expected: DIVERGES,
    seedsMax: 400,
  },
  {
    name: 'the disk says too early that it has written',
    parts: { Disk: LyingDisk, tune: withFaults(150, 'crash', 'split') },
    expected: DIVERGES,
    seedsMax: 50,
  },
  {
    name: 'the disk keeps what is truncated',
    parts: { Disk: StubbornDisk, tune: withFaults(150, 'crash', 'isolate', 'split') },
    expected: DIVERGES,
    seedsMax: 300,
    seedFirst: 81,
  },
  {
    name: 'a node that has lost its data comes back under its old identity',
    parts: { isIdentityKept: true, tune: withFaults(150, 'wipe', 'split', 'transfer') },
    expected: DIVERGES,
    seedsMax: 50,
  },
  {
    name: 'replies are sent before what they say is durable',
    patches: [
      {
        file: 'driver/driver.ts',
        find: 'this.#write(persist, messagesAfterPersist)',
        replace:
          'for (const message of messagesAfterPersist) this.#host.send(message); this.#write(persist, [])',
      },
    ],
    expected: /durable on/,
    seedsMax: 50,
  },
  {
    name: 'a leader counts what its own disk does not have yet',
    patches: [
      {
        file: 'raft/leader/replication.ts',
        find: 'return this.#state.durability.durableIndex',
        replace: 'return this.#state.log.lastIndex',
      },
    ],
    expected: /durable on/,
    seedsMax: 100,
  },
  {
    name: 'a failed write passes for a durable one',
    patches: [
      {
        file: 'driver/driver.ts',
        find: 'if (failure !== null) {',
        replace: 'if (failure === undefined) {',
      },
    ],
    parts: { tune: withFaults(150, 'disk-failure') },
    expected: DIVERGES,
    seedsMax: 100,
  },
  {
    name: 'entries of earlier terms are committed by counting',
    patches: [
      {
        file: 'raft/leader/leadership.ts',
        find: ' || log.termAt(index) !== term) return',
        replace: ') return',
      },
    ],
    parts: { tune: withFaults(150, 'crash', 'split', 'isolate') },
    expected: /by counting/,
    seedsMax: 200,
  },
  {
    name: 'appends are taken without a look at the term before them',
    patches: [
      {
        file: 'raft/follower.ts',
        find: 'if (log.termAt(prevIndex) !== prevTerm) {',
        replace: 'if (log.termAt(prevIndex) === null) {',
      },
    ],
    expected: DIVERGES,
    seedsMax: 500,
  },
  {
    name: 'a late append cuts off what a newer one has brought',
    patches: [
      {
        file: 'raft/follower.ts',
        find: 'const news = entries.findIndex(({ index, term }) => log.termAt(index) !== term)',
        replace:
          'const news = entries.findIndex(({ index }) => index > log.commitIndex); if (entries.length === 0 && prevIndex > log.commitIndex && prevIndex < log.lastIndex) this.#state.truncateFrom(prevIndex + 1)',
      },
    ],
    expected: DIVERGES,
    seedsMax: 300,
  },
  {
    name: 'votes go to candidates with a worse log',
    patches: [
      {
        file: 'raft/elections.ts',
        find: 'return lastTerm > log.lastTerm || (lastTerm === log.lastTerm && lastIndex >= log.lastIndex)',
        replace: 'return lastTerm >= 0 || lastIndex >= log.lastIndex',
      },
    ],
    parts: { tune: withFaults(150, 'crash', 'split', 'isolate') },
    expected: DIVERGES,
    seedsMax: 100,
  },
  {
    name: 'a confirmation counts for entries that were cut off meanwhile',
    patches: [
      {
        file: 'log/durability.ts',
        find: 'for (const write of this.#pending) write.confirmIndex = Math.min(write.confirmIndex, index - 1)',
        replace: '',
      },
    ],
    parts: { tune: withFaults(150, 'crash', 'storage-crash', 'disk-stall', 'isolate') },
    expected: DIVERGES,
    seedsMax: 600,
    seedFirst: 131,
  },
  {
    name: 'a membership changes without a joint phase',
    patches: [
      {
        file: 'log/membership.ts',
        find: 'return isSame ? target : { ...target, outgoing: current.voters }',
        replace: 'return target',
      },
    ],
    parts: { tune: withFaults(150, 'membership', 'isolate', 'split') },
    expected: DIVERGES,
    seedsMax: 200,
  },
  {
    name: 'snapshots have the membership of the founding',
    patches: [
      {
        file: 'driver/driver.ts',
        find: "if (payload.kind === 'membership') this.#appliedMembership = payload.membership",
        replace: '',
      },
    ],
    parts: { tune: withFaults(150, 'membership', 'crash', 'wipe') },
    expected: DIVERGES,
    seedsMax: 50,
  },
  {
    name: 'a snapshot that comes late passes for the state of the moment',
    patches: [
      {
        file: 'driver/driver.ts',
        find: 'this.#core.compact({ index, term, membership, data }, keepFromIndex)',
        replace:
          'this.#core.compact({ index: this.#appliedIndex, term: this.#appliedTerm, membership: this.#appliedMembership, data }, keepFromIndex)',
      },
    ],
    parts: {
      tune: (profile) => ({ ...withFaults(150, 'crash', 'wipe')(profile), snapshotMs: 400 }),
    },
    expected: DIVERGES,
    seedsMax: 50,
  },
  {
    name: 'now and then a command is applied twice',
    patches: [
      {
        file: 'driver/driver.ts',
        find: "if (payload.kind === 'command') this.#host.machine.apply(index, payload.data)",
        replace:
          "for (let n = index % 30 === 0 ? 2 : 1; n > 0 && payload.kind === 'command'; n--) this.#host.machine.apply(index, payload.data)",
      },
    ],
    expected: /applies \d+ after/,
    seedsMax: 100,
  },
  {
    name: 'a leader answers reads without asking a quorum',
    patches: [
      {
        file: 'raft/leader/leader-reads.ts',
        find: 'return nowMs < sentMs + leaseMs',
        replace: 'return true',
      },
    ],
    parts: { tune: withLeases(700, 'isolate', 'split', 'pause') },
    expected: STALE,
    seedsMax: 250,
  },
  {
    name: 'a lease lasts as if all clocks went alike, and a little longer',
    patches: [
      {
        file: 'raft/leader/leader-reads.ts',
        find: '(electionMinMs * (100 - clockDriftPercent)) / (100 + clockDriftPercent)',
        replace: 'electionMinMs * (100 + clockDriftPercent) / (100 - clockDriftPercent)',
      },
    ],
    parts: { tune: withLeases(700, 'isolate') },
    expected: STALE,
    seedsMax: 500,
    seedFirst: 121,
  },
  {
    name: 'a lease outlives the handover of leadership',
    patches: [
      {
        file: 'raft/leader/leader-reads.ts',
        find: 'this.#mayLease = false',
        replace: 'this.#mayLease = true',
      },
    ],
    parts: { tune: withLeases(150, 'transfer') },
    expected: STALE,
    seedsMax: 300,
    seedFirst: 21,
  },
  {
    name: 'a new leader reads before an entry of its term is committed',
    patches: [
      {
        file: 'raft/leader/leader-reads.ts',
        find: 'return this.#state.log.commitIndex >= this.#termStartIndex',
        replace: 'return true',
      },
    ],
    parts: { tune: withFaults(150, 'transfer', 'crash', 'isolate') },
    expected: STALE,
    seedsMax: 300,
  },
  {
    name: 'a proposal that nobody knows of is said to be dropped',
    patches: [
      {
        file: 'driver/proposals.ts',
        find: "for (const { onOutcome } of waiters) onOutcome({ kind: 'unknown' })",
        replace: "for (const { onOutcome } of waiters) onOutcome({ kind: 'dropped' })",
      },
    ],
    parts: { tune: withFaults(150, 'stop', 'isolate', 'split') },
    expected: STALE,
    seedsMax: 100,
  },
  {
    name: 'a node that has lost the end of its log goes on',
    patches: [{ file: 'raft/follower.ts', find: 'this.lostIndex = commit', replace: '' }],
    parts: { tune: withLostTails },
    expected: DIVERGES,
    seedsMax: 20,
  },
  {
    name: 'a leader whose disk hangs keeps the lead',
    patches: [
      {
        file: 'raft/raft.ts',
        find: 'if (this.#state.isDiskStalled && !this.#leadership.giveWay()) this.#becomeFollower(null)',
        replace: '',
      },
    ],
    parts: { tune: withFaults(150, 'disk-stall') },
    expected: /keeps the lead/,
    seedsMax: 20,
  },
  {
    name: 'a follower that refuses an append is asked the same again',
    patches: [
      {
        file: 'raft/leader/progress.ts',
        find: 'const next = Math.min(meetIndex + 1, prevIndex)',
        replace: 'const next = prevIndex + 1',
      },
    ],
    expected: /no convergence|does not end/,
    seedsMax: 50,
  },
]
