import type { Clock } from '../model/clock.ts'
import type { Plan, PlannedServer } from '../model/plan.ts'
import { SERVER_STATE, type ServerTable } from '../model/server-table.ts'
import type { NetEngine } from '../net/conn.ts'
import type { DaemonLog } from '../telemetry/daemon-log.ts'
import { Checker, type CheckTransition } from '../upstream/checker.ts'

/** What health is kept with. */
export interface HealthOptions {
  readonly engine: NetEngine
  readonly clock: Clock
  readonly table: ServerTable
  readonly log: DaemonLog
}

/**
 * Writes the state of every server to the server table: from `disabled`, and from the verdicts of
 * the active checks, each change with its reason in the log.
 */
export class Health {
  readonly checker: Checker
  readonly #table: ServerTable
  readonly #log: DaemonLog
  #servers = new Map<string, PlannedServer>()

  constructor({ engine, clock, table, log }: HealthOptions) {
    this.#table = table
    this.#log = log
    this.checker = new Checker({
      engine,
      clock,
      onTransition: (transition) => this.#onTransition(transition),
    })
  }

  /**
   * Takes over the servers of a plan. A server whose check lives on keeps its verdict, any other
   * starts up, as in HAProxy.
   */
  follow(plan: Plan): void {
    const servers = plan.backends.flatMap((backend) =>
      backend.servers.map((server) => ({ key: `${backend.name}/${server.name}`, backend, server })),
    )
    this.#servers = new Map(servers.map(({ key, server }) => [key, server]))
    this.checker.replace(
      servers.flatMap(({ key, backend, server: { check, disabled } }) =>
        check === null || disabled
          ? []
          : [{ key, check, connectTimeoutMs: backend.timeouts.connectMs }],
      ),
    )
    for (const { key, server } of servers) {
      const up = this.checker.state(key)?.up ?? true
      this.#set(server, server.disabled ? SERVER_STATE.maint : stateOf(up))
      if (this.#table.weight(server.row) !== server.weight) {
        this.#table.setWeight(server.row, server.weight)
      }
    }
  }

  /** Ends all checks. */
  stop(): void {
    this.checker.stop()
  }

  #onTransition({ key, up, reason, durationMs }: CheckTransition): void {
    const server = this.#servers.get(key)
    if (server === undefined) return
    this.#set(server, stateOf(up))
    const fields = { server: key, reason, checkDurationMs: Math.round(durationMs) }
    if (up) this.#log.info('server-up', `server ${key} is up: ${reason}`, fields)
    else this.#log.warn('server-down', `server ${key} is down: ${reason}`, fields)
  }

  #set(server: PlannedServer, state: (typeof SERVER_STATE)[keyof typeof SERVER_STATE]): void {
    if (this.#table.state(server.row) !== state) this.#table.setState(server.row, state)
  }
}

function stateOf(up: boolean): (typeof SERVER_STATE)['up' | 'down'] {
  return up ? SERVER_STATE.up : SERVER_STATE.down
}
