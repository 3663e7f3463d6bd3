import type { Duplex } from 'node:stream'
import { SluiceError } from '../../../src/base/errors.ts'
import type {
  ApplyRequest,
  ClusterHost,
  ConfiguredServer,
  ValidText,
} from '../../../src/cluster/cluster.ts'
import { ClusterNode, type ClusterNodeOptions } from '../../../src/cluster/cluster-node.ts'
import type { TicketKeyStore } from '../../../src/cluster/duties/ticket-key-sharing.ts'
import type {
  ConfigVersion,
  HealthChange,
  PoolEntry,
} from '../../../src/cluster/state-machine/state.ts'
import { HEALTH_AGREEMENTS } from '../../../src/model/health-agreement.ts'
import type { DaemonLog, LogFields } from '../../../src/telemetry/daemon-log.ts'
import { ManualTimers, settle } from './duties/manual-timers.ts'
import { MemoryCluster } from './memory-engine.ts'

/**
 * What runs a node's texts: lines `BACKEND AGREEMENT [WATCHERS]: SERVER ...`, and lines that begin
 * with `#`. Remembers all that it was told.
 */
export class FakeHost implements ClusterHost {
  readonly prepared: string[] = []
  readonly activated: { readonly version: ConfigVersion; readonly pool: readonly PoolEntry[] }[] =
    []
  readonly streams: Duplex[] = []
  /** What it goes by: the cluster's verdicts, or null: its own. */
  verdicts: Map<string, boolean | null> | null = null
  /** How often it was told to go by its own. */
  returns = 0
  isWatched: (key: string) => boolean = () => true
  /** Why it cannot prepare a text; empty: it can. */
  refusal = ''
  /** Why it cannot activate; empty: it can. */
  inability = ''
  /** What an activation waits for. */
  gate: Promise<void> = Promise.resolve()
  activating = 0
  /** What its text says of servers, by `backend/server`. */
  readonly settings = new Map<string, ConfiguredServer>()

  async validate(text: string): Promise<ValidText> {
    const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
    const backends = lines.map((line) => {
      const [, name, agreement, watchers, servers] =
        /^(\w+) (\w+)(?: (\d+))?:((?: \w+)*)$/.exec(line) ?? []
      const healthAgreement = HEALTH_AGREEMENTS.find((known) => known === agreement)
      if (name === undefined || healthAgreement === undefined) {
        throw new SluiceError('config-invalid', `1:1: error: "${line}"`)
      }
      const names = (servers ?? '').trim().split(' ').filter(Boolean)
      return { name, healthAgreement, watchers: watchers ? Number(watchers) : null, names }
    })
    return {
      servers: backends.flatMap(({ name, names }) => names.map((server) => `${name}/${server}`)),
      backends: backends.map(({ names: _, ...backend }) => backend),
      digest: async () => lines.join('\n'),
      warnings: text.includes('# warn') ? 'warning: as asked\n' : '',
    }
  }

  async prepare(text: string): Promise<void> {
    await this.validate(text)
    this.prepared.push(text)
    await Promise.resolve()
    if (this.refusal !== '') throw new SluiceError('address-in-use', this.refusal)
  }

  async activate(version: ConfigVersion, pool: readonly PoolEntry[]): Promise<void> {
    this.activating++
    if (this.activating > 1) throw new Error('two activations at once')
    await this.gate
    this.activating--
    if (this.inability !== '') throw new SluiceError('host-unresolved', this.inability)
    this.activated.push({ version, pool })
  }

  configured(backend: string, server: string): ConfiguredServer | null {
    return this.settings.get(`${backend}/${server}`) ?? null
  }

  follow(changes: readonly HealthChange[] | null): void {
    if (changes === null) {
      this.verdicts = null
      this.returns++
      return
    }
    this.verdicts ??= new Map()
    for (const { key, isUp } of changes) this.verdicts.set(key, isUp)
  }

  watch(isWatched: (key: string) => boolean): void {
    this.isWatched = isWatched
  }

  serve(stream: Duplex): void {
    this.streams.push(stream)
  }

  async change(change: Uint8Array): Promise<Uint8Array> {
    return Buffer.concat([Buffer.from('made: '), change])
  }

