import { Duplex } from 'node:stream'
import { SluiceError } from '../../src/base/errors.ts'
import type {
  Channel,
  PeerAddress,
  PeerEvents,
  PeerHello,
  PeerTransport,
} from '../../src/consensus/peers/transport.ts'

const FIRST_PORT = 20_000
const PAUSE_MS = 5

/** When things happen in a {@link MemoryNetwork}. */
export interface MemoryTimes {
  /** Runs a task soon; tasks run in the order of the calls. */
  soon(task: () => void): void
  /** Runs a task after a pause. @returns cancels it */
  later(task: () => void): () => void
}

const realTimes: MemoryTimes = {
  soon: (task) => void setImmediate(task),
  later: (task) => {
    const timer = setTimeout(task, PAUSE_MS)
    return () => clearTimeout(timer)
  },
}

/**
 * Transports in one process that reach each other without sockets. What happens is decided by the
 * calls and by {@link loses} alone: with times of its own a test runs the same way every time.
 */
export class MemoryNetwork {
  readonly times: MemoryTimes
  /** Whether a frame is lost, by the names of its ends. */
  loses: (from: string, to: string) => boolean = () => false
  readonly #nodes = new Map<string, MemoryTransport>()
  readonly #cuts = new Set<string>()
  #port = FIRST_PORT

  constructor(times = realTimes) {
    this.times = times
  }

  create(hello: PeerHello, bind: string, events: PeerEvents): PeerTransport {
    return new MemoryTransport(this, hello, bind, events)
  }

