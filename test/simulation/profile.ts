import type { DriverOptions } from '../../src/consensus/driver/driver-options.ts'
import type { RaftOptions } from '../../src/consensus/raft/raft-options.ts'
import type { Dice } from './dice.ts'
import type { DiskProfile } from './disk.ts'
import { CALM_NETWORK, type NetworkProfile } from './network.ts'

/** What may go wrong in a run. */
export const FAULTS = [
  'crash',
  'storage-crash',
  'stop',
  'pause',
  'isolate',
  'split',
  'one-way',
  'chain',
  'scatter',
  'disk-failure',
  'disk-stall',
  'wipe',
  'rot',
  'membership',
  'transfer',
  'weather',
] as const

/**
 * One of {@link FAULTS}; or `tail-loss`, which no run draws: a disk that lies about what it has is
 * survived only where the leader that it lied to is still there.
 */
export type Fault = (typeof FAULTS)[number] | 'tail-loss'

/** What kind of run a seed is. Each seed has some of the faults only, so that one does not hide another. */
export interface Profile {
  readonly voters: number
  readonly spares: number
  readonly clients: number
  readonly keys: number
  /** What a client waits between its operations, at most. */
  readonly thinkMs: number
  /** How long faults go on. */
  readonly faultsMs: number
  readonly faults: readonly Fault[]
  readonly faultEveryMs: number
  /** How long a machine stays down, on average. */
  readonly downMs: number
  readonly network: NetworkProfile
  readonly disk: DiskProfile
  /** A state machine takes this long for a snapshot, at most; meanwhile it goes on. */
  readonly snapshotMs: number
  /** Clocks run by up to this part faster or slower. */
  readonly clockError: number
  /** Messages go as bytes, as they do between daemons. */
  readonly isEncoded: boolean
  readonly driver: Omit<DriverOptions, 'readTimeoutMs'> & {
    readonly raft: Omit<RaftOptions, 'id'>
  }
}

/** No node waits longer before it campaigns. */
export const ELECTION_MAX_MS = 600

/** Draws the kind of a run. */
export function drawProfile(dice: Dice): Profile {
  const voters = dice.pick([3, 3, 3, 4, 5, 5])
  const faults = FAULTS.filter(() => dice.chance(0.45))
  return {
    voters,
    spares: faults.includes('membership') ? dice.below(8 - voters) : 0,
    clients: 2 + dice.below(3),
    keys: 1 + dice.below(4),
    thinkMs: dice.pick([30, 150, 150, 400]),
    faultsMs: dice.between(4_000, 12_000),
    faults: faults.length > 0 ? faults : ['crash'],
    faultEveryMs: dice.pick([100, 250, 600]),
    downMs: dice.pick([50, 300, 1_500]),
    network: drawNetwork(dice),
    disk: drawDisk(dice),
    clockError: dice.pick([0, 0.02, 0.1]),
    isEncoded: dice.chance(0.25),
    driver: drawDriver(dice),
    snapshotMs: dice.pick([0, 0, 5, 400]),
  }
}

/** Draws how the network behaves for a while. */
export function drawNetwork(dice: Dice): NetworkProfile {
  return {
    ...CALM_NETWORK,
    delayMaxMs: dice.pick([1, 5, 40]),
    slowChance: dice.pick([0, 0.02, 0.1]),
    slowMs: dice.pick([50, 400, 1_500]),
    lossChance: dice.pick([0, 0, 0.01, 0.1, 0.3]),
    duplicateChance: dice.pick([0, 0, 0.05, 0.2]),
    isOrdered: dice.chance(0.5),
  }
}

function drawDisk(dice: Dice): DiskProfile {
  return {
    syncMinMs: 0.1,
    syncMaxMs: dice.pick([0.5, 3, 30]),
    stallChance: dice.pick([0, 0, 0.02]),
    stallMs: dice.pick([100, 700]),
  }
}

/** Bounds are tiny, so that all of them are met within seconds. */
function drawDriver(dice: Dice): Profile['driver'] {
  const electionMaxMs = dice.pick([ELECTION_MAX_MS / 2, ELECTION_MAX_MS])
  return {
    pendingProposalsMax: dice.pick([4, 64]),
    pendingReadsMax: dice.pick([4, 64]),
    snapshotEntries: dice.pick([3, 8, 25, 1_000]),
    snapshotBytes: dice.pick([400, 1_000_000]),
    keptEntries: dice.pick([0, 2, 10]),
    keptBytes: dice.pick([200, 1_000_000]),
    raft: {
      heartbeatMs: 50,
      commitNoticeMs: dice.pick([0, 2, 40]),
      electionMinMs: electionMaxMs / 2,
      electionMaxMs,
      appendBytesMax: dice.pick([150, 500, 100_000]),
      inflightAppendsMax: dice.pick([1, 2, 8, 64]),
      inflightBytesMax: dice.pick([400, 1_000_000]),
      uncommittedBytesMax: dice.pick([1_000, 1_000_000]),
      snapshotChunkBytes: dice.pick([16, 64, 1_000]),
      snapshotChunksInflightMax: dice.pick([1, 3]),
      snapshotBytesMax: 1_000_000,
      pendingReadsMax: dice.pick([2, 64]),
      readMode: dice.chance(0.4) ? 'lease' : 'read-index',
      clockDriftPercent: 10,
    },
  }
}
