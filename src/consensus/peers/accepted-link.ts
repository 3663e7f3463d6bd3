import { encodeHello } from './handshake/hello-codec.ts'
import { helloOf } from './handshake/introduction.ts'
import type { PeerCounters } from './peer-counters.ts'
import type { PeerLimits } from './peer-limits.ts'
import type { RecordKind } from './records/packing.ts'
import type { ChannelOwner, RecordChannel } from './records/record-channel.ts'
import type { Objection } from './refusals.ts'
import type { Channel, PeerHello } from './transport.ts'

/** Close code of RFC 6455 for a node that takes no further interest. */
const GOING_AWAY = 1001

/** What a link that a peer has opened tells its node. */
export interface AcceptedHost {
  readonly limits: PeerLimits
  readonly counters: PeerCounters
  admit(hello: PeerHello): Objection | null
  /** @returns false where the frame is garbage */
  onFrame(hello: PeerHello, channel: Channel, data: Uint8Array): boolean
  onRefused(objection: Objection, isOurs: boolean, link: AcceptedLink): void
  /** The peer gives no sign of life. */
  onDead(peer: string): void
  onClose(link: AcceptedLink): void
}

/** A link that a peer has opened: it sends frames, and this node nothing but its hello. */
export class AcceptedLink implements ChannelOwner {
  /** `HOST:PORT` of the peer's end. */
  readonly address: string
  readonly #channel: RecordChannel
  readonly #host: AcceptedHost
  readonly #ended: Promise<void>
  #hello: PeerHello
  #misses = 0

  /** @param channel admitted; the link takes it over */
  constructor(channel: RecordChannel, hello: PeerHello, address: string, host: AcceptedHost) {
    this.#channel = channel
    this.#hello = hello
    this.address = address
    this.#host = host
    channel.owner = this
    const sign = () => {
      this.#misses = 0
    }
    channel.socket.on('ping', sign)
    this.#ended = new Promise((resolve) => {
      channel.socket.on('close', () => {
        host.onClose(this)
        resolve()
      })
    })
  }

  /** What the peer says of itself. */
  get hello(): PeerHello {
    return this.#hello
  }

  /** Tells the peer what this node says of itself now. */
  tellHello(hello: PeerHello): void {
    this.#channel.send('hello', encodeHello(hello))
  }

  /** Asks again whether the peer is admitted. */
  readmit(): void {
    const objection = this.#host.admit(this.#hello)
    if (objection === null) return
    this.#channel.object(objection)
    this.#host.onRefused(objection, true, this)
  }

  /** Called every `keepAliveMs`: the peer pings as often. */
  beat(): void {
    if (this.#misses++ <= this.#host.limits.keepAliveMissesMax) return
    this.#channel.socket.terminate()
    this.#host.onDead(this.#hello.name)
  }

  /** Ends it, after what has been sent. Resolves when the connection has ended. */
  close(): Promise<void> {
    this.#channel.close(GOING_AWAY)
    return this.#ended
  }

  onRecord(kind: Exclude<RecordKind, 'objection'>, data: Uint8Array): void {
    this.#misses = 0
    if (kind === 'hello') {
      const hello = helloOf(data)
      if (hello?.id !== this.#hello.id) {
        this.#channel.garbage('not the hello of that peer')
        return
      }
      this.#hello = hello
      this.readmit()
    } else if (kind === 'data' || kind === 'end') {
      this.#channel.garbage('a stream on a link')
    } else {
      this.#host.counters.framesIn++
      if (!this.#host.onFrame(this.#hello, kind, data))
        this.#channel.garbage('a frame makes no sense')
    }
  }

  onObjection(objection: Objection): void {
    this.#host.onRefused(objection, false, this)
  }

  onGarbage(what: string): void {
    this.#host.onRefused({ reason: 'garbage', message: what }, true, this)
  }
}
