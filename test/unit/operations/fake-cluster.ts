import type { Duplex } from 'node:stream'
import { SluiceError } from '../../../src/base/errors.ts'
import { encodeBackup } from '../../../src/cluster/backup.ts'
import type {
  ApplyOutcome,
  ApplyRequest,
  Cluster,
  ClusterStatus,
  ServerSetting,
} from '../../../src/cluster/cluster.ts'
import type { AgreedHealth, ClusterState } from '../../../src/cluster/state-machine/state.ts'
import type { RemovalOptions } from '../../../src/consensus/members.ts'
import { SERVERS } from './fake-source.ts'

/** 2026-01-02T03:04:05.000Z. */
const TIME_MS = Date.UTC(2026, 0, 2, 3, 4, 5)

/** Three versions, the last of which is to be confirmed. */
export const STATE: ClusterState = {
  format: 2,
  activeVersion: 3,
  versions: ['a: 1\n', 'a: 1\nb: 2\n', 'a: 1\nb: 3 # why\n'].map((text, n) => ({
    version: n + 1,
    text,
    author: `lb${n + 1}, admin API`,
    timeMs: TIME_MS + n * 1000,
    comment: n === 0 ? '' : `change ${n}`,
    cause: n === 0 ? 'seed' : 'apply',
    result: n === 2 ? 'unconfirmed' : 'superseded',
  })),
  confirmation: { version: 3, previous: 2, deadlineMs: TIME_MS + 60_000 },
  pool: [],
  witnesses: ['lb1', 'lb2', 'lb3'],
}

export const STATUS: ClusterStatus = {
  engine: 'raft',
  clusterId: 'c0ffee',
  node: 'lb1',
  leader: 'lb1',
  epoch: 4,
  hasQuorum: true,
  missing: ['lb2'],
  configVersion: 3,
  format: 2,
  alarms: [],
  nodes: [
    {
      name: 'lb1',
      address: '10.0.0.1:7400',
      role: 'leader',
      isReachable: true,
      epoch: 4,
      appliedIndex: 120,
      lagEntries: 0,
      configVersion: 3,
      formatMin: 1,
      formatMax: 2,
      configHash: 'abc',
      stateHash: 'def',
      uptimeSeconds: 12.5,
      note: '',
    },
    {
      name: 'lb2',
      address: '10.0.0.2:7400',
      role: 'unknown',
      isReachable: false,
      epoch: null,
      appliedIndex: null,
      lagEntries: 7,
      configVersion: null,
      formatMin: null,
      formatMax: null,
      configHash: null,
      stateHash: null,
      uptimeSeconds: null,
      note: 'is gone\nfor good',
    },
  ],
}

/** A backup that holds no state. */
export const BACKUP: Uint8Array = encodeBackup(
  {
    clusterId: 'c0ffee',
    node: 'lb1',
    time: new Date(TIME_MS).toISOString(),
    epoch: 4,
    index: 120,
    linearizable: true,
  },
  new Uint8Array(),
)

const OUTCOME: ApplyOutcome = {
  version: 4,
  isChanged: true,
  warnings: '',
  nodes: [
    { name: 'lb1', result: 'prepared' },
    { name: 'lb2', result: 'unreachable' },
  ],
}

/** A cluster in memory that keeps what it is asked, and fails where it is told to. */
export class FakeCluster implements Cluster {
  readonly isReplicated = true
  /** Every change and every read that was asked for, in its order. */
  readonly calls: unknown[] = []
  /** Who has asked for the changes of servers. */
  readonly authors: string[] = []
  agreed: ClusterState = STATE
  outcome: ApplyOutcome = OUTCOME
  leader: string | null = null
  backup: Uint8Array = BACKUP
  /** What goes wrong, by the name of the method. */
  readonly failures = new Map<string, unknown>()
  /** What the leader answers to a change. */
  onChange: (change: Uint8Array) => Promise<Uint8Array> = () => {
    throw new SluiceError('peer-refused', 'this node knows no request "change"')
  }
  /** The other end of every stream that is opened. */
  onStream: (node: string) => Duplex = () => {
    throw new SluiceError('peer-unreachable', 'nobody is there')
  }

  /** A cluster whose method fails with a code. */
  static failing(
    method: string,
    code: ConstructorParameters<typeof SluiceError>[0],
    message = `${method} has failed`,
  ): FakeCluster {
    const cluster = new FakeCluster()
    cluster.failures.set(method, new SluiceError(code, message))
    return cluster
  }

  state(): ClusterState {
    return this.agreed
  }

  health(): AgreedHealth | undefined {
    return undefined
  }

  read(): Promise<void> {
    return this.#note('read', [], undefined)
  }

  appliedIndex(): number {
    return 7
  }

  untilApplied(index: number): Promise<void> {
    return this.#note('untilApplied', [index], undefined)
  }

  leaderElsewhere(): string | null {
    return this.leader
  }

  async forward(node: string, change: Uint8Array): Promise<Uint8Array> {
    await this.#note('forward', [node], undefined)
    return this.onChange(change)
  }

  async openStream(node: string): Promise<Duplex> {
    await this.#note('openStream', [node], undefined)
    return this.onStream(node)
  }

  applyConfig(request: ApplyRequest): Promise<ApplyOutcome> {
    return this.#note('applyConfig', [request], this.outcome)
  }

  confirmConfig(version: number | null): Promise<number> {
    return this.#note('confirmConfig', [version], version ?? this.agreed.activeVersion)
  }

  rollbackConfig(version: number | null, author: string): Promise<ApplyOutcome> {
    return this.#note('rollbackConfig', [version, author], this.outcome)
  }

  addServer(
    backend: string,
    server: string,
    address: string,
    weight: number | null,
    author: string,
  ): Promise<void> {
    this.authors.push(author)
    return this.#note('addServer', [backend, server, address, weight], undefined)
  }

  async setServer(
    backend: string,
    server: string,
    setting: ServerSetting,
    author: string,
  ): Promise<void> {
    this.authors.push(author)
    const isKnown = SERVERS.servers.some((one) => one.backend === backend && one.server === server)
    if (!isKnown) throw new SluiceError('server-unknown', `there is no ${backend}/${server}`)
    return this.#note('setServer', [backend, server, setting], undefined)
  }

  removeServer(backend: string, server: string, author: string): Promise<void> {
    this.authors.push(author)
    return this.#note('removeServer', [backend, server], undefined)
  }

  report(): void {}

  status(): Promise<ClusterStatus> {
    return this.#note('status', [], STATUS)
  }

  backUp(isStale: boolean): Promise<Uint8Array> {
    return this.#note('backUp', [isStale], this.backup)
  }

  addNode(name: string, address: string): Promise<void> {
    return this.#note('addNode', [name, address], undefined)
  }

  removeNode(name: string, options: RemovalOptions): Promise<void> {
    return this.#note('removeNode', [name, options], undefined)
  }

  transfer(name: string): Promise<void> {
    return this.#note('transfer', [name], undefined)
  }

  stop(): Promise<void> {
    return Promise.resolve()
  }

  async #note<T>(method: string, given: readonly unknown[], result: T): Promise<T> {
    this.calls.push([method, ...given])
    await Promise.resolve()
    if (this.failures.has(method)) throw this.failures.get(method)
    return result
  }
}
