import { hasDynamicWeights } from '../balance/registry.ts'
import { formatAddress, isSameAddress } from '../base/address.ts'
import { SERVER_STATE, type ServerState } from '../memory/server-table.ts'
import type { AdminState, ServerSetting } from '../model/admin-state.ts'
import type { PlannedBackend, PlannedServer } from '../model/plan.ts'
import type { AgentTarget } from './agent-prober.ts'
import type { ProbeTarget } from './prober.ts'
import type { AgentVerdict } from './probes/agent-reply.ts'
import { type EffectiveState, effectiveWeight } from './server-state.ts'

/** What was set at run time of a server; null: as the config has it. */
export interface RunTimeSettings {
  /** The config does not name it. */
  readonly isAdded: boolean
  readonly address: string | null
  readonly state: AdminState | null
  readonly weight: number | null
}

/** Nothing was set. */
export const AS_CONFIGURED: RunTimeSettings = {
  isAdded: false,
  address: null,
  state: null,
  weight: null,
}

/** What is known of a server's life beyond its row in the server table. */
export interface ServerLifeState extends EffectiveState {
  /** It was added at run time. */
  readonly isAdded: boolean
  readonly admin: AdminState
  /** Why it is not up, in words; '' when it is. */
  readonly reason: string
  /** What was set at run time and is not what the config says. */
  readonly setAtRunTime: readonly ServerSetting[]
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

/** What a server is by its backend. */
interface ServerTraits {
  /** Whether its weight rises while it starts slowly: not every strategy takes that. */
  readonly raisesWeight: boolean
  /** Its own checks here take it out, whatever the cluster's verdict. */
  readonly hasLocalVeto: boolean
}

/**
 * One server while the daemon runs: what the config says, what was set at run time, what its agent
 * and passive observation say, and the state that came of it.
 */
export class ServerLife {
  /** `backend/server`. */
  readonly key: string
  server: PlannedServer
  probeTarget: ProbeTarget | null
  agentTarget: AgentTarget | null
  /** All that its agent has said. */
  agent: AgentVerdict | null = null
  /** Why passive observation has taken it out, or null. */
  ejection: string | null = null
  /** What its checks said last, for the reason of its state. */
  probeReason = ''
  /** The state and the weight that the server table was last given. */
  current: EffectiveState = { state: SERVER_STATE.up, cause: null }
  currentWeight: number
  /** Since when it works after it had not; null where it does not, or has from the start. */
  upSinceMs: number | null = null
  /** What its backend says of it. */
  traits: ServerTraits
  #set = AS_CONFIGURED
  #changedMs: number
  #changesTotal = 0
  #downsTotal = 0
  /** Time spent down before {@link #changedMs}. */
  #downtimeMs = 0

  constructor(backend: PlannedBackend, server: PlannedServer, nowMs: number) {
    this.key = `${backend.name}/${server.name}`
    this.server = server
    this.probeTarget = probeTargetOf(this.key, backend, server)
    this.agentTarget = agentTargetOf(this.key, backend, server)
    this.currentWeight = server.weight
    this.traits = traitsOf(backend, server)
    this.#changedMs = nowMs
  }

  /** What an operator wants: as set at run time, otherwise as configured. */
  get admin(): AdminState {
    return this.#set.state ?? configuredState(this.server)
  }

  /** As set at run time, otherwise as configured, 0-256. */
  get weight(): number {
    return this.#set.weight ?? this.server.weight
  }

  /** The weight under the agent's percentage, 0-256. */
  get effectiveWeight(): number {
    return effectiveWeight(this.weight, this.agent)
  }

  /** Whether another plan's server is this one: what is known of it holds for that one too. */
  isSame(server: PlannedServer): boolean {
    return isSameAddress(server.address, this.server.address)
  }

  /** Goes over to the next plan. */
  follow(backend: PlannedBackend, server: PlannedServer): void {
    this.server = server
    if (server.agent === null) this.agent = null
    this.traits = traitsOf(backend, server)
    this.probeTarget = probeTargetOf(this.key, backend, server)
    this.agentTarget = agentTargetOf(this.key, backend, server)
  }

  /** @returns whether its admin state or its weight were set otherwise before */
  set(settings: RunTimeSettings): boolean {
    const { state, weight } = this.#set
    this.#set = settings
    return settings.state !== state || settings.weight !== weight
  }

  /** Its state has become another one. */
  change(next: EffectiveState, nowMs: number): void {
    if (this.current.state === SERVER_STATE.down) this.#downtimeMs += nowMs - this.#changedMs
    if (next.state === SERVER_STATE.down) this.#downsTotal++
    if (!isWorking(next.state)) this.upSinceMs = null
    else if (!isWorking(this.current.state)) this.upSinceMs = nowMs
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
        return this.#set.state === null
          ? 'disabled in the config'
          : `set to ${this.admin} at run time`
      case 'agent':
        return `its agent says: ${this.agent?.reason || this.agent?.adminState}`
      case 'check':
        return this.probeReason || 'its checks have failed'
      case 'passive':
        return this.ejection ?? ''
      case 'resolution':
        return `${formatAddress(this.server.address)} has no address: the name is not found`
      case 'track':
        return `it tracks ${this.server.track ?? 'no other'}`
    }
  }

  #settings(): ServerSetting[] {
    // Where an added server is, is not set: it is what was added.
    const own = this.#set.isAdded ? { ...this.#set, address: null } : this.#set
    return SETTINGS.filter((name) => own[name] !== null)
  }

  /** A snapshot. */
  describe(nowMs: number): ServerLifeState {
    const sinceChangeMs = nowMs - this.#changedMs
    const isDown = this.current.state === SERVER_STATE.down
    const { state, cause } = this.current
    return {
      state,
      cause,
      isAdded: this.#set.isAdded,
      admin: this.admin,
      reason: this.why(),
      setAtRunTime: this.#settings(),
      weight: this.weight,
      sinceChangeMs,
      changesTotal: this.#changesTotal,
      downsTotal: this.#downsTotal,
      downtimeMs: this.#downtimeMs + (isDown ? sinceChangeMs : 0),
    }
  }
}

const SETTINGS: readonly ServerSetting[] = ['state', 'weight', 'address']

/** One that drains works as well. */
function isWorking(state: ServerState): boolean {
  return state === SERVER_STATE.up || state === SERVER_STATE.drain
}

/** What the config wants of a server. */
export function configuredState({ disabled }: Pick<PlannedServer, 'disabled'>): AdminState {
  return disabled ? 'maint' : 'ready'
}

function traitsOf(backend: PlannedBackend, { slowStartMs }: PlannedServer): ServerTraits {
  const raisesWeight = slowStartMs > 0 && hasDynamicWeights(backend)
  return { raisesWeight, hasLocalVeto: backend.localVeto }
}

function probeTargetOf(
  key: string,
  { timeouts }: PlannedBackend,
  { check, tls }: PlannedServer,
): ProbeTarget | null {
  const connectTimeoutMs = timeouts.connectMs
  if (check === null) return null
  return { key, check, connectTimeoutMs, tls: check.tls === null ? null : tls }
}

function agentTargetOf(
  key: string,
  { timeouts }: PlannedBackend,
  { agent }: PlannedServer,
): AgentTarget | null {
  return agent === null ? null : { key, agent, connectTimeoutMs: timeouts.connectMs }
}
