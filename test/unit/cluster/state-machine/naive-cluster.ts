import type { AgreedBackend, Command } from '../../../../src/cluster/state-machine/commands.ts'
import type {
  ClusterState,
  ConfigVersion,
  PoolEntry,
} from '../../../../src/cluster/state-machine/state.ts'
import { watchersOf } from '../../../../src/cluster/state-machine/watchers.ts'

interface Said {
  readonly node: string
  readonly key: string
  readonly isUp: boolean
}

interface Verdict {
  readonly key: string
  readonly isUp: boolean
}

interface Text {
  readonly servers: readonly string[]
  readonly backends: readonly AgreedBackend[]
}

/**
 * The state machine's rules written down once more, as plainly as can be: lists that are searched,
 * nothing kept that can be found out, no bounds.
 */
export class NaiveCluster {
  format = 1
  versions: ConfigVersion[] = []
  texts: Text[] = []
  deadline: { previous: number; deadlineMs: number } | null = null
  pool: PoolEntry[] = []
  witnesses: string[] = []
  runs: Record<string, string> = {}
  said: Said[] = []
  verdicts: Verdict[] = []

  get state(): ClusterState {
    const { format, versions, deadline, pool, witnesses } = this
    const activeVersion = versions.length
    return {
      format,
      activeVersion,
      versions,
      confirmation: deadline && { version: activeVersion, ...deadline },
      pool,
      witnesses,
    }
  }

