import type { Clock } from '../base/clock.ts'
import { atOnce, inSlices, type Steps } from '../base/work-slices.ts'
import { isUnresolved } from '../discovery/server-addresses.ts'
import { SERVER_STATE, type ServerState, type ServerTable } from '../memory/server-table.ts'
import type { Plan } from '../model/plan.ts'
import type { OnShortage } from '../model/shortage.ts'
import type { NetEngine } from '../net/conn.ts'
import type { ConnectionTrials } from '../net/connection-trials.ts'
import { RunningTimers } from '../net/running-timers.ts'
import { linearPatterns } from '../rules-host/linear-patterns.ts'
import type { DaemonLog, LogFields } from '../telemetry/daemon-log.ts'
import { AgentProber } from './agent-prober.ts'
import { Prober, type ProbeTarget, type ProbeTransition } from './prober.ts'
import type { AgentVerdict } from './probes/agent-reply.ts'
import {
  AS_CONFIGURED,
  type RunTimeSettings,
  ServerLife,
  type ServerLifeState,
} from './server-life.ts'
import { type EffectiveState, effectiveState, mergeVerdicts } from './server-state.ts'
import { SlowStarts } from './slow-starts.ts'

/** What is said of a state that a server has gone to, and whether somebody should look. */
const STATE_EVENTS = {
  [SERVER_STATE.up]: { event: 'server-up', words: 'is up', level: 'info' },
  [SERVER_STATE.down]: { event: 'server-down', words: 'is down', level: 'warn' },
  [SERVER_STATE.drain]: { event: 'server-drain', words: 'drains', level: 'info' },
  [SERVER_STATE.maint]: { event: 'server-maint', words: 'is in maintenance', level: 'info' },
} as const satisfies Record<ServerState, unknown>

/** What health is kept with. */
export interface HealthOptions {
  readonly engine: NetEngine
  /** Opens connections that are all of a check; null: the engine does. */
  readonly trials: ConnectionTrials | null
  readonly clock: Clock
  readonly table: ServerTable
  readonly log: DaemonLog
  /**
   * This node's own verdict on a server is there, or has become another one. Null: it does not
   * check the server any more.
   */
  readonly onVerdict: (key: string, isUp: boolean | null, reason: string) => void
  /** A check could not be made: this node had no descriptor or local port left for it. */
  readonly onShortage: OnShortage
}

/** What was set at run time of one server. */
export interface ServerSettings extends RunTimeSettings {
  readonly backend: string
  readonly server: string
}

/** What the cluster has agreed on of a server. */
export interface AgreedVerdict {
  /** `backend/server`. */
  readonly key: string
  /** Null: nothing any more. */
  readonly isUp: boolean | null
  readonly reason: string
}

/** Why something is looked at again: for the log, where no cause is left to name. */
interface Trigger {
  readonly reason: string
  readonly fields?: LogFields
}

/**
 * Writes state and weight of every server to the server table. They come of what the config says,
 * what is set at run time, the active checks, the agent and passive observation; each change is
 * logged with its reason. No other part of the daemon writes them.
 */
export class Health {
  readonly prober: Prober
  readonly #agents: AgentProber
  readonly #slowStarts: SlowStarts
  readonly #clock: Clock
  readonly #table: ServerTable
  readonly #log: DaemonLog
  readonly #onVerdict: HealthOptions['onVerdict']
  #lives = new Map<string, ServerLife>()
  /** What the plan's `ca-file`s hold, in PEM form. */
  /** The verdicts of the cluster, by server; where there is none, the node's own checks decide. */
  readonly #agreed = new Map<string, boolean>()
  /** Verdicts that the cluster had last, of servers that this node's own checks have not met since. */
  readonly #lastAgreed = new Map<string, boolean>()
  #settings: ReadonlyMap<string, RunTimeSettings> = new Map()
  #isWatched: (key: string) => boolean = () => true
  /** By server: those that track it. */
  #trackers = new Map<string, ServerLife[]>()

