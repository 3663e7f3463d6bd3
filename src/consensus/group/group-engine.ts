import { assert, SluiceError } from '../../base/errors.ts'
import type { Agreement } from '../agreement.ts'
import type { CoreMessage } from '../core/protocol.ts'
import { Driver } from '../driver/driver.ts'
import { DRIVER_DEFAULTS } from '../driver/driver-options.ts'
import type { Machine } from '../driver/machine.ts'
import { invalidEncoding } from '../encoding/byte-reader.ts'
import type { Engine } from '../engine.ts'
import type { EngineStatus } from '../engine-status.ts'
import type { Membership, NodeId, Snapshot } from '../log/entries.ts'
import type { Members } from '../members.ts'
import type { PeerBus } from '../peer-bus.ts'
import { PeerQuestions } from '../peers/peer-questions.ts'
import type { Channel, PeerEvents, PeerHello, PeerTransport } from '../peers/transport.ts'
import type { LevelStore } from '../store/level-store.ts'
import type { StoredState } from '../store/log-store.ts'
import { type OpenedStore, openStore } from '../store/store-opening.ts'
import { membersOf, objectionTo } from './admission.ts'
import { Conditions } from './awaited-conditions.ts'
import type { BirthView } from './birth.ts'
import { BirthAttempts } from './birth-attempts.ts'
import { hasQuorum, noQuorum } from './engine-view.ts'
import type { GroupEngineOptions } from './group-engine-options.ts'
import { GroupPeers } from './group-peers.ts'
import { MemberChanges } from './member-changes.ts'
import { MembershipReconciler } from './membership-reconciler.ts'
import { answerPeer } from './peer-answers.ts'
import { PeerDirectory } from './peer-directory.ts'
import { Proposer } from './proposer.ts'
import { describeEngine, isNews, nameOf } from './status-description.ts'

/** Between looks at what nobody tells of: silence, learners that caught up, nodes to be taken in. */
const LOOK_INTERVAL_MS = 50
/** For a peer to be linked to that has asked something. */
const CALL_BACK_MS = 1000
/** Bytes of a command. The text of a config is a fraction of it. */
const COMMAND_BYTES_MAX = 8 * 1024 * 1024

/**
 * The engine of a group of nodes, whichever protocol they agree by. It begins as an outsider: its
 * store says whether it belongs to a cluster already, `birth.ts` how it comes to. From then on a
 * driver runs its core, and where it leads it also sees to it that nodes are taken in, promoted and
 * replaced.
 */
export class GroupEngine<M extends CoreMessage> implements Engine {
  readonly agreement: Agreement
  readonly members: Members
  readonly peers: PeerBus
  readonly #options: GroupEngineOptions<M>
  readonly #store: LevelStore
  readonly #transport: PeerTransport
  readonly #directory: PeerDirectory
  readonly #questions: PeerQuestions
  readonly #conditions: Conditions
  readonly #changes: MemberChanges
  readonly #birth: BirthAttempts
  readonly #reconciler = new MembershipReconciler()
  #driver: Driver<M> | null = null
  /** Ids that were told to the peers last. */
  #toldIds = ''
  #told: EngineStatus
  #cancelLook: () => void = () => {}
  #failure: Error | null = null
  #stopping: Promise<void> | null = null
  #hasStopped = false

  /**
   * Starts a node: when this resolves its store is open and its peers can reach it.
   *
   * @throws SluiceError as `openStore`, `address-in-use`, `bind-failed`, `peer-credentials`
   */
  static async open<M extends CoreMessage>(
    options: GroupEngineOptions<M>,
  ): Promise<GroupEngine<M>> {
    const { folder, name, makeIncarnation } = options
    const opened = await openStore({ folder, name, makeIncarnation })
    let engine: GroupEngine<M> | null = null
    try {
      engine = new GroupEngine(options, opened)
      await engine.#transport.listen()
      engine.#begin(opened.stored)
      return engine
    } catch (error) {
      // A transport that does not listen has called nobody, and no driver runs.
      await engine?.stop()
      await opened.store.close()
      throw error
    }
  }