  /** Nothing passes between two nodes from now on, either way. */
  cut(one: string, other: string): void {
    this.#cuts.add([one, other].sort().join(' '))
    for (const node of this.#nodes.values()) node.breakLinksAcross((a, b) => this.isCut(a, b))
  }

  heal(): void {
    this.#cuts.clear()
  }

  isCut(one: string, other: string): boolean {
    return this.#cuts.has([one, other].sort().join(' '))
  }

  bind(address: string, node: MemoryTransport): string {
    const bound = address.endsWith(':0') ? `127.0.0.1:${this.#port++}` : address
    if (this.#nodes.has(bound)) throw new SluiceError('address-in-use', `${bound} is in use`)
    this.#nodes.set(bound, node)
    return bound
  }

  unbind(address: string): void {
    this.#nodes.delete(address)
  }

  /** Who answers at an address, if it is who is looked for. */
  answerAt(caller: string, { name, address }: PeerAddress): MemoryTransport | null {
    const node = this.#nodes.get(address)
    return node === undefined || node.name !== name || this.isCut(caller, name) ? null : node
  }
}

class MemoryTransport implements PeerTransport {
  readonly events: PeerEvents
  readonly network: MemoryNetwork
  hello: PeerHello
  /** By the peer's name. */
  readonly links = new Map<string, MemoryLink>()
  readonly accepted = new Set<MemoryLink>()
  readonly #streams = new Set<MemoryStream>()
  #address: string
  #isClosed = false

  constructor(network: MemoryNetwork, hello: PeerHello, bind: string, events: PeerEvents) {
    this.network = network
    this.hello = hello
    this.#address = bind
    this.events = events
  }

  get name(): string {
    return this.hello.name
  }

  async listen(): Promise<string> {
    this.#address = this.network.bind(this.#address, this)
    return this.#address
  }

  setPeers(peers: readonly PeerAddress[]): void {
    if (this.#isClosed) return
    const wanted = new Map(peers.map((peer) => [peer.name, peer]))
    wanted.delete(this.name)
    for (const [name, link] of this.links) {
      if (wanted.get(name)?.address === link.peer.address) continue
      this.links.delete(name)
      link.close()
    }
    for (const [name, peer] of wanted) {
      if (!this.links.has(name)) this.links.set(name, new MemoryLink(this, peer))
    }
  }

  setHello(hello: PeerHello): void {
    this.hello = hello
    this.network.times.soon(() => {
      for (const link of [...this.links.values(), ...this.accepted]) link.judge(this)
    })
  }

  send(to: string, channel: Channel, data: Uint8Array): boolean {
    return this.#linkTo(to)?.send(channel, data) ?? false
  }

  flush(): void {
    // Nothing waits here but for its way.
  }

  isConnected(to: string): boolean {
    return this.#linkTo(to) !== undefined
  }

  async openStream(to: string): Promise<Duplex> {
    const acceptor = this.#linkTo(to)?.acceptor
    const objection = acceptor?.events.admit(this.hello)
    if (acceptor == null || objection != null) {
      throw new SluiceError('peer-unreachable', `${to}: ${objection ?? 'no link'}`)
    }
    const [here, there] = MemoryStream.pair()
    this.#keep(here)
    acceptor.#keep(there)
    this.network.times.soon(() => acceptor.events.onStream(this.hello.id, there))
    return here
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.network.unbind(this.#address)
    for (const link of this.links.values()) link.close()
    this.links.clear()
    for (const link of [...this.accepted]) link.break()
    for (const stream of this.#streams) stream.destroy()
  }

  breakLinksAcross(isCut: (one: string, other: string) => boolean): void {
    for (const [name, link] of this.links) if (isCut(this.name, name)) link.break()
  }

  #linkTo(id: string): MemoryLink | undefined {
    return [...this.links.values()].find(({ acceptor }) => acceptor?.hello.id === id)
  }

  #keep(stream: MemoryStream): void {
    this.#streams.add(stream)
    stream.on('close', () => this.#streams.delete(stream))
  }
}

/** The link that one node keeps to another. */
class MemoryLink {
  readonly peer: PeerAddress
  readonly #dialler: MemoryTransport
  /** Null while the link is not open. */
  acceptor: MemoryTransport | null = null
  #cancel = () => {}
  #isClosed = false
  /** Frames of an earlier opening are lost. */
  #opening = 0

  constructor(dialler: MemoryTransport, peer: PeerAddress) {
    this.#dialler = dialler
    this.peer = peer
    dialler.network.times.soon(() => this.#dial())
  }

  send(channel: Channel, data: Uint8Array): boolean {
    const { acceptor } = this
    if (acceptor === null) return false
    const { network, hello } = this.#dialler
    const opening = this.#opening
    const copy = data.slice()
    if (network.loses(hello.name, this.peer.name)) return true
    network.times.soon(() => {
      if (this.acceptor === null || this.#opening !== opening) return
      try {
        acceptor.events.onMessage(hello.id, channel, copy)
      } catch (error) {
        if (!(error instanceof SluiceError) || error.code !== 'encoding-invalid') throw error
        this.break()
      }
    })
    return true
  }

  /** One end says something else of itself: both ask again whether they admit the other. */
  judge(changed: MemoryTransport): void {
    const { acceptor } = this
    if (acceptor === null) return
    const other = changed === acceptor ? this.#dialler : acceptor
    const isRefused =
      other.events.admit(changed.hello) !== null || changed.events.admit(other.hello) !== null
    if (isRefused) this.break()
  }

  /** Ends the link; it is opened again. */
  break(): void {
    if (this.acceptor === null) return
    this.#leave()
    this.#pause()
  }

  close(): void {
    this.#isClosed = true
    this.#cancel()
    this.#leave()
  }

  #dial(): void {
    if (this.#isClosed) return
    const { network, hello, events } = this.#dialler
    const acceptor = network.answerAt(hello.name, this.peer)
    const isAdmitted =
      acceptor !== null &&
      acceptor.events.admit(hello) === null &&
      events.admit(acceptor.hello) === null
    if (!isAdmitted) {
      this.#pause()
      return
    }
    this.#opening++
    this.acceptor = acceptor
    acceptor.accepted.add(this)
    events.onOpen(acceptor.hello)
  }

  #leave(): void {
    const { acceptor } = this
    if (acceptor === null) return
    acceptor.accepted.delete(this)
    this.acceptor = null
    this.#dialler.events.onClose(acceptor.hello)
  }

  #pause(): void {
    if (!this.#isClosed) this.#cancel = this.#dialler.network.times.later(() => this.#dial())
  }
}

/** One end of a byte stream whose other end is in the same process. */
class MemoryStream extends Duplex {
  #other: MemoryStream | null = null
  #resume: (() => void) | null = null
  #hasEnded = false

  static pair(): [MemoryStream, MemoryStream] {
    const [one, other] = [new MemoryStream(), new MemoryStream()]
    one.#other = other
    other.#other = one
    return [one, other]
  }

  override _read(): void {
    if (this.#other === null) return
    const resume = this.#other.#resume
    this.#other.#resume = null
    resume?.()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (this.#other?.push(chunk) === false) this.#resume = done
    else done()
  }

  override _final(done: () => void): void {
    this.#hasEnded = true
    this.#other?.push(null)
    done()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const other = this.#other
    const cut = new SluiceError('peer-unreachable', 'the stream was cut')
    if (other !== null && !(this.#hasEnded && other.#hasEnded)) other.destroy(cut)
    done(error)
  }
}
