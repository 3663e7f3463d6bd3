import { SluiceError } from '../../base/errors.ts'
import type { Driver } from '../driver/driver.ts'
import type { Scheduler } from '../driver/scheduler.ts'
import type { NodeId } from '../log/entries.ts'
import type { PeerQuestions } from '../peers/peer-questions.ts'
import type { Conditions } from './awaited-conditions.ts'

/** What the parts of an engine share. */
export interface EngineView {
  readonly scheduler: Scheduler
  readonly questions: PeerQuestions
  readonly conditions: Conditions
  /** Whether a message to a node may arrive. */
  isConnected(id: NodeId): boolean
  /** The longest silence of a leader that a node bears. */
  readonly silenceMaxMs: number
  /** @throws SluiceError `engine-stopped`; `no-quorum` while the node belongs to no cluster */
  driver(): AnyDriver
}

/** A driver as its engine's parts use it: what its core's nodes say to each other is not theirs. */
export type AnyDriver = Omit<Driver<unknown>, 'step'>

/** What tells how old news is. */
type Clocked = Pick<EngineView, 'scheduler' | 'silenceMaxMs'>

/**
 * Whether things can be agreed on: the leader that a driver knows was heard within an election
 * timeout, or is this node, and what waits to be agreed on has not waited for longer than that.
 */
export function hasQuorum(driver: AnyDriver, { scheduler, silenceMaxMs }: Clocked): boolean {
  const { role, leader, heardFromLeaderMs, waitingSinceMs } = driver.status()
  const nowMs = scheduler.nowMs()
  if (waitingSinceMs !== null && nowMs - waitingSinceMs >= silenceMaxMs) return false
  if (role === 'leader') return true
  const heardMs = heardFromLeaderMs ?? Number.NEGATIVE_INFINITY
  return leader !== null && nowMs - heardMs < silenceMaxMs
}

/**
 * Whether to wait a moment for a leader rather than to give up: one was heard within an election
 * timeout, and may be about to hand over, or another about to be elected.
 */
export function mayHaveQuorum(driver: AnyDriver, { scheduler, silenceMaxMs }: Clocked): boolean {
  const { role, heardFromLeaderMs } = driver.status()
  if (role === 'leader') return hasQuorum(driver, { scheduler, silenceMaxMs })
  const heardMs = heardFromLeaderMs ?? Number.NEGATIVE_INFINITY
  return scheduler.nowMs() - heardMs < silenceMaxMs
}

/** @returns the error of a node that finds no leader; nothing was proposed */
export function noQuorum(why: string): SluiceError {
  return new SluiceError('no-quorum', why)
}
