import type { EngineStatus } from '../consensus/engine-status.ts'
import type { DaemonLog } from '../telemetry/daemon-log.ts'
import type { StateChange } from './state-machine/cluster-state-machine.ts'
import type { Command, SetServer } from './state-machine/commands.ts'
import type { HealthChange } from './state-machine/state.ts'

/** Tells a node's log what the cluster has agreed on, and how the cluster is. */
export class ChangeLog {
  readonly #log: DaemonLog
  #leader: string | null = null
  #epoch = -1
  #hasQuorum = false
  #nodes = ''

  constructor(log: DaemonLog) {
    this.#log = log
  }

  /** Leader, quorum and nodes, where they have changed. */
  tellStatus({ leader, epoch, hasQuorum, nodes }: EngineStatus): void {
    if (leader !== null && (leader !== this.#leader || epoch !== this.#epoch)) {
      this.#leader = leader
      this.#epoch = epoch
      this.#log.info('cluster-leader', `${leader} leads the cluster`, { leader, epoch })
    }
    if (hasQuorum !== this.#hasQuorum) {
      this.#hasQuorum = hasQuorum
      if (hasQuorum) this.#log.info('cluster-quorum', 'the cluster has a quorum', { epoch })
      else {
        const text = 'the cluster has no quorum: this node goes by its last config and own checks'
        this.#log.warn('cluster-quorum-lost', text, { epoch })
      }
    }
    const list = nodes.map(({ name, membership }) => `${name} (${membership})`).join(', ')
    if (list === this.#nodes || list === '') return
    this.#nodes = list
    this.#log.info('cluster-nodes', `the nodes of the cluster are ${list}`)
  }

  /** What a command has done; nothing of a config text, which its activation tells of. */
  tellChange({ command, before, after }: StateChange): void {
    if (command === null) return
    switch (command.kind) {
      case 'config-confirm': {
        const { version } = command
        this.#log.info('config-confirmed', `config version ${version} is confirmed`, { version })
        return
      }
      case 'config-expire': {
        const { version } = command
        const fields = { version, previous: before.confirmation?.previous }
        const text = `config version ${version} was not confirmed: version ${after.activeVersion} is as version ${fields.previous} was`
        this.#log.warn('config-expired', text, fields)
        return
      }
      case 'witnesses-set': {
        const nodes = after.witnesses
        const text = `the health reports of ${nodes.join(', ') || 'no node'} count`
        this.#log.info('health-witnesses', text, { nodes })
        return
      }
      case 'format-raise': {
        const { format } = after
        const text = `the cluster agrees in format ${format} from now on, which all of its nodes know`
        this.#log.info('cluster-format', text, { format })
        return
      }
      case 'server-add':
      case 'server-set':
      case 'server-remove':
        this.#tellServer(command)
        return
      case 'config-activate':
      case 'health-report':
    }
  }

  /** The cluster's verdicts that have changed. */
  tellHealth(changes: readonly HealthChange[]): void {
    for (const { key: server, isUp, reason } of changes) {
      const fields = { server, isUp, reason }
      const words =
        isUp === null
          ? `has no verdict on server ${server}`
          : `finds server ${server} ${word(isUp)}`
      const text = `the cluster ${words}${reason === '' ? '' : `: ${reason}`}`
      this.#log[isUp === false ? 'warn' : 'info']('server-verdict', text, fields)
    }
  }

  #tellServer(
    command: Extract<Command, { kind: 'server-add' | 'server-set' | 'server-remove' }>,
  ): void {
    const { author } = command
    const server = `${command.backend}/${command.server}`
    const by = author === '' ? '' : ` (by ${author})`
    const fields = { server, ...(author !== '' && { author }) }
    switch (command.kind) {
      case 'server-add': {
        const { address, weight } = command
        this.#log.info('server-added', `server ${server} is added at ${address}${by}`, {
          ...fields,
          address,
          ...(weight !== null && { weight }),
        })
        return
      }
      case 'server-remove':
        this.#log.info('server-removed', `server ${server} is removed${by}`, fields)
        return
      case 'server-set': {
        const { unset } = command
        const setting = settingOf(command)
        const words = [
          ...Object.entries(setting).map(([name, value]) => `${name} ${value}`),
          ...unset.map((name) => `${name} as configured`),
        ]
        this.#log.info('server-set', `server ${server} is set to ${words.join(', ')}${by}`, {
          ...fields,
          ...setting,
          ...(unset.length > 0 && { unset }),
        })
      }
    }
  }
}

function settingOf({ state, weight, address }: SetServer): Readonly<Record<string, unknown>> {
  return {
    ...(state !== undefined && { state }),
    ...(weight !== undefined && { weight }),
    ...(address !== undefined && { address }),
  }
}

function word(isUp: boolean): string {
  return isUp ? 'up' : 'down'
}