  constructor({ engine, trials, clock, table, log, onVerdict, onShortage }: HealthOptions) {
    const context = { engine, clock, timers: new RunningTimers(clock), onShortage }
    this.#onVerdict = onVerdict
    this.#clock = clock
    this.#table = table
    this.#log = log
    this.prober = new Prober({
      ...context,
      trials,
      patterns: linearPatterns,
      onTransition: (transition) => this.#onTransition(transition),
      onConfirmed: (key) => this.#onConfirmed(key),
    })
    this.#slowStarts = new SlowStarts(table, clock)
    this.#agents = new AgentProber({
      ...context,
      onAgent: (key, verdict) => this.applyAgent(key, verdict),
    })
  }

  /**
   * Takes over the servers of a plan. One of the same name and address keeps its verdict; any other
   * begins as the config says and as was set at run time, and up where it is to be checked.
   */
  follow(plan: Plan): void {
    atOnce(this.#following(plan))
  }

  /** The same in slices; what is told of servers meanwhile is heard. */
  followInSlices(plan: Plan): Promise<void> {
    return inSlices(this.#following(plan))
  }

  /** Until the lives of the plan are those that count, which is one step, those before are told. */
  *#following(plan: Plan): Steps {
    const before = this.#lives
    const nowMs = this.#clock()
    const lives = new Map<string, ServerLife>()
    const fresh: ServerLife[] = []
    for (const backend of plan.backends) {
      for (const server of backend.servers) {
        const known = before.get(`${backend.name}/${server.name}`)
        const life = known?.isSame(server) ? known : new ServerLife(backend, server, nowMs)
        if (life === known) life.follow(backend, server)
        else fresh.push(life)
        lives.set(life.key, life)
        yield
      }
    }
    this.#goOver(lives, fresh)
    for (const life of lives.values()) {
      this.#settle(life, { reason: 'the config has changed' })
      yield
    }
  }

  /** @param fresh those of them that are new, or another server under a name */
  #goOver(lives: Map<string, ServerLife>, fresh: readonly ServerLife[]): void {
    const before = this.#lives
    this.#lives = lives
    this.#trackers = trackersAmong(lives)
    for (const key of before.keys()) if (!lives.has(key)) this.#lastAgreed.delete(key)
    for (const life of fresh) {
      if (before.has(life.key)) this.#lastAgreed.delete(life.key)
      life.set(this.#settings.get(life.key) ?? AS_CONFIGURED)
    }
    this.prober.replace([...lives.values()].flatMap((life) => this.#targetOf(life) ?? []))
    this.#agents.replace([...lives.values()].flatMap(({ agentTarget }) => agentTarget ?? []))
    // How a server begins is no change to be told.
    for (const life of fresh) {
      life.current = this.#next(life)
      life.currentWeight = life.effectiveWeight
    }
    this.#slowStarts.clear()
  }

  /**
   * Sets every server to what was set of it at run time, and all others to what the config says;
   * those of a later plan too.
   */
  setRunTime(settings: readonly ServerSettings[]): void {
    this.#settings = new Map(
      settings.map((entry) => [`${entry.backend}/${entry.server}`, entry] as const),
    )
    for (const life of this.#lives.values()) {
      if (!life.set(this.#settings.get(life.key) ?? AS_CONFIGURED)) continue
      const what = `state ${life.admin}, weight ${life.weight}`
      this.#settle(life, { reason: `set to ${what} at run time` })
      this.#setProbed(life)
    }
  }

  /**
   * Goes by what the cluster has agreed on; for servers of which nothing is agreed, and with null
   * for all, by this node's own checks. One that these have not met yet, as other nodes watched it
   * (`check-sharding`), stays as the cluster had it last: its first check says otherwise, or not.
   *
   * @param verdicts those that have changed
   */
  setAgreed(verdicts: readonly AgreedVerdict[] | null): void {
    const reason = 'the node goes by its own checks'
    const lost = [...this.#agreed.keys()].map((key) => ({ key, isUp: null, reason }))
    for (const { key, isUp, reason } of verdicts ?? lost) {
      this.#setVerdict(key, isUp)
      const life = this.#lives.get(key)
      if (life === undefined) continue
      if (isUp !== null) life.probeReason = reason
      this.#settle(life, { reason })
    }
  }

  /** Sets which servers this node checks; the others are checked by other nodes. */
  setWatched(isWatched: (key: string) => boolean): void {
    this.#isWatched = isWatched
    const targets: ProbeTarget[] = []
    for (const life of this.#lives.values()) {
      const target = this.#targetOf(life)
      if (target !== null) targets.push(target)
      else if (this.prober.state(life.key) !== undefined) this.#onVerdict(life.key, null, '')
    }
    // All at once, so that the checks that begin are spread over their interval.
    this.prober.replace(targets)
  }

  /**
   * Passive observation takes a server out, or lets it back. Does nothing for a server that a
   * reload has just removed.
   *
   * @param key `backend/server`
   * @param reason why it is taken out; null: it may come back
   */
  setEjected(key: string, reason: string | null): void {
    const life = this.#lives.get(key)
    if (life === undefined) return
    life.ejection = reason
    this.#settle(life, { reason: 'its ejection is over' })
  }

  /**
   * A server's agent has spoken. Does nothing for a server that a reload has just removed.
   *
   * @param key `backend/server`
   */
  applyAgent(key: string, verdict: AgentVerdict): void {
    const life = this.#lives.get(key)
    if (life === undefined) return
    const previous = life.agent
    life.agent = mergeVerdicts(previous, verdict)
    this.#settle(life, { reason: `its agent says: ${wordsOf(verdict)}` })
    if (previous?.adminState !== life.agent.adminState) this.#setProbed(life)
  }

  /** What is known of a server's life; undefined where there is no such server. */
  life(key: string): ServerLifeState | undefined {
    return this.#lives.get(key)?.describe(this.#clock())
  }

  /** Ends all checks. */
  stop(): void {
    this.prober.stop()
    this.#agents.stop()
    this.#slowStarts.stop()
  }

  #setVerdict(key: string, isUp: boolean | null): void {
    const before = this.#agreed.get(key)
    if (isUp !== null) {
      this.#agreed.set(key, isUp)
      this.#lastAgreed.delete(key)
    } else if (before !== undefined) {
      this.#agreed.delete(key)
      this.#lastAgreed.set(key, before)
    }
  }

  /** The first check of a server has found it up. */
  #onConfirmed(key: string): void {
    const reason = 'its first check has passed'
    this.#onVerdict(key, true, reason)
    const life = this.#lives.get(key)
    if (life !== undefined) this.#settle(life, { reason })
  }

  #onTransition({ key, up, reason, durationMs }: ProbeTransition): void {
    const life = this.#lives.get(key)
    if (life === undefined) return
    this.#onVerdict(key, up, reason)
    life.probeReason = reason
    this.#settle(life, { reason, fields: { checkDurationMs: Math.round(durationMs) } })
  }

  /** Tracking makes no circle (`config/`), so this ends. */
  #next(life: ServerLife): EffectiveState {
    const tracked = life.server.track === null ? undefined : this.#lives.get(life.server.track)
    return effectiveState({
      admin: life.admin,
      isUnresolved: isUnresolved(life.server.address),
      isProbedUp: this.#probedUp(life),
      agent: life.agent,
      isEjected: life.ejection !== null,
      tracked: tracked === undefined ? null : this.#next(tracked).state,
    })
  }

  #probedUp({ key, probeTarget, traits }: ServerLife): boolean | null {
    if (probeTarget === null) return null
    const own = this.prober.verdict(key)
    if (traits.hasLocalVeto && own === false) return false
    const known = this.#agreed.get(key) ?? own ?? this.#lastAgreed.get(key)
    // A server is up until its checks say otherwise, as in HAProxy.
    return known ?? this.prober.state(key)?.up ?? null
  }

  /** Brings the server table to what a server's sources say now. */
  #settle(life: ServerLife, trigger: Trigger): void {
    const { row } = life.server
    const previous = life.current.state
    const next = this.#next(life)
    if (next.state === previous) life.current = next
    else life.change(next, this.#clock())
    // What it may have comes before the state in which it is given it.
    this.#table.setAgentMaxconn(row, life.agent?.maxconn ?? 0)
    this.#slowStarts.settle(life)
    if (this.#table.state(row) !== next.state) this.#table.setState(row, next.state)
    this.#settleWeight(life, trigger)
    if (next.state === previous) return
    this.#logState(life, trigger)
    for (const tracker of this.#trackers.get(life.key) ?? []) this.#settle(tracker, trigger)
  }

  #settleWeight(life: ServerLife, { reason }: Trigger): void {
    const { key, currentWeight: previous, effectiveWeight: weight } = life
    const { row } = life.server
    life.currentWeight = weight
    // Who waits in line may go to a server that had no weight: the table rings for it.
    if (this.#table.weight(row) !== weight) this.#table.setWeight(row, weight)
    if (previous === weight) return
    const fields = { server: key, weight, previous, reason }
    this.#log.info('server-weight', `server ${key} has weight ${weight}: ${reason}`, fields)
  }

  #logState(life: ServerLife, trigger: Trigger): void {
    const { key, current } = life
    const { event, words, level } = STATE_EVENTS[current.state]
    const reason = current.cause === null ? trigger.reason : life.why()
    const fields = { server: key, reason, cause: current.cause, ...trigger.fields }
    this.#log[level](event, `server ${key} ${words}: ${reason}`, fields)
  }

  /** Begins or ends the checks of a server. One that tracks it has none of its own. */
  #setProbed(life: ServerLife): void {
    const target = this.#targetOf(life)
    if (target !== null) this.prober.set(target)
    else if (this.prober.state(life.key) !== undefined) {
      this.prober.remove(life.key)
      this.#onVerdict(life.key, null, '')
    }
  }

  /** What is checked of a server: nothing of one in maintenance, or that other nodes check. */
  #targetOf(life: ServerLife): ProbeTarget | null {
    const isChecked = this.#next(life).state !== SERVER_STATE.maint && this.#isWatched(life.key)
    return isChecked ? life.probeTarget : null
  }
}

function wordsOf({ state, adminState, weightPercent, reason }: AgentVerdict): string {
  const percent = weightPercent === null ? null : `${weightPercent}%`
  return [state, adminState, percent, reason].filter(Boolean).join(' ')
}

/** By server: those that track it. */
function trackersAmong(lives: ReadonlyMap<string, ServerLife>): Map<string, ServerLife[]> {
  const trackers = new Map<string, ServerLife[]>()
  for (const life of lives.values()) {
    const { track } = life.server
    if (track === null) continue
    const known = trackers.get(track)
    if (known === undefined) trackers.set(track, [life])
    else known.push(life)
  }
  return trackers
}
