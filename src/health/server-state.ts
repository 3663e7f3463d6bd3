import { SERVER_STATE, type ServerState } from '../memory/server-table.ts'
import { type AdminState, WEIGHT_MAX } from '../model/admin-state.ts'
import type { StateCause } from '../model/state-cause.ts'
import type { AgentVerdict } from './probes/agent-reply.ts'

/** Everything that has a say in the state of a server. */
export interface StateSources {
  readonly admin: AdminState
  /** It has a host name for which no address was found. */
  readonly isUnresolved: boolean
  /** The verdict of the active checks; null when there are none. */
  readonly isProbedUp: boolean | null
  /** Null: there is no agent, or it has said nothing yet. */
  readonly agent: AgentVerdict | null
  /** Passive observation has taken the server out. */
  readonly isEjected: boolean
  /** Effective state of the server that this one tracks; null when it tracks none. */
  readonly tracked: ServerState | null
}

/** The state that a server is in, and why; no cause when it is up. */
export interface EffectiveState {
  readonly state: ServerState
  readonly cause: StateCause | null
}

/**
 * The state of a server. Who wants less of it wins: maint before down before drain before up, so
 * that an agent never brings back what an operator has taken out. A server that drains and fails
 * its checks is down, as in HAProxy's statistics. Of several with the same wish, the first is named.
 */
export function effectiveState(sources: StateSources): EffectiveState {
  const { admin, isUnresolved, isProbedUp, agent, isEjected, tracked } = sources
  const wishes: readonly (readonly [ServerState, StateCause, boolean])[] = [
    [SERVER_STATE.maint, 'admin', admin === 'maint'],
    [SERVER_STATE.maint, 'resolution', isUnresolved],
    [SERVER_STATE.maint, 'agent', agent?.adminState === 'maint'],
    [SERVER_STATE.maint, 'track', tracked === SERVER_STATE.maint],
    [SERVER_STATE.down, 'check', isProbedUp === false],
    [SERVER_STATE.down, 'agent', agent?.state === 'down'],
    [SERVER_STATE.down, 'track', tracked === SERVER_STATE.down],
    [SERVER_STATE.down, 'passive', isEjected],
    [SERVER_STATE.drain, 'admin', admin === 'drain'],
    [SERVER_STATE.drain, 'agent', agent?.adminState === 'drain'],
    [SERVER_STATE.drain, 'track', tracked === SERVER_STATE.drain],
  ]
  const strongest = wishes.find(([, , isWanted]) => isWanted)
  if (strongest === undefined) return { state: SERVER_STATE.up, cause: null }
  const [state, cause] = strongest
  return { state, cause }
}

/**
 * What an agent has said so far: what its last reply does not speak of stays as it was said before
 * (HAProxy configuration manual, agent-check).
 *
 * @param said null: it has said nothing before
 */
export function mergeVerdicts(said: AgentVerdict | null, next: AgentVerdict): AgentVerdict {
  return {
    weightPercent: next.weightPercent ?? said?.weightPercent ?? null,
    state: next.state ?? said?.state ?? null,
    adminState: next.adminState ?? said?.adminState ?? null,
    maxconn: next.maxconn ?? said?.maxconn ?? null,
    reason: next.reason,
  }
}

/**
 * The weight of a server under its agent's percentage, 0-256. Rounded, but more than nothing stays
 * more than nothing: a server of weight 1 at 40 % still has its turns.
 *
 * @param weight from the config, or as set at run time, 0-256
 */
export function effectiveWeight(weight: number, agent: AgentVerdict | null): number {
  const percent = agent?.weightPercent ?? 100
  if (weight === 0 || percent <= 0) return 0
  return Math.min(Math.max(Math.round((weight * percent) / 100), 1), WEIGHT_MAX)
}
