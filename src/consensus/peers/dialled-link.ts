import { type Call, dial } from './dialler.ts'
import { encodeHello } from './handshake/hello-codec.ts'
import { helloOf } from './handshake/introduction.ts'
import type { PeerCounters } from './peer-counters.ts'
import type { RecordKind } from './records/packing.ts'
import type { ChannelOwner, RecordChannel } from './records/record-channel.ts'
import type { Objection } from './refusals.ts'
import type { Channel, PeerAddress, PeerHello } from './transport.ts'
import type { PeerTransportOptions } from './transport-options.ts'

/** Close code of RFC 6455 for a node that takes no further interest. */
const GOING_AWAY = 1001

/** What a link that this node has opened asks of its node, and tells it. */
export interface LinkHost {
  options(): PeerTransportOptions
  readonly counters: PeerCounters
  hello(): PeerHello
  admit(hello: PeerHello): Objection | null
  onOpen(link: DialledLink, hello: PeerHello): void
  onClose(link: DialledLink, hello: PeerHello): void
  onRefused(objection: Objection, isOurs: boolean, peer: PeerAddress): void
  /** The peer gives no sign of life. */
  onDead(peer: string): void
}

/**
 * The link to one peer, opened again and again until it is closed for good. Only this node sends
 * frames on it; the peer has its own. Tries that fail are followed by ever longer pauses, of which
 * chance takes up to a half, so that nodes do not call all at once; a link that has lived as long as
 * the longest pause begins anew with the shortest.
 */
export class DialledLink implements ChannelOwner {
  readonly peer: PeerAddress
  readonly #host: LinkHost
  #call: Call
  #retry: NodeJS.Timeout | null = null
  #backoffMs: number
  #channel: RecordChannel | null = null
  #hello: PeerHello | null = null
  #openedAtMs = 0
  #misses = 0
  #isClosed = false

  constructor(peer: PeerAddress, host: LinkHost) {
    this.peer = peer
    this.#host = host
    this.#backoffMs = host.options().limits.backoffMinMs
    this.#call = this.#dial()
  }

  /** What the peer says of itself; null while the link is not open. */
  get hello(): PeerHello | null {
    return this.#hello
  }

  send(channel: Channel, data: Uint8Array): boolean {
    const isSent = this.#channel?.send(channel, data) ?? false
    if (isSent) this.#host.counters.framesOut++
    return isSent
  }

  /** Sends what waits for the end of the turn. */
  flush(): void {
    this.#channel?.flush()
  }

  /** Tells the peer what this node says of itself now; one that is not reached is called soon. */
  tellHello(): void {
    if (this.#channel !== null) {
      this.#channel.send('hello', encodeHello(this.#host.hello()))
    } else if (this.#retry !== null) {
      this.#backoffMs = this.#host.options().limits.backoffMinMs
      clearTimeout(this.#retry)
      this.#pause()
    }
  }

  /** The peer has called: it is there, and is called too where the next try is waited for. */
  callBack(): void {
    if (this.#retry === null) return
    clearTimeout(this.#retry)
    this.#backoffMs = this.#host.options().limits.backoffMinMs
    this.#call = this.#dial()
  }

  /** Asks again whether the peer is admitted. */
  readmit(): void {
    if (this.#hello !== null) this.#judge(this.#hello)
  }

  /** Called every `keepAliveMs`. */
  beat(): void {
    if (this.#channel === null) return
    if (this.#misses++ < this.#host.options().limits.keepAliveMissesMax) {
      this.#channel.socket.ping()
      return
    }
    this.#channel.socket.terminate()
    this.#host.onDead(this.peer.name)
  }

  /** Ends for good, after what has been sent. Resolves when the connection has ended. */
  close(): Promise<void> {
    this.#isClosed = true
    if (this.#retry !== null) clearTimeout(this.#retry)
    this.#retry = null
    if (this.#channel === null) this.#call.giveUp()
    else this.#channel.close(GOING_AWAY)
    this.#leave()
    return this.#call.ended
  }

  onRecord(kind: Exclude<RecordKind, 'objection'>, data: Uint8Array): void {
    this.#misses = 0
    const hello = kind === 'hello' ? helloOf(data) : null
    if (hello === null || hello.id !== this.#hello?.id) {
      this.#channel?.garbage(`${kind} where none may be`)
      return
    }
    this.#hello = hello
    this.#judge(hello)
  }

  onObjection(objection: Objection): void {
    this.#leave()
    this.#host.onRefused(objection, false, this.peer)
  }

  onGarbage(what: string): void {
    this.#leave()
    this.#host.onRefused({ reason: 'garbage', message: what }, true, this.peer)
  }

  #dial(): Call {
    this.#retry = null
    const { counters } = this.#host
    const options = this.#host.options()
    return dial(this.peer, 'link', options, {
      limits: options.limits,
      counters,
      hello: () => this.#host.hello(),
      admit: (hello) => this.#host.admit(hello),
      onAdmitted: (channel, hello) => this.#opened(channel, hello),
      onRefused: (objection, isOurs) => {
        if (!this.#isClosed) this.#host.onRefused(objection, isOurs, this.peer)
        this.#pause()
      },
      onLost: () => {
        if (!this.#isClosed) counters.dialFailures++
        this.#pause()
      },
    })
  }

  #opened(channel: RecordChannel, hello: PeerHello): void {
    channel.owner = this
    if (this.#isClosed) {
      channel.close(GOING_AWAY)
      return
    }
    this.#channel = channel
    this.#hello = hello
    this.#misses = 0
    this.#openedAtMs = performance.now()
    channel.socket.on('pong', () => {
      this.#misses = 0
    })
    channel.socket.on('close', () => this.#ended(channel))
    this.#host.onOpen(this, hello)
  }

  #judge(hello: PeerHello): void {
    const objection = this.#host.admit(hello)
    if (objection === null) return
    this.#channel?.object(objection)
    this.#leave()
    this.#host.onRefused(objection, true, this.peer)
  }

  /** The link is open no more; its connection may still have to end. */
  #leave(): void {
    const hello = this.#hello
    if (hello === null) return
    this.#hello = null
    this.#host.onClose(this, hello)
  }

  #ended(channel: RecordChannel): void {
    if (this.#channel !== channel) return
    this.#channel = null
    this.#leave()
    const { backoffMinMs, backoffMaxMs } = this.#host.options().limits
    const livedMs = performance.now() - this.#openedAtMs
    if (livedMs > backoffMaxMs) this.#backoffMs = backoffMinMs
    this.#pause()
  }

  #pause(): void {
    if (this.#isClosed) return
    const options = this.#host.options()
    const pauseMs = (this.#backoffMs / 2) * (1 + options.random())
    this.#backoffMs = Math.min(this.#backoffMs * 2, options.limits.backoffMaxMs)
    this.#retry = setTimeout(() => {
      this.#call = this.#dial()
    }, pauseMs)
  }
}