  private constructor(options: GroupEngineOptions<M>, { store }: OpenedStore) {
    const { scheduler, random, name, peers } = options
    this.#options = options
    this.#store = store
    this.#directory = new PeerDirectory(name, peers)
    this.#conditions = new Conditions(scheduler)
    this.#questions = new PeerQuestions(
      {
        scheduler,
        send: (to, channel, data) => this.#transport.send(to, channel, data),
        untilReachable: (to) =>
          this.#conditions.until(() => this.#transport.isConnected(to), CALL_BACK_MS),
        answer: (from, scope, kind, body) => answerPeer(answering, from, scope, kind, body),
      },
      Math.floor(random() * 2 ** 48),
    )
    const view = {
      scheduler,
      questions: this.#questions,
      conditions: this.#conditions,
      silenceMaxMs: options.protocol.silenceMaxMs,
      isConnected: (id: NodeId) => this.#transport.isConnected(id),
      driver: () => this.#runningDriver(),
    }
    const proposer = new Proposer(view)
    this.#changes = new MemberChanges(view)
    const answering = {
      proposer,
      changes: this.#changes,
      events: options.events,
      clusterId: () => store.identity.clusterId,
      driver: view.driver,
    }
    this.agreement = {
      propose: async (command) => {
        assert(command.length <= COMMAND_BYTES_MAX, 'a command is no longer than it may be')
        return proposer.propose(command)
      },
      read: () => proposer.read(),
      status: async () => this.#status(),
    }
    this.members = this.#changes
    this.peers = new GroupPeers({
      name,
      questions: this.#questions,
      events: options.events,
      openStream: (to) => this.#transport.openStream(to),
      reachable: () => this.#reachable(),
      isStopped: () => this.#stopping !== null,
    })
    this.#birth = new BirthAttempts({
      questions: this.#questions,
      view: () => this.#birthView(),
      beBorn: (clusterId, snapshot) => this.#beBorn(clusterId, snapshot),
      onFailed: (error) => this.#fail(error),
    })
    this.#transport = options.makeTransport(this.#hello(), this.#peerEvents(), (refusal) =>
      this.#directory.refused(refusal),
    )
    this.#told = this.#status()
  }

  /** From now on it says something: it can be reached. */
  #begin(stored: StoredState | null): void {
    if (stored !== null) this.#startDriver(stored)
    this.#membersChanged()
    this.#told = this.#status()
    this.#look()
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  /**
   * What is agreed on cannot be applied any more: the node takes no further part, as if its state
   * machine had thrown. For a machine on another thread, which fails later than it is called.
   */
  giveUp(error: Error): void {
    this.#fail(error)
  }

  async #stop(): Promise<void> {
    if (this.#driver !== null && this.#failure === null) await this.#changes.handOver(this.#driver)
    this.#hasStopped = true
    this.#cancelLook()
    this.#failure ??= new SluiceError('engine-stopped', 'the node has stopped')
    this.#driver?.stop()
    this.#conditions.stop()
    this.#questions.stop()
    await this.#transport.close()
    await this.#store.close()
  }

  #status(): EngineStatus {
    const core = this.#driver?.status() ?? null
    return describeEngine({
      engine: this.#options.protocol.name,
      identity: this.#store.identity,
      core,
      hasQuorum: this.#hasQuorum,
      addressOf: (member) => this.#directory.addressOf(member),
      peers: this.#directory.peers,
      hellos: this.#reachable(),
      failure: this.#failure?.message ?? null,
      note: this.#directory.objection || (core === null ? this.#birth.note : ''),
    })
  }

  #runningDriver(): Driver<M> {
    if (this.#failure !== null) {
      throw new SluiceError('engine-stopped', this.#failure.message, this.#failure)
    }
    if (this.#driver === null) throw noQuorum(`no cluster yet: ${this.#birth.note}`)
    return this.#driver
  }

  get #hasQuorum(): boolean {
    const { scheduler, protocol } = this.#options
    const { silenceMaxMs } = protocol
    return this.#driver !== null && hasQuorum(this.#driver, { scheduler, silenceMaxMs })
  }

  #reachable(): ReadonlyMap<string, PeerHello> {
    return this.#directory.reachable((id) => this.#transport.isConnected(id))
  }

  /**
   * Whom to talk to: who takes part as the log has it, and who did before that was agreed on, for
   * those have to be told. Null: the node belongs to no cluster.
   */
  get #membership(): Membership | null {
    if (this.#driver === null) return null
    const { membership } = this.#driver.standing()
    const { appliedMembership: before } = this.#driver
    if (before === membership) return membership
    return { ...membership, outgoing: [...membersOf(membership), ...membersOf(before)] }
  }

  #hello(): PeerHello {
    const { name, id, clusterId } = this.#store.identity
    const membership = this.#membership
    const memberIds = membership === null ? [id] : membersOf(membership).map((m) => m.id)
    return { name, id, clusterId, memberIds }
  }

  #peerEvents(): PeerEvents {
    return {
      admit: (hello) => this.#admit(hello),
      onOpen: (hello) => {
        this.#directory.opened(hello)
        this.#look()
      },
      onClose: ({ id }) => this.#questions.lost(id),
      onMessage: (from, channel, data) => this.#receive(from, channel, data),
      onStream: (from, stream) => this.#options.events.onStream(nameOf(from), stream),
    }
  }

  #admit(hello: PeerHello): string | null {
    const objection = objectionTo(hello, {
      selfId: this.#store.identity.id,
      clusterId: this.#store.identity.clusterId,
      membership: this.#membership,
      hasQuorum: this.#hasQuorum,
      peers: this.#directory.peers,
    })
    if (objection === null) this.#directory.heard(hello)
    return objection
  }

  #receive(from: NodeId, channel: Channel, data: Uint8Array): void {
    if (channel !== 'consensus') {
      this.#questions.receive(from, channel, data)
      return
    }
    const message = this.#options.protocol.decode(data)
    if (message.from !== from) throw invalidEncoding(`${from} speaks for ${message.from}`)
    this.#driver?.step(message)
  }

  /** Looks at what has changed without being told, now and again and again. */
  #look(): void {
    if (this.#hasStopped) return
    const { scheduler } = this.#options
    this.#cancelLook()
    this.#cancelLook = scheduler.callAt(scheduler.nowMs() + LOOK_INTERVAL_MS, () => this.#look())
    if (this.#stopping === null && this.#failure === null) {
      if (this.#driver === null) this.#birth.make()
      else this.#reconcile(this.#driver)
    }
    this.#tellStatus()
  }

  #birthView(): BirthView {
    const { name, id } = this.#store.identity
    const { peers } = this.#directory
    const address = peers.find((peer) => peer.name === name)?.address ?? ''
    return { self: { name, id, address }, peers, hellos: this.#reachable() }
  }

  /** What the node begins with is durable before it says anything as a member. */
  async #beBorn(clusterId: string, snapshot: Snapshot): Promise<void> {
    const stored = await this.#store.found(clusterId, snapshot)
    if (this.#stopping !== null) return
    this.#startDriver(stored)
    this.#membersChanged()
    this.#tellStatus()
    const { id } = this.#store.identity
    this.#options.log.info('cluster-joined', `${id} belongs to the cluster ${clusterId}`, {
      clusterId,
    })
  }

  #startDriver(stored: StoredState): void {
    const { scheduler, random, driver, protocol } = this.#options
    const { id } = this.#store.identity
    this.#driver = new Driver(
      { ...DRIVER_DEFAULTS, readTimeoutMs: protocol.silenceMaxMs, ...driver },
      {
        makeCore: protocol.coreOf(id),
        store: this.#store,
        machine: this.#machine(),
        scheduler,
        random,
        send: (message) => {
          this.#transport.send(message.to, 'consensus', protocol.encode(message))
        },
        flush: () => this.#transport.flush(),
        onStatus: () => {
          this.#membersChanged()
          this.#tellStatus()
        },
        onFatal: (error) => this.#fail(error),
      },
      stored,
    )
    const { voters, outgoing } = this.#driver.standing().membership
    const isAlone = voters.length === 1 && voters[0]?.id === id
    // Nobody is there whose leader it could disturb.
    if (isAlone && outgoing.length === 0) this.#driver.campaign()
  }

  /** The state machine, which answers with promises, for a driver, which has none. */
  #machine(): Machine {
    const { machine } = this.#options
    return {
      apply: (index, command) => machine.apply(index, command),
      restore: (data, index) => machine.restore(data, index),
      snapshot: (onTaken) => {
        void machine.snapshot().then(onTaken, (error: unknown) => this.#fail(error as Error))
      },
    }
  }

  /** Peers are told of, and called by, who is a member now. */
  #membersChanged(): void {
    this.#transport.setPeers(this.#directory.toCall(this.#membership))
    const hello = this.#hello()
    const ids = [hello.clusterId, ...hello.memberIds].join(' ')
    if (ids === this.#toldIds) return
    this.#toldIds = ids
    this.#transport.setHello(hello)
  }

  #reconcile(driver: Driver<M>): void {
    const { id, role, membership, peers } = driver.status()
    if (role !== 'leader') {
      this.#reconciler.reset()
      return
    }
    const view = { id, membership, peers, hellos: this.#reachable() }
    const step = this.#reconciler.next(view, this.#options.scheduler.nowMs())
    if (step === null || !driver.proposeMembership(step.target, null).ok) return
    this.#options.log.info('cluster-members', step.what)
  }

  #fail(error: Error): void {
    if (this.#failure !== null || this.#stopping !== null) return
    this.#failure = error
    this.#driver?.stop()
    this.#conditions.settle()
    this.#tellStatus()
    this.#options.events.onFatal(error)
  }

  #tellStatus(): void {
    this.#conditions.settle()
    const status = this.#status()
    if (!isNews(this.#told, status)) return
    this.#told = status
    this.#options.events.onStatus(status)
  }
}
