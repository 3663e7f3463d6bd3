import type { ApiServerChange } from '../admin/api-contract.ts'
import { SluiceError } from '../errors.ts'
import type { Clock } from '../model/clock.ts'
import type { Plan } from '../model/plan.ts'
import { SERVER_STATE, type ServerState, type ServerTable } from '../model/server-table.ts'
import type { NetEngine } from '../net/conn.ts'
import type { ConnectionTrials } from '../net/connection-trials.ts'
import type { DaemonLog, LogFields } from '../telemetry/daemon-log.ts'
import { AgentChecker } from '../upstream/agent-checker.ts'
import { Checker, type CheckTransition } from '../upstream/checker.ts'
import type { AgentVerdict } from '../upstream/checks/agent-reply.ts'
import { type EffectiveState, effectiveState, mergeVerdicts } from '../upstream/server-state.ts'
import { ServerLife, type ServerLifeState } from './server-life.ts'

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
  readonly checker: Checker
  readonly #agents: AgentChecker
  readonly #clock: Clock
  readonly #table: ServerTable
  readonly #log: DaemonLog
  #lives = new Map<string, ServerLife>()
  /** By server: those that track it. */
  #trackers = new Map<string, ServerLife[]>()

  constructor({ engine, trials, clock, table, log }: HealthOptions) {
    this.#clock = clock
    this.#table = table
    this.#log = log
    this.checker = new Checker({
      engine,
      clock,
      trials,
      onTransition: (transition) => this.#onTransition(transition),
    })
    this.#agents = new AgentChecker({
      engine,
      clock,
      onAgent: (key, verdict) => this.applyAgent(key, verdict),
    })
  }

  /**
   * Takes over the servers of a plan. One of the same name and address keeps its verdict and what
   * was set at run time; any other begins as the config says, and up where it is to be checked.
   */
  follow(plan: Plan): void {
    const before = this.#lives
    const nowMs = this.#clock()
    const fresh: ServerLife[] = []
    this.#lives = new Map()
    this.#trackers = new Map()
    for (const backend of plan.backends) {
      for (const server of backend.servers) {
        const known = before.get(`${backend.name}/${server.name}`)
        const life = known?.isSame(server) ? known : new ServerLife(backend, server, nowMs)
        if (life === known) life.follow(backend, server)
        else fresh.push(life)
        this.#lives.set(life.key, life)
        if (server.track === null) continue
        const trackers = this.#trackers.get(server.track)
        if (trackers === undefined) this.#trackers.set(server.track, [life])
        else trackers.push(life)
      }
    }
    this.#setChecked()
    this.#agents.replace([...this.#lives.values()].flatMap(({ agentTarget }) => agentTarget ?? []))
    // How a server begins is no change to be told.
    for (const life of fresh) life.current = this.#next(life)
    for (const life of this.#lives.values()) {
      this.#settle(life, { reason: 'the config has changed' })
    }
  }

  /**
   * Sets a server's admin state, its weight, or both, until it is set again or the config no
   * longer names the server with this address.
   *
   * @param key `backend/server`
   * @throws SluiceError `server-unknown`
   */
  set(key: string, change: ApiServerChange): void {
    const life = this.#lives.get(key)
    if (life === undefined) throw new SluiceError('server-unknown', `there is no server ${key}`)
    life.set(change)
    const words = Object.entries(change).map(([name, value]) => `${name} ${value}`)
    const what = words.join(', ')
    this.#log.info('server-set', `server ${key} is set to ${what}`, { server: key, ...change })
    this.#settle(life, { reason: `set to ${what} at run time` })
    if (change.state !== undefined) this.#setChecked()
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
    if (previous?.adminState !== life.agent.adminState) this.#setChecked()
  }

  /** What is known of a server's life; undefined where there is no such server. */
  life(key: string): ServerLifeState | undefined {
    return this.#lives.get(key)?.describe(this.#clock())
  }

  /** Ends all checks. */
  stop(): void {
    this.checker.stop()
    this.#agents.stop()
  }

  #onTransition({ key, reason, durationMs }: CheckTransition): void {
    const life = this.#lives.get(key)
    if (life === undefined) return
    life.checkReason = reason
    this.#settle(life, { reason, fields: { checkDurationMs: Math.round(durationMs) } })
  }

  /** Tracking makes no circle (`config/`), so this ends. */
  #next(life: ServerLife): EffectiveState {
    const tracked = life.server.track === null ? undefined : this.#lives.get(life.server.track)
    return effectiveState({
      admin: life.admin,
      isCheckedUp: this.checker.state(life.key)?.up ?? null,
      agent: life.agent,
      isEjected: life.ejection !== null,
      tracked: tracked === undefined ? null : this.#next(tracked).state,
    })
  }

  /** Brings the server table to what a server's sources say now. */
  #settle(life: ServerLife, trigger: Trigger): void {
    const { row } = life.server
    const previous = life.current.state
    const next = this.#next(life)
    if (next.state === previous) life.current = next
    else life.change(next, this.#clock())
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
    if (this.#table.weight(row) !== weight) {
      this.#table.setWeight(row, weight)
      // Who waits in line may go to a server that had no weight.
      this.#table.lines.ringAll()
    }
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

  /** Checks all servers that are to be checked: one in maintenance is not. */
  #setChecked(): void {
    this.checker.replace(
      [...this.#lives.values()].flatMap((life) =>
        life.checkTarget === null || this.#next(life).state === SERVER_STATE.maint
          ? []
          : [life.checkTarget],
      ),
    )
  }
}

function wordsOf({ state, adminState, weightPercent, reason }: AgentVerdict): string {
  const percent = weightPercent === null ? null : `${weightPercent}%`
  return [state, adminState, percent, reason].filter(Boolean).join(' ')
}