  /** @returns a code of refusal, or '' */
  apply(command: Command): string {
    const code = this.#apply(command)
    this.said = this.said.filter(({ node, key }) => this.#watchers(key).includes(node))
    return code
  }

  #apply(command: Command): string {
    switch (command.kind) {
      case 'config-activate': {
        if (command.expectedVersion !== this.versions.length) return 'config-conflict'
        if (this.deadline && command.cause !== 'rollback') return 'confirmation-pending'
        if (command.confirmMs && this.versions.length === 0) return 'request-invalid'
        if (this.versions.at(-1)?.text === command.text) return ''
        const { text, author, timeMs, comment, cause, confirmMs } = command
        this.#activate({ text, author, timeMs, comment, cause }, command, confirmMs)
        return ''
      }
      case 'config-confirm':
        if (!this.deadline || command.version !== this.versions.length)
          return 'confirmation-unknown'
        this.deadline = null
        this.#result('active')
        return ''
      case 'config-expire': {
        const { deadline } = this
        const { version, timeMs } = command
        if (!deadline || version !== this.versions.length) return 'confirmation-unknown'
        if (timeMs < deadline.deadlineMs) return 'confirmation-pending'
        const { text, author } = this.versions[deadline.previous - 1]!
        const comment = `version ${version} was not confirmed: back to version ${deadline.previous}`
        const next = { text, author, timeMs, comment, cause: 'expiry' as const }
        this.#activate(next, this.texts[deadline.previous - 1]!, null)
        return ''
      }
      case 'server-add': {
        const { backend, server, address, weight } = command
        if (!this.#backend(backend)) return 'backend-unknown'
        if (this.#exists(`${backend}/${server}`)) return 'server-exists'
        this.pool = [...this.pool, { backend, server, isAdded: true, address, state: null, weight }]
        return ''
      }
      case 'server-set': {
        const { kind, unset, author: _, ...set } = command
        const key = `${set.backend}/${set.server}`
        if (!this.#exists(key)) return 'server-unknown'
        const known = this.pool.find((entry) => keyOf(entry) === key)
        if (known?.isAdded && unset.includes('address')) return 'change-invalid'
        if (!known) {
          const { backend, server } = set
          const none = { address: null, state: null, weight: null }
          this.pool = [...this.pool, { backend, server, isAdded: false, ...none }]
        }
        const gone = Object.fromEntries(unset.map((name) => [name, null]))
        this.pool = this.pool
          .map((entry) => (keyOf(entry) === key ? { ...entry, ...set, ...gone } : entry))
          .filter(({ isAdded, address, state, weight }) => {
            return isAdded || address !== null || state !== null || weight !== null
          })
        return ''
      }
      case 'server-remove': {
        const key = `${command.backend}/${command.server}`
        if (!this.#exists(key)) return 'server-unknown'
        if (!this.pool.some((entry) => entry.isAdded && keyOf(entry) === key)) {
          return 'server-configured'
        }
        this.pool = this.pool.filter((entry) => keyOf(entry) !== key)
        this.verdicts = this.verdicts.filter((verdict) => verdict.key !== key)
        return ''
      }
      case 'health-report': {
        const { node, run, verdicts } = command
        if (!this.witnesses.includes(node)) return ''
        if (this.runs[node] !== run) {
          this.runs[node] = run
          const forgotten = this.said.filter((said) => said.node === node)
          this.said = this.said.filter((said) => said.node !== node)
          for (const { key } of forgotten) this.#judge(key)
        }
        for (const { key, isUp } of verdicts) {
          if (!this.#watchers(key).includes(node)) continue
          this.said = this.said.filter((said) => said.node !== node || said.key !== key)
          if (isUp !== null) this.said.push({ node, key, isUp })
          this.#judge(key)
          if (isUp === null && !this.said.some((said) => said.key === key)) {
            this.verdicts = this.verdicts.filter((verdict) => verdict.key !== key)
          }
        }
        return ''
      }
      case 'witnesses-set':
        this.witnesses = [...command.nodes].sort()
        for (const node of Object.keys(this.runs)) {
          if (!this.witnesses.includes(node)) delete this.runs[node]
        }
        this.#judgeAll()
        return ''
      case 'format-raise':
        this.format = Math.max(this.format, command.format)
        return ''
    }
  }

  #activate(
    next: Omit<ConfigVersion, 'version' | 'result'>,
    text: Text,
    confirmMs: number | null,
  ): void {
    const previous = this.versions.length
    const goesBack = next.cause === 'rollback' || next.cause === 'expiry'
    this.#result(goesBack ? 'rolled-back' : 'superseded')
    const result = confirmMs === null ? 'active' : 'unconfirmed'
    this.versions = [...this.versions, { version: previous + 1, ...next, result }]
    this.texts.push(text)
    this.deadline = confirmMs === null ? null : { previous, deadlineMs: next.timeMs + confirmMs }
    this.pool = this.pool.flatMap((entry): PoolEntry[] => {
      const isNamed = text.servers.includes(keyOf(entry))
      if (!entry.isAdded) return isNamed ? [entry] : []
      if (!isNamed) return this.#backend(entry.backend) ? [entry] : []
      if (entry.state !== 'drain' && entry.state !== 'maint') return []
      return [{ ...entry, isAdded: false, address: null, weight: null }]
    })
    this.#judgeAll()
  }

  #result(result: ConfigVersion['result']): void {
    this.versions = this.versions.map((version, n) =>
      n === this.versions.length - 1 ? { ...version, result } : version,
    )
  }

  #backend(name: string): AgreedBackend | undefined {
    return this.texts.at(-1)?.backends.find((backend) => backend.name === name)
  }

  #exists(key: string): boolean {
    const isAdded = this.pool.some((entry) => entry.isAdded && keyOf(entry) === key)
    return isAdded || (this.texts.at(-1)?.servers.includes(key) ?? false)
  }

  /** Of a server that exists, and whose backend is agreed on. */
  #agreed(key: string): AgreedBackend | undefined {
    const backend = this.#exists(key) ? this.#backend(key.split('/')[0]!) : undefined
    return backend?.healthAgreement === 'local' ? undefined : backend
  }

  #watchers(key: string): readonly string[] {
    const backend = this.#agreed(key)
    return backend ? watchersOf(key, this.witnesses, backend.watchers) : []
  }

  #judgeAll(): void {
    this.said = this.said.filter(({ node, key }) => this.#watchers(key).includes(node))
    this.verdicts = this.verdicts.filter(({ key }) => this.#agreed(key))
    const keys = [...this.said, ...this.verdicts].map(({ key }) => key)
    for (const key of new Set(keys)) this.#judge(key)
  }

  #judge(key: string): void {
    const backend = this.#agreed(key)
    if (!backend) return
    const said = this.said.filter((report) => report.key === key)
    const up = said.filter(({ isUp }) => isUp).length
    const down = said.length - up
    const watchers = this.#watchers(key).length
    const decided = {
      majority: [up > watchers / 2, down > watchers / 2],
      any: [up > 0 && down === 0, down > 0],
      all: [up > 0, down === watchers && down > 0],
      local: [false, false],
    }[backend.healthAgreement]
    if (!decided[0] && !decided[1]) return
    this.verdicts = this.verdicts.filter((verdict) => verdict.key !== key)
    this.verdicts.push({ key, isUp: decided[0]! })
  }
}

function keyOf({ backend, server }: { backend: string; server: string }): string {
  return `${backend}/${server}`
}
