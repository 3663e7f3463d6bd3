import type { Duplex } from 'node:stream'
import { assert, SluiceError } from '../base/errors.ts'
import type { StateMachine } from '../consensus/agreement.ts'
import type { Engine, EngineEvents } from '../consensus/engine.ts'
import type { EngineStatus } from '../consensus/engine-status.ts'
import type { Members, RemovalOptions } from '../consensus/members.ts'
import type { PeerBus } from '../consensus/peer-bus.ts'
import type { DaemonLog } from '../telemetry/daemon-log.ts'
import { Activation, type ActivationFailure, type RunningVersion } from './activation.ts'
import { type Alarm, Alarms } from './alarms.ts'
import { encodeBackup, nothingLearnt } from './backup.ts'
import { ChangeLog } from './change-log.ts'
import type {
  ApplyOutcome,
  ApplyRequest,
  Cluster,
  ClusterHost,
  ClusterStatus,
  ConfiguredServer,
  ServerSetting,
} from './cluster.ts'
import { ACTIVATION_WAIT_MS, ConfigChanges } from './config-changes.ts'
import { ConfirmationClock } from './duties/confirmation-clock.ts'
import { FORMATS_QUESTION } from './duties/format-raising.ts'
import { HealthReports } from './duties/health-reports.ts'
import { LeaderDuties } from './duties/leader-duties.ts'
import type { NodeTimers } from './duties/node-timers.ts'
import { OwnReport } from './duties/own-report.ts'
import { CORRUPT_NOTICE, STATE_QUESTION, StateComparison } from './duties/state-comparison.ts'
import {
  TICKET_KEYS_QUESTION,
  TicketKeySharing,
  type TicketKeyStore,
} from './duties/ticket-key-sharing.ts'
import { VerdictFollowing } from './duties/verdict-following.ts'
import { clusterStatus } from './node-status.ts'
import { OwnFile, type Seed } from './own-file.ts'
import {
  decodeElapsedRequest,
  decodePrepare,
  encodeMessage,
  type NodeReport,
} from './peer-requests.ts'
import { Replica } from './replica.ts'
import { serverAddition, serverChange, serverRemoval } from './server-changes.ts'
import { ClusterStateMachine, type StateChange } from './state-machine/cluster-state-machine.ts'
import { encodeCommand, FORMAT_MIN } from './state-machine/command-encoding.ts'
import type { Done } from './state-machine/command-outcomes.ts'
import type { Command } from './state-machine/commands.ts'
import type { AgreedHealth, ClusterState } from './state-machine/state.ts'

/** How often a node looks for what is due by time: a tenth of the shortest time that matters. */
const TICK_MS = 500

/** For what the leader has acknowledged to be applied here: it is on its way. */
const APPLY_WAIT_MS = 2_000

/** Between two tries of a node that has halted to have another one lead. */
const YIELD_PAUSE_MS = 5_000

/** What a node of a cluster is made of. */
export interface ClusterNodeOptions {
  readonly name: string
  /** False: a single node, whose engine has no peers. */
  readonly isReplicated: boolean
  /** Null: it never seeds. */
  readonly seed: Seed | null
  /** Tells the runs of this node apart: drawn at random at each start, 1 to 64 characters. */
  readonly run: string
  readonly host: ClusterHost
  /** Of session tickets: those of all nodes, as far as they can be reached. */
  readonly ticketKeys: TicketKeyStore
  /** What the host runs at the start; null: the node's file. */
  readonly running: RunningVersion | null
  readonly timers: NodeTimers
  readonly log: DaemonLog
  /** The newest format that it knows; default: what the program does. */
  readonly formatMax?: number
  /** Starts the engine; it may call the machine and the events before it resolves. */
  readonly startEngine: (machine: StateMachine, events: EngineEvents) => Promise<Engine>
}

/** The parts that need an engine. */
interface Parts {
  readonly engine: Engine
  readonly configs: ConfigChanges
  readonly duties: LeaderDuties
  readonly ticketKeys: TicketKeySharing
  readonly comparison: StateComparison
}

/**
 * One node: brings together the engine, the state that it agrees on, and the daemon that acts by
 * it. A change may be asked of any node: the engine forwards its proposal to the leader.
 */
