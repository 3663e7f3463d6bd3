import { SluiceError } from '../../base/errors.ts'
import type { Driver } from '../driver/driver.ts'
import type { Scheduler } from '../driver/driver-options.ts'
import type { NodeId } from '../log/entries.ts'
import type { PeerRequests } from '../peers/questions.ts'
import type { Conditions } from './awaited-conditions.ts'

/** What the parts of a Raft engine share. */
export interface EngineView {
  readonly scheduler: Scheduler
  readonly requests: PeerRequests
  readonly conditions: Conditions
  /** Whether a message to a node may arrive. */
  isConnected(id: NodeId): boolean
  /** The longest silence that a follower bears. */
  readonly electionMaxMs: number
  /** @throws SluiceError `engine-stopped`; `no-quorum` while the node belongs to no cluster */
  driver(): Driver
}

/** What tells how old news is. */
type Clocked = Pick<EngineView, 'scheduler' | 'electionMaxMs'>

/** Whether the leader that a driver knows was heard within an election timeout, or is this node. */
export function hasQuorum(driver: Driver, { scheduler, electionMaxMs }: Clocked): boolean {
  const { role, leader } = driver.standing()
  if (role === 'leader') return true
  const heardMs = driver.status().heardFromLeaderMs ?? Number.NEGATIVE_INFINITY
  return leader !== null && scheduler.nowMs() - heardMs < electionMaxMs
}

/**
 * Whether to wait a moment for a leader rather than to give up: one was heard within an election
 * timeout, and may be about to hand over, or another about to be elected.
 */
export function mayHaveQuorum(driver: Driver, { scheduler, electionMaxMs }: Clocked): boolean {
  const { role, heardFromLeaderMs } = driver.status()
  const heardMs = heardFromLeaderMs ?? Number.NEGATIVE_INFINITY
  return role === 'leader' || scheduler.nowMs() - heardMs < electionMaxMs
}

/** @returns the error of a node that finds no leader; nothing was proposed */
export function noQuorum(why: string): SluiceError {
  return new SluiceError('no-quorum', why)
}
