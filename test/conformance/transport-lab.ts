import type { Duplex } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { onTestFinished } from 'vitest'
import type {
  Channel,
  PeerAddress,
  PeerEvents,
  PeerHello,
  PeerTransport,
} from '../../src/consensus/peers/transport.ts'

const POLL_INTERVAL_MS = 5
const TIMEOUT_MS = 20_000

/** A way to make transports that reach each other. */
export interface TransportWay {
  readonly name: string
  /**
   * @param bind `127.0.0.1:PORT`
   * @returns a transport that does not listen yet
   */
  create(hello: PeerHello, bind: string, events: PeerEvents): PeerTransport
}

/** A frame as it arrived. */
export interface Arrived {
  readonly from: string
  readonly channel: Channel
  readonly text: string
}

/** One node under test: a transport, and what it has told. */
export class TestNode implements PeerEvents {
  readonly name: string
  readonly hello: PeerHello
  readonly transport: PeerTransport
  address = ''
  /** Hellos that were put to `admit`, the ids of links that opened, frames, streams. */
  readonly heard: PeerHello[] = []
  readonly opened: string[] = []
  readonly closed: string[] = []
  readonly frames: Arrived[] = []
  readonly streams: Duplex[] = []
  /** What is answered to `admit`, by name. */
  readonly objections = new Map<string, string>()
  /** Called with every frame before it is kept. */
  onFrame: (data: Uint8Array) => void = () => {}
  /** Called with every stream that a peer opens. */
  onOpened: (stream: Duplex) => void = (stream) => stream.on('error', () => {})

  constructor(way: TransportWay, name: string, bind = '127.0.0.1:0', incarnation = 1) {
    const id = `${name}/${incarnation}`
    this.name = name
    this.hello = { name, id, clusterId: null, memberIds: [id] }
    this.transport = way.create(this.hello, bind, this)
  }

  get id(): string {
    return this.hello.id
  }

  get peer(): PeerAddress {
    return { name: this.name, address: this.address }
  }

  async listen(): Promise<this> {
    this.address = await this.transport.listen()
    onTestFinished(() => this.transport.close())
    return this
  }

  admit(hello: PeerHello): string | null {
    this.heard.push(hello)
    return this.objections.get(hello.name) ?? null
  }

  onOpen(hello: PeerHello): void {
    this.opened.push(hello.id)
  }

  onClose(hello: PeerHello): void {
    this.closed.push(hello.id)
  }

  onMessage(from: string, channel: Channel, data: Uint8Array): void {
    this.onFrame(data)
    this.frames.push({ from, channel, text: Buffer.from(data).toString('latin1') })
  }

  onStream(_from: string, stream: Duplex): void {
    this.streams.push(stream)
    this.onOpened(stream)
  }

  /** Sends again and again until a frame arrives: links may open and close meanwhile. */
  async reaches(other: TestNode, text: string): Promise<void> {
    await until(`${this.name} to reach ${other.name}`, () => {
      this.transport.send(other.id, 'consensus', Buffer.from(text, 'latin1'))
      return other.frames.some((frame) => frame.text === text && frame.from === this.id)
    })
  }
}

/** Nodes that listen, and call each other. */
export async function linkedNodes(
  way: TransportWay,
  ...names: readonly string[]
): Promise<TestNode[]> {
  const nodes = await Promise.all(names.map((name) => new TestNode(way, name).listen()))
  for (const node of nodes) node.transport.setPeers(nodes.map(({ peer }) => peer))
  for (const node of nodes) {
    for (const other of nodes) {
      if (other !== node) await untilConnected(node, other)
    }
  }
  return nodes
}

/** Waits until a node's own link to another is open. */
export function untilConnected(node: TestNode, other: TestNode): Promise<void> {
  return until(`${node.name} to be linked to ${other.id}`, () =>
    node.transport.isConnected(other.id),
  )
}

/** Waits until a condition holds. @throws Error after 20 seconds */
export async function until(what: string, holds: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + TIMEOUT_MS
  while (!holds()) {
    if (performance.now() > deadlineMs) throw new Error(`waited in vain for ${what}`)
    await sleep(POLL_INTERVAL_MS)
  }
}