export class ClusterNode implements Cluster {
  readonly isReplicated: boolean
  readonly #options: ClusterNodeOptions
  readonly #machine: ClusterStateMachine
  readonly #replica: Replica
  readonly #activation: Activation
  readonly #following: VerdictFollowing
  readonly #reports: HealthReports
  readonly #own: OwnReport
  readonly #changeLog: ChangeLog
  readonly #file: OwnFile
  readonly #confirmation: ConfirmationClock
  readonly #alarms = new Alarms()
  #parts: Parts | null = null
  /** What the engine has told last; null: nothing yet. */
  #status: EngineStatus | null = null
  /**
   * It has had all that was agreed on before its start, at least once. Until then it may be at an
   * older version than it ran last, on the way through its log.
   */
  #hasCaughtUp = false
  #fatal: Error | null = null
  /** Why it applies nothing more; null: it does. */
  #halt: SluiceError | null = null
  #yieldNotBeforeMs = Number.NEGATIVE_INFINITY
  #cancelTick: (() => void) | null = null
  #isStopped = false

  private constructor(options: ClusterNodeOptions) {
    const { name: node, run, host, timers, log } = options
    this.#options = options
    this.isReplicated = options.isReplicated
    this.#changeLog = new ChangeLog(log)
    this.#file = new OwnFile(host, log, options.seed)
    const { formatMax } = options
    this.#machine = new ClusterStateMachine((change) => this.#onChange(change), formatMax)
    const machine = this.#machine
    this.#confirmation = new ConfirmationClock(timers)
    this.#replica = new Replica(machine, (error) => this.#onHalt(error))
    this.#activation = new Activation(host, timers, log, options.running)
    this.#own = new OwnReport(machine, this.#activation, timers)
    this.#reports = new HealthReports({
      node,
      run,
      machine,
      timers,
      propose: (report) => this.#propose(report),
    })
    this.#following = new VerdictFollowing(
      host,
      machine,
      () => this.read(),
      (isFollowing) => {
        this.#reports.setOpen(isFollowing)
        this.#watch()
      },
    )
  }

  /** @throws SluiceError what the engine's start throws */
  static async start(options: ClusterNodeOptions): Promise<ClusterNode> {
    const node = new ClusterNode(options)
    const engine = await options.startEngine(node.#replica, node.#events())
    const status = await engine.agreement.status()
    // What was told meanwhile is newer.
    node.#status ??= status
    node.#begin(engine)
    return node
  }

  state(): ClusterState {
    return this.#machine.state
  }

  health(key: string): AgreedHealth | undefined {
    return this.#machine.health.verdict(key)
  }

  async read(): Promise<void> {
    await this.#engine.agreement.read()
    this.#replica.expectRunning()
    this.#caughtUp()
  }

  appliedIndex(): number {
    return this.#replica.appliedIndex
  }

  untilApplied(index: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#options.timers.after(APPLY_WAIT_MS, () => {
        giveUp()
        resolve()
      })
      const giveUp = this.#replica.whenApplied(index, () => {
        cancel()
        resolve()
      })
    })
  }

  leaderElsewhere(): string | null {
    const leader = this.#status?.leader ?? null
    return leader === this.#options.name ? null : leader
  }

  async openStream(node: string): Promise<Duplex> {
    return this.#peersTo(node).openStream(node)
  }

  async forward(node: string, change: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    return this.#peersTo(node).ask(node, 'change', change, timeoutMs)
  }

  async applyConfig(request: ApplyRequest): Promise<ApplyOutcome> {
    return this.#live.configs.apply(request)
  }

  async confirmConfig(version: number | null): Promise<number> {
    await this.read()
    const pending = this.state().confirmation?.version ?? null
    const wanted = version ?? pending
    if (wanted === null) {
      throw new SluiceError('confirmation-unknown', 'no config version waits to be confirmed')
    }
    await this.#propose({ kind: 'config-confirm', version: wanted })
    return wanted
  }

  async rollbackConfig(version: number | null, author: string): Promise<ApplyOutcome> {
    return this.#live.configs.rollback(version, author)
  }

  async addServer(
    backend: string,
    server: string,
    address: string,
    weight: number | null,
    author: string,
  ): Promise<void> {
    await this.#changeServer(serverAddition(backend, server, address, weight, author))
  }

  async setServer(
    backend: string,
    server: string,
    setting: ServerSetting,
    author: string,
  ): Promise<void> {
    const configured = this.#configured(backend, server)
    await this.#changeServer(serverChange(backend, server, setting, configured, author))
  }

  async removeServer(backend: string, server: string, author: string): Promise<void> {
    await this.#changeServer(serverRemoval(backend, server, author))
  }

  report(key: string, isUp: boolean | null, reason: string): void {
    this.#reports.report(key, isUp, reason)
  }

  /** Why this node can agree on nothing at this moment: `no quorum`; '' where it can. */
  get muteness(): string {
    if (this.#fatal !== null) return 'takes no further part in the cluster'
    if (this.#halt !== null) return 'needs a newer version of Sluice'
    if (this.#parts?.comparison.corrupt.includes(this.#options.name) === true) {
      return 'its state differs from that of the other nodes'
    }
    return this.#status !== null && hasSay(this.#status) ? '' : 'no quorum'
  }

  /** What this node raises alarms for, be it about another one. */
  get alarms(): readonly Alarm[] {
    return this.#alarms.present
  }

  /** The newest format that this node knows. */
  get formatMax(): number {
    return this.#machine.formatMax
  }

  /** A version that this node should run and cannot; null: there is none. */
  get activationFailure(): ActivationFailure | null {
    return this.#activation.failure
  }

  /** Resolves when what is agreed on runs on this node or has failed, or after so long. */
  settled(waitMs: number): Promise<void> {
    return this.#activation.settled(waitMs)
  }

  /**
   * This node's file has been read again: says where it differs from what the cluster has agreed on.
   *
   * @throws SluiceError `config-invalid`
   */
  async compareFile(text: string): Promise<void> {
    await this.#file.replace(text)
    await this.#file.compare(this.state().versions.at(-1))
  }

  /**
   * As {@link applyConfig}, of a text that this node's file has now: it then differs no longer.
   *
   * @throws SluiceError what {@link applyConfig} throws
   */
  applyFile(request: ApplyRequest): Promise<ApplyOutcome> {
    return this.#file.applied(request.text, () => this.applyConfig(request))
  }

  /** The engine at this moment. */
  engineStatus(): Promise<EngineStatus> {
    return this.#engine.agreement.status()
  }

  async status(): Promise<ClusterStatus> {
    const status = await this.engineStatus()
    const { peers } = this.#engine
    return clusterStatus(status, peers, this.#ownReport(status), this.state())
  }

  async backUp(isStale: boolean): Promise<Uint8Array> {
    if (!isStale) await this.read()
    else if (!this.#hasCaughtUp) throw nothingLearnt(this.#options.name)
    const { name: node, clusterId, epoch } = await this.engineStatus()
    const time = new Date(this.#options.timers.wallMs()).toISOString()
    const index = this.#replica.appliedIndex
    const origin = { clusterId, node, time, epoch, index, linearizable: !isStale }
    return encodeBackup(origin, this.#machine.snapshot())
  }

  async addNode(name: string, address: string): Promise<void> {
    await this.#members.add(name, address)
  }

  async removeNode(name: string, options: RemovalOptions): Promise<void> {
    await this.#members.remove(name, options)
  }

  async transfer(name: string): Promise<void> {
    await this.#members.transfer(name)
  }

  /** From now on it goes by its last config and its own checks. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#cancelTick?.()
    this.#following.setQuorum(false)
    this.#reports.stop()
    await Promise.all([this.#activation.stop(), this.#engine.stop()])
  }

  get #live(): Parts {
    assert(this.#parts !== null, 'a cluster node is used after its start')
    return this.#parts
  }

  get #engine(): Engine {
    return this.#live.engine
  }

  /** @throws SluiceError `peer-unreachable` */
  #peersTo(node: string): PeerBus {
    const { peers } = this.#engine
    if (peers !== null) return peers
    throw new SluiceError('peer-unreachable', `${node}: this node has no links to others`)
  }

  /** @throws SluiceError `cluster-absent` */
  get #members(): Members {
    const { members } = this.#engine
    if (members !== null) return members
    throw new SluiceError('cluster-absent', 'this node is not in a cluster')
  }

  #begin(engine: Engine): void {
    const { agreement, peers } = engine
    const { name, host, timers, log, ticketKeys: keys } = this.#options
    const file = this.#file
    const activation = this.#activation
    const state = (): ClusterState => this.state()
    const propose = (command: Command): Promise<Done> => this.#propose(command)
    this.#parts = {
      engine,
      configs: new ConfigChanges({
        name,
        host,
        timers,
        agreement,
        peers,
        activation,
        state,
        propose,
      }),
      duties: new LeaderDuties({
        name,
        file,
        timers,
        log,
        agreement,
        peers,
        confirmation: this.#confirmation,
        formatMax: this.formatMax,
        state,
        propose,
      }),
      ticketKeys: new TicketKeySharing({ name, keys, timers, log, peers }),
      comparison: new StateComparison({
        name,
        timers,
        log,
        peers,
        machine: this.#machine,
        replica: this.#replica,
        engineStatus: () => this.engineStatus(),
      }),
    }
    this.#tick()
  }

  #events(): EngineEvents {
    return {
      onStatus: (status) => this.#onStatus(status),
      onFatal: (error) => this.#onFatal(error),
      onQuestion: (_from, kind, body) => this.#answer(kind, body),
      onStream: (_from, stream) => this.#options.host.serve(stream),
    }
  }

  /** A lost quorum is acted on at once; the rest when the engine is at rest. */
  #onStatus(status: EngineStatus): void {
    this.#status = status
    if (this.#parts === null || this.#isStopped) return
    if (!hasSay(status)) this.#following.setQuorum(false)
    this.#tickAfter(0)
  }

  #onFatal(error: Error): void {
    this.#fatal = error
    this.#following.setQuorum(false)
    const text = `this node takes no further part in the cluster: ${error.message}`
    const hint = error instanceof SluiceError ? error.hint : ''
    this.#options.log.error('cluster-node-failed', text, { error, hint })
  }

  /** It keeps its vote, and serves on what it runs; what it cannot read others may lead. */
  #onHalt(error: SluiceError): void {
    this.#halt = error
    this.#following.setQuorum(false)
    const text = `this node applies nothing more, and serves on with its last config: ${error.message}`
    this.#options.log.error('cluster-node-halted', text, { error, hint: error.hint })
  }

  /** The engine has begun anew: it goes through its log again, from a state that may be old. */
  #returned(): void {
    this.#fatal = null
    this.#hasCaughtUp = false
  }

  #tickAfter(delayMs: number): void {
    this.#cancelTick?.()
    this.#cancelTick = this.#options.timers.after(delayMs, () => this.#tick())
  }

  #tick(): void {
    if (this.#isStopped) return
    const { duties, ticketKeys, comparison } = this.#live
    const status = this.#status
    assert(status !== null, 'a cluster node begins with a status')
    if (this.isReplicated) this.#changeLog.tellStatus(status)
    const isActing = this.#fatal === null && this.#halt === null
    this.#following.setQuorum(isActing && hasSay(status))
    if (isActing) duties.tick(status)
    else if (this.#halt !== null && status.role === 'leader') this.#yieldLead(status)
    ticketKeys.tick(status)
    if (isActing) comparison.tick(status)
    this.#lookForAlarms(status)
    void this.#file.compare(this.state().versions.at(-1))
    this.#tickAfter(TICK_MS)
  }

  /** Another node may be able to do what a leader has to. */
  #yieldLead({ nodes, name }: EngineStatus): void {
    const nowMs = this.#options.timers.nowMs()
    if (nowMs < this.#yieldNotBeforeMs) return
    this.#yieldNotBeforeMs = nowMs + YIELD_PAUSE_MS
    const other = nodes.find((node) => {
      return node.name !== name && node.membership === 'voter' && node.isReachable === true
    })
    // One that cannot lead at this moment, or can no more than this, is asked again a while later.
    if (other !== undefined) void this.#engine.members?.transfer(other.name).catch(() => {})
  }

  #onChange(change: StateChange): void {
    const { before, after, health, command } = change
    if (command === null && this.#fatal !== null) this.#returned()
    this.#confirmation.follow(after)
    if (this.#following.isFollowing) {
      this.#changeLog.tellChange(change)
      if (this.isReplicated) this.#changeLog.tellHealth(health)
    }
    this.#following.tell(health)
    if (this.#parts === null) return
    this.#activate()
    const isOtherWatch =
      before.activeVersion !== after.activeVersion || before.witnesses !== after.witnesses
    if (isOtherWatch || command === null) this.#watch()
    if (isOtherWatch || command === null || before.pool !== after.pool) this.#reports.reconsider()
  }

  /** A read has succeeded, or a proposal: nothing older is to come. */
  #caughtUp(): void {
    if (this.#hasCaughtUp) return
    this.#hasCaughtUp = true
    this.#activate()
  }

  #activate(): void {
    if (!this.#hasCaughtUp) return
    const { versions, pool } = this.state()
    const active = versions.at(-1)
    if (active !== undefined) this.#activation.want(active, pool)
  }

  /** A node that goes by its own checks needs all of them. */
  #watch(): void {
    const { name, host } = this.#options
    const isAlone = !this.#following.isFollowing
    host.watch((key) => isAlone || this.#machine.health.hasToProbe(name, key))
  }

  /** What the active config says of a server; null also where this node does not run it. */
  #configured(backend: string, server: string): ConfiguredServer | null {
    const { running } = this.#activation
    if (running === null || running.version !== this.state().activeVersion) return null
    return this.#options.host.configured(backend, server)
  }

  async #changeServer(command: Command): Promise<void> {
    const { isChanged } = await this.#propose(command)
    if (isChanged) await this.#activation.settled(ACTIVATION_WAIT_MS)
  }

  /** @throws SluiceError what the engine throws, and what the state machine refuses with */
  async #propose(command: Command): Promise<Done> {
    const bytes = encodeCommand(command, this.state().format)
    const outcome = await this.#replica.propose(this.#engine.agreement, bytes)
    this.#caughtUp()
    if (outcome.kind === 'refused') throw new SluiceError(outcome.code, outcome.message)
    return outcome
  }

  async #answer(kind: string, body: Uint8Array): Promise<Uint8Array> {
    switch (kind) {
      case 'prepare': {
        const { text, keepMs } = decodePrepare(body)
        await this.#options.host.prepare(text, keepMs)
        return encodeMessage({})
      }
      case 'change':
        return this.#options.host.change(body)
      case 'confirmation': {
        const elapsedMs = this.#confirmation.elapsedMs(decodeElapsedRequest(body).version)
        return encodeMessage({ elapsedMs: elapsedMs === null ? null : Math.floor(elapsedMs) })
      }
      case FORMATS_QUESTION:
        return encodeMessage({ format: this.formatMax, formatMin: FORMAT_MIN })
      case TICKET_KEYS_QUESTION:
        return this.#parts?.ticketKeys.answer() ?? new Uint8Array()
      case STATE_QUESTION:
        return this.#live.comparison.answerState(body)
      case CORRUPT_NOTICE:
        return this.#live.comparison.answerNotice(body)
      case 'status':
        return encodeMessage(this.#ownReport(await this.engineStatus()))
      default: {
        const message = `this node knows no request ${JSON.stringify(kind.slice(0, 64))}`
        throw new SluiceError('request-invalid', message)
      }
    }
  }

  #lookForAlarms(status: EngineStatus): void {
    const { corrupt } = this.#live.comparison
    const facts = { status, fatal: this.#fatal, halt: this.#halt, corrupt }
    this.#alarms.look(facts, this.#options.timers.wallMs())
  }

  #ownReport(status: EngineStatus): NodeReport {
    this.#lookForAlarms(status)
    const appliedIndex = this.#halt === null ? status.appliedIndex : this.#replica.appliedIndex
    const notes = [
      this.#fatal === null ? '' : `has failed: ${this.#fatal.message}`,
      this.#halt === null ? '' : `applies nothing more: ${this.#halt.message}`,
      this.#file.note,
    ]
    return this.#own.describe({ ...status, appliedIndex }, notes, this.alarms)
  }
}

/** Whether a node takes part in what the cluster agrees on. */
function hasSay({ hasQuorum, role }: EngineStatus): boolean {
  return hasQuorum && role !== 'outsider'
}
