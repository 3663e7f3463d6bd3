import type { Duplex } from 'node:stream'
import { assert, SluiceError } from '../../base/errors.ts'
import type { NodeId } from '../log/entries.ts'
import { type AcceptedHost, AcceptedLink } from './accepted-link.ts'
import { DialledLink, type LinkHost } from './dialled-link.ts'
import { type Call, dial } from './dialler.ts'
import { expectUsable } from './handshake/certificates.ts'
import { AcceptingHandshake } from './handshake/handshake.ts'
import { encodeHello } from './handshake/hello-codec.ts'
import { Introduction } from './handshake/introduction.ts'
import { MemberHosts } from './handshake/member-hosts.ts'
import { SECRET_BYTES_MIN } from './handshake/shared-key.ts'
import { PeerCounters, type PeerStats } from './peer-counters.ts'
import { type Newcomer, PeerServer } from './peer-server.ts'
import { PeerStream } from './peer-stream.ts'
import type { RecordChannel } from './records/record-channel.ts'
import type { Objection } from './refusals.ts'
import {
  type Channel,
  type PeerAddress,
  type PeerEvents,
  type PeerHello,
  type PeerTransport,
  unreachable,
} from './transport.ts'
import type { PeerTls, PeerTransportOptions } from './transport-options.ts'
import { type LinkedNode, twinObjection } from './twins.ts'

/**
 * Links to the peers over WebSockets. Every node calls every peer and sends on the link that it has
 * opened; what it accepts it only reads. Peers prove that they belong together by a secret or by
 * certificates, over TLS 1.3 either way.
 */
export class WebSocketTransport implements PeerTransport {
  #options: PeerTransportOptions
  readonly #events: PeerEvents
  readonly #counters = new PeerCounters()
  readonly #memberHosts = new MemberHosts()
  readonly #server: PeerServer
  readonly #linkHost: LinkHost
  readonly #acceptedHost: AcceptedHost
  /** By the peer's name. */
  readonly #links = new Map<string, DialledLink>()
  /** Those of `#links` that are open. */
  readonly #open = new Map<NodeId, DialledLink>()
  /** By the peer's name: a newer link takes the place of the older. */
  readonly #accepted = new Map<string, AcceptedLink>()
  /** By the peer's name. */
  readonly #streams = new Map<string, Set<PeerStream>>()
  /** Calls that open streams, until their connections have ended. */
  readonly #calls = new Set<Call>()
  #openings = 0
  #hello: PeerHello
  #beat: NodeJS.Timeout | null = null
  #telling: NodeJS.Immediate | null = null
  #isClosed = false