  get runningVersion(): number {
    return this.activated.at(-1)?.version.version ?? 0
  }

  get runningText(): string {
    return this.activated.at(-1)?.version.text ?? ''
  }
}

export interface LogLine {
  readonly level: string
  readonly event: string
  readonly message: string
  readonly fields: LogFields
}

/** The keys of session tickets of one node, of which only whose they are and their number count. */
export class FakeTicketKeys implements TicketKeyStore {
  readonly rotationMs = 60_000
  readonly #timers: ManualTimers
  isShared = false
  /** Who drew them, and how often they have changed since. */
  name: string
  rotations = 0
  #rotatedMs: number

  constructor(name: string, timers: ManualTimers) {
    this.name = name
    this.#timers = timers
    this.#rotatedMs = timers.nowMs()
  }

  get text(): string {
    return `${this.name} ${this.rotations}`
  }

  rotateIfDue(lateMs: number): void {
    if (this.#timers.nowMs() - this.#rotatedMs < this.rotationMs + lateMs) return
    this.rotations++
    this.#rotatedMs = this.#timers.nowMs()
  }

  encode(): Uint8Array {
    return Buffer.from(`${this.text} ${this.#timers.nowMs() - this.#rotatedMs}`)
  }

  take(bytes: Uint8Array): boolean {
    const [name = '', rotations, ageMs] = Buffer.from(bytes).toString().split(' ')
    if (name === '') return false
    this.isShared = true
    this.name = name
    this.rotations = Number(rotations)
    this.#rotatedMs = this.#timers.nowMs() - Number(ageMs)
    return true
  }
}

/** One node of the lab. */
export interface LabNode {
  readonly node: ClusterNode
  readonly host: FakeHost
  readonly ticketKeys: FakeTicketKeys
  readonly lines: readonly LogLine[]
  /** Names of the events that it has logged. */
  events(): string[]
}

export const TEXT = 'app majority: a b\n'

/** Three nodes that have a first config and watch. */
export class NodeLab {
  readonly timers = new ManualTimers()
  readonly cluster: MemoryCluster
  readonly nodes = new Map<string, LabNode>()
  #runs = 0

  constructor(names: readonly string[]) {
    this.cluster = new MemoryCluster(names)
  }

  static async start(names: readonly string[] = ['lb1', 'lb2', 'lb3']): Promise<NodeLab> {
    const lab = new NodeLab(names)
    for (const name of names) await lab.startNode(name)
    await lab.timers.advance(2_000)
    return lab
  }

  async startNode(
    name: string,
    text: string | null = TEXT,
    more: Partial<ClusterNodeOptions> = {},
  ): Promise<LabNode> {
    const host = new FakeHost()
    const lines: LogLine[] = []
    const ticketKeys = new FakeTicketKeys(`${name}#${this.#runs + 1}`, this.timers)
    const node = await ClusterNode.start({
      name,
      isReplicated: true,
      seed: text === null ? null : { text, valid: await host.validate(text) },
      run: `run${++this.#runs}`,
      host,
      ticketKeys,
      running: null,
      timers: this.timers,
      log: logInto(lines),
      startEngine: async (machine, events) => this.cluster.start(name, machine, events),
      ...more,
    })
    const entry = { node, host, ticketKeys, lines, events: () => lines.map(({ event }) => event) }
    this.nodes.set(name, entry)
    return entry
  }

  get(name: string): LabNode {
    return this.nodes.get(name)!
  }

  hosts(): readonly FakeHost[] {
    return [...this.nodes.values()].map(({ host }) => host)
  }

  /** Waits for what waits for nothing but its turn, and for no time. */
  settle(): Promise<void> {
    return settle()
  }
}

function logInto(lines: LogLine[]): DaemonLog {
  const writer =
    (level: string) =>
    (event: string, message: string, fields: LogFields = {}): void => {
      lines.push({ level, event, message, fields })
    }
  return {
    debug: writer('debug'),
    info: writer('info'),
    warn: writer('warn'),
    error: writer('error'),
    setLevel: () => {},
  }
}

export function request(text: string, more: Partial<ApplyRequest> = {}): ApplyRequest {
  return { text, ifVersion: null, comment: '', author: 'test', confirmMs: null, ...more }
}
