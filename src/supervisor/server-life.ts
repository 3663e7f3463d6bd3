import type { ApiServerChange, ApiServerSetting } from '../admin/api-contract.ts'
import { formatAddress } from '../model/address.ts'
import type { AdminState } from '../model/admin-state.ts'
import type { PlannedBackend, PlannedServer } from '../model/plan.ts'
import { SERVER_STATE } from '../model/server-table.ts'
import type { AgentTarget } from '../upstream/agent-checker.ts'
import type { CheckTarget } from '../upstream/checker.ts'
import type { AgentVerdict } from '../upstream/checks/agent-reply.ts'
import { type EffectiveState, effectiveWeight } from '../upstream/server-state.ts'

/** What is known of a server's life beyond its row in the server table. */
export interface ServerLifeState extends EffectiveState {
  readonly admin: AdminState
  /** Why it is not up, in words; '' when it is. */
  readonly reason: string
  /** What was set at run time and is not what the config says. */
  readonly setAtRunTime: readonly ApiServerSetting[]
  /** The weight before its agent's percentage. */
  readonly weight: number
  /** Since its state changed, or since it is there. */
  readonly sinceChangeMs: number
  /** Changes of its state. */
  readonly changesTotal: number
  /** Changes to down, for whatever cause. HAProxy's `chkdown`. */
  readonly downsTotal: number
  /** Time spent down, the present spell included. HAProxy's `downtime`. */
  readonly downtimeMs: number
}

/**
 * One server while the daemon runs: what the config says, what was set at run time, what its agent
 * and passive observation say, and the state that came of it. What was set at run time is kept for
 * as long as the config names the server with the same address.
 */
export class ServerLife {
  /** `backend/server`. */
  readonly key: string
  server: PlannedServer
  checkTarget: CheckTarget | null
  agentTarget: AgentTarget | null
  /** All that its agent has said. */
  agent: AgentVerdict | null = null
  /** Why passive observation has taken it out, or null. */
  ejection: string | null = null
  /** What its checks said last, for the reason of its state. */
  checkReason = ''
  /** The state and the weight that the server table was last given. */
  current: EffectiveState = { state: SERVER_STATE.up, cause: null }
  currentWeight: number
  #state: AdminState | null = null
  #weight: number | null = null
  #changedMs: number
  #changesTotal = 0
  #downsTotal = 0
  /** Time spent down before {@link #changedMs}. */
  #downtimeMs = 0

  constructor(backend: PlannedBackend, server: PlannedServer, nowMs: number) {
    this.key = `${backend.name}/${server.name}`
    this.server = server
    this.checkTarget = checkTargetOf(this.key, backend, server)
    this.agentTarget = agentTargetOf(this.key, backend, server)
    this.currentWeight = server.weight
    this.#changedMs = nowMs
  }

  /** What an operator wants: as set at run time, otherwise as configured. */
  get admin(): AdminState {
    return this.#state ?? configuredState(this.server)
  }

  /** As set at run time, otherwise as configured, 0-256. */
  get weight(): number {
    return this.#weight ?? this.server.weight
  }

  /** The weight under the agent's percentage, 0-256. */
  get effectiveWeight(): number {
    return effectiveWeight(this.weight, this.agent)
  }

  /** Whether another plan's server is this one: what is known of it holds for that one too. */
  isSame(server: PlannedServer): boolean {
    return formatAddress(server.address) === formatAddress(this.server.address)
  }

  /** Goes over to the next plan. */
  follow(backend: PlannedBackend, server: PlannedServer): void {
    this.server = server
    if (server.agent === null) this.agent = null
    this.checkTarget = checkTargetOf(this.key, backend, server)
    this.agentTarget = agentTargetOf(this.key, backend, server)
    this.set({ state: this.admin, weight: this.weight })
  }

  /** What is set to what the config says is no longer set: the config rules again. */
  set({ state, weight }: ApiServerChange): void {
    if (state !== undefined) this.#state = state === configuredState(this.server) ? null : state
    if (weight !== undefined) this.#weight = weight === this.server.weight ? null : weight
  }

  /** Its state has become another one. */
  change(next: EffectiveState, nowMs: number): void {
    if (this.current.state === SERVER_STATE.down) this.#downtimeMs += nowMs - this.#changedMs
    if (next.state === SERVER_STATE.down) this.#downsTotal++
    this.current = next
    this.#changedMs = nowMs
    this.#changesTotal++
  }

  /** Why it is in its state: '' when it is up. */
  why(): string {
    switch (this.current.cause) {
      case null:
        return ''
      case 'admin':
        return this.#state === null ? 'disabled in the config' : `set to ${this.admin} at run time`
      case 'agent':
        return `its agent says: ${this.agent?.reason || this.agent?.adminState}`
      case 'check':
        return this.checkReason || 'its checks have failed'
      case 'passive':
        return this.ejection ?? ''
      case 'track':
        return `it tracks ${this.server.track ?? 'no other'}`
    }
  }

  /** A snapshot. */
  describe(nowMs: number): ServerLifeState {
    const sinceChangeMs = nowMs - this.#changedMs
    const isDown = this.current.state === SERVER_STATE.down
    return {
      ...this.current,
      admin: this.admin,
      reason: this.why(),
      setAtRunTime: [
        ...(this.#state === null ? [] : (['state'] as const)),
        ...(this.#weight === null ? [] : (['weight'] as const)),
      ],
      weight: this.weight,
      sinceChangeMs,
      changesTotal: this.#changesTotal,
      downsTotal: this.#downsTotal,
      downtimeMs: this.#downtimeMs + (isDown ? sinceChangeMs : 0),
    }
  }
}

function configuredState({ disabled }: PlannedServer): AdminState {
  return disabled ? 'maint' : 'ready'
}

function checkTargetOf(
  key: string,
  { timeouts }: PlannedBackend,
  { check }: PlannedServer,
): CheckTarget | null {
  return check === null ? null : { key, check, connectTimeoutMs: timeouts.connectMs }
}

function agentTargetOf(
  key: string,
  { timeouts }: PlannedBackend,
  { agent }: PlannedServer,
): AgentTarget | null {
  return agent === null ? null : { key, agent, connectTimeoutMs: timeouts.connectMs }
}