  /** @throws SluiceError `peer-credentials` where secret or certificate cannot do */
  constructor(options: PeerTransportOptions, events: PeerEvents) {
    const { secret, tls, isOpenAllowed, hello } = options
    if (secret !== null && secret.length < SECRET_BYTES_MIN) {
      const message = `the secret has ${secret.length} bytes, ${SECRET_BYTES_MIN} are the least`
      throw new SluiceError('peer-credentials', message)
    }
    assert(secret === null || tls === null, 'links have a secret or certificates')
    if (secret === null && tls === null && !isOpenAllowed) {
      throw new SluiceError('peer-credentials', 'peers have neither a secret nor certificates')
    }
    if (tls !== null) expectUsable(tls, hello.name)
    this.#options = options
    this.#events = events
    this.#hello = hello
    this.#server = new PeerServer(options, {
      isMemberHost: (host) => this.#memberHosts.has(host),
      onNewcomer: (newcomer) => this.#meet(newcomer),
      onRefused: (objection, name, address) => this.#refused(objection, true, name, address),
    })
    this.#linkHost = this.#makeLinkHost()
    this.#acceptedHost = this.#makeAcceptedHost()
  }

  async listen(): Promise<string> {
    const address = await this.#server.open()
    this.#beat = setInterval(() => this.#beatAll(), this.#options.limits.keepAliveMs)
    return address
  }

  /**
   * New connections are made with these certificates; those that are open stay as they are.
   *
   * @param tls where the transport was made with others
   * @throws SluiceError `peer-credentials` where they cannot be used; the old ones stay
   */
  renewTls(tls: PeerTls): void {
    assert(this.#options.tls !== null, 'links do not become TLS while they run')
    expectUsable(tls, this.#hello.name)
    this.#options = { ...this.#options, tls }
    this.#server.renewTls(tls)
  }

  setPeers(peers: readonly PeerAddress[]): void {
    if (this.#isClosed) return
    const wanted = new Map(peers.map((peer) => [peer.name, peer]))
    wanted.delete(this.#hello.name)
    this.#memberHosts.setPeers([...wanted.values()])
    for (const [name, link] of this.#links) {
      if (wanted.get(name)?.address === link.peer.address) continue
      this.#links.delete(name)
      void link.close()
    }
    for (const [name, peer] of wanted) {
      if (!this.#links.has(name)) this.#links.set(name, new DialledLink(peer, this.#linkHost))
    }
  }

  setHello(hello: PeerHello): void {
    assert(hello.id === this.#hello.id, 'a node keeps its name and id for as long as it runs')
    const isNews = !Buffer.from(encodeHello(hello)).equals(encodeHello(this.#hello))
    this.#hello = hello
    // Not at once: whoever is being asked whether it admits a peer may be the one that calls.
    if (isNews && !this.#isClosed) this.#telling ??= setImmediate(() => this.#tellAll())
  }

  send(to: NodeId, channel: Channel, data: Uint8Array): boolean {
    const isSent = this.#open.get(to)?.send(channel, data) ?? false
    if (!isSent) this.#counters.framesDropped++
    return isSent
  }

  flush(): void {
    for (const link of this.#open.values()) link.flush()
  }

  isConnected(to: NodeId): boolean {
    return this.#open.has(to)
  }

  openStream(to: NodeId): Promise<Duplex> {
    const link = this.#open.get(to)
    if (link === undefined) return Promise.reject(unreachable(to, 'no link to it is open'))
    const { peer } = link
    const count = (this.#streams.get(peer.name)?.size ?? 0) + this.#openings
    if (this.#isClosed || count >= this.#options.limits.streamsPerPeerMax) {
      return Promise.reject(unreachable(to, 'no more streams may be opened'))
    }
    return new Promise((resolve, reject) => this.#callForStream(to, peer, resolve, reject))
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    if (this.#beat !== null) clearInterval(this.#beat)
    if (this.#telling !== null) clearImmediate(this.#telling)
    for (const streams of this.#streams.values()) for (const stream of streams) stream.destroy()
    const calls = [...this.#calls]
    for (const call of calls) call.giveUp()
    const links = [...this.#links.values(), ...this.#accepted.values()].map((link) => link.close())
    this.#links.clear()
    await Promise.all([this.#server.close(), ...links, ...calls.map(({ ended }) => ended)])
  }

  /** What has been done and what is open, for metrics. */
  stats(): PeerStats {
    return {
      ...this.#counters,
      refused: { ...this.#counters.refused },
      refusedByPeers: { ...this.#counters.refusedByPeers },
      links: this.#open.size,
      acceptedLinks: this.#accepted.size,
      streams: [...this.#streams.values()].reduce((count, { size }) => count + size, 0),
      handshakes: this.#server.pendingCount,
    }
  }

  #callForStream(
    to: NodeId,
    peer: PeerAddress,
    resolve: (stream: Duplex) => void,
    reject: (error: SluiceError) => void,
  ): void {
    this.#openings++
    const call = dial(peer, 'stream', this.#options, {
      limits: this.#options.limits,
      counters: this.#counters,
      hello: () => this.#hello,
      admit: (hello) =>
        hello.id === to
          ? this.#admit(hello)
          : { reason: 'stranger', message: `${to} has become ${hello.id}` },
      onAdmitted: (channel) => {
        this.#openings--
        resolve(this.#addStream(channel, peer.name, peer.address))
      },
      onRefused: (objection, isOurs) => {
        this.#openings--
        this.#refused(objection, isOurs, peer.name, peer.address)
        reject(unreachable(to, objection.message))
      },
      onLost: (failure) => {
        this.#openings--
        this.#counters.dialFailures++
        reject(unreachable(to, failure?.message ?? 'it does not answer'))
      },
    })
    this.#calls.add(call)
    void call.ended.then(() => this.#calls.delete(call))
  }

  #addStream(channel: RecordChannel, peer: string, address: string): PeerStream {
    const stream = new PeerStream(channel, peer, (objection, isOurs) => {
      this.#refused(objection, isOurs, peer, address)
    })
    const streams = this.#streams.get(peer) ?? new Set()
    this.#streams.set(peer, streams.add(stream))
    stream.on('close', () => {
      streams.delete(stream)
      if (streams.size === 0 && this.#streams.get(peer) === streams) this.#streams.delete(peer)
    })
    if (this.#isClosed) stream.destroy()
    return stream
  }

  #meet(newcomer: Newcomer): void {
    const { limits } = this.#options
    const handshake = new AcceptingHandshake(this.#hello.name)
    new Introduction(newcomer.socket, handshake, 'acceptor', {
      limits,
      counters: this.#counters,
      hello: () => this.#hello,
      admit: (hello) => this.#objectionTo(newcomer, hello) ?? this.#admit(hello),
      onAdmitted: (channel, hello) => {
        newcomer.settle()
        this.#memberHosts.proved(hello.name, newcomer.address)
        this.#welcome(newcomer, channel, hello)
      },
      onRefused: (objection, isOurs, peer) => {
        this.#refused(objection, isOurs, peer, newcomer.address)
      },
      onLost: () => {},
    })
  }

  /** What only a called node can have against a peer. */
  #objectionTo({ denies, purpose }: Newcomer, { name }: PeerHello): Objection | null {
    const { acceptedLinksMax, streamsPerPeerMax } = this.#options.limits
    const denial = denies(name)
    if (denial !== null) return { reason: 'stranger', message: denial }
    const isCrowded =
      purpose === 'stream'
        ? (this.#streams.get(name)?.size ?? 0) >= streamsPerPeerMax * 2
        : !this.#accepted.has(name) && this.#accepted.size >= acceptedLinksMax
    return isCrowded ? { reason: 'crowded', message: `no more ${purpose}s are accepted` } : null
  }

  #welcome({ purpose, address }: Newcomer, channel: RecordChannel, hello: PeerHello): void {
    if (purpose === 'stream') {
      this.#events.onStream(hello.id, this.#addStream(channel, hello.name, address))
      return
    }
    const older = this.#accepted.get(hello.name)
    this.#accepted.set(hello.name, new AcceptedLink(channel, hello, address, this.#acceptedHost))
    void older?.close()
    this.#links.get(hello.name)?.callBack()
    // That it has called may say that who was called under its name is another.
    this.#links.get(hello.name)?.readmit()
  }

  /** The nodes that are linked under a name: one, unless a twin is just being found out. */
  #linkedAs(name: string): readonly LinkedNode[] {
    const accepted = this.#accepted.get(name)
    const dialled = this.#links.get(name)
    const dialledId = dialled?.hello?.id
    // Where it is called says more to an operator than where it calls from.
    return [
      ...(dialled === undefined || dialledId === undefined
        ? []
        : [{ id: dialledId, address: dialled.peer.address }]),
      ...(accepted === undefined ? [] : [{ id: accepted.hello.id, address: accepted.address }]),
    ]
  }

  #admit(hello: PeerHello): Objection | null {
    const twin = twinObjection(hello, this.#linkedAs(hello.name), this.#hello.memberIds)
    if (twin !== null) return twin
    const message = this.#events.admit(hello)
    return message === null ? null : { reason: 'not-admitted', message }
  }

  #makeLinkHost(): LinkHost {
    return {
      options: () => this.#options,
      counters: this.#counters,
      hello: () => this.#hello,
      admit: (hello) => this.#admit(hello),
      onOpen: (link, hello) => {
        this.#open.set(hello.id, link)
        this.#accepted.get(hello.name)?.readmit()
        this.#events.onOpen(hello)
      },
      onClose: (link, hello) => {
        if (this.#open.get(hello.id) !== link) return
        this.#open.delete(hello.id)
        this.#events.onClose(hello)
      },
      onRefused: (objection, isOurs, { name, address }) => {
        this.#refused(objection, isOurs, name, address)
      },
      onDead: (peer) => this.#cutStreams(peer),
    }
  }

  #makeAcceptedHost(): AcceptedHost {
    return {
      limits: this.#options.limits,
      counters: this.#counters,
      admit: (hello) => this.#admit(hello),
      onFrame: (hello, channel, data) => this.#deliver(hello.id, channel, data),
      onRefused: (objection, isOurs, { hello, address }) => {
        this.#refused(objection, isOurs, hello.name, address)
      },
      onDead: (peer) => this.#cutStreams(peer),
      onClose: (link) => {
        const { name } = link.hello
        if (this.#accepted.get(name) === link) this.#accepted.delete(name)
      },
    }
  }

  #deliver(from: NodeId, channel: Channel, data: Uint8Array): boolean {
    try {
      this.#events.onMessage(from, channel, data)
      return true
    } catch (error) {
      if (error instanceof SluiceError && error.code === 'encoding-invalid') return false
      throw error
    }
  }

  #refused(objection: Objection, isOurs: boolean, name: string | null, address: string): void {
    const counts = isOurs ? this.#counters.refused : this.#counters.refusedByPeers
    counts[objection.reason]++
    this.#options.onRefused({ ...objection, isOurs, name, address })
  }

  #beatAll(): void {
    for (const link of this.#links.values()) link.beat()
    for (const link of this.#accepted.values()) link.beat()
  }

  /** All peers hear the new hello, and are judged anew: what this node is decides whom it admits. */
  #tellAll(): void {
    this.#telling = null
    for (const link of [...this.#links.values()]) {
      link.tellHello()
      link.readmit()
    }
    for (const link of [...this.#accepted.values()]) {
      link.tellHello(this.#hello)
      link.readmit()
    }
  }

  #cutStreams(peer: string): void {
    for (const stream of this.#streams.get(peer) ?? []) {
      stream.destroy(unreachable(peer, 'it gives no sign of life'))
    }
  }
}
