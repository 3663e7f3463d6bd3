import type { RawData, WebSocket } from 'ws'
import { SluiceError } from '../../../base/errors.ts'
import type { PeerCounters } from '../peer-counters.ts'
import type { PeerLimits } from '../peer-limits.ts'
import type { RecordKind } from '../records/packing.ts'
import { type ChannelOwner, RecordChannel } from '../records/record-channel.ts'
import type { Objection } from '../refusals.ts'
import type { PeerHello } from '../transport.ts'
import { closeSocket } from '../web-sockets.ts'
import { encodeObjection, type Handshake, type HandshakeStep, type Side } from './handshake.ts'
import { decodeHello, encodeHello } from './hello-codec.ts'

/** Close code of RFC 6455 for a peer that broke a rule. */
const POLICY_CLOSE = 1008
/** How ws calls the breaches of RFC 6455 that it finds. */
const WEBSOCKET_BREACH = /^WS_ERR_/

/** What an introduction asks of its node, and tells it. Exactly one of the last three is called, once. */
export interface Host {
  readonly limits: PeerLimits
  readonly counters: PeerCounters
  hello(): PeerHello
  /** @returns null, or why not */
  admit(hello: PeerHello): Objection | null
  /** Both have admitted each other, as far as this end knows. The channel has a new owner on return. */
  onAdmitted(channel: RecordChannel, hello: PeerHello): void
  onRefused(objection: Objection, isOurs: boolean, peer: string | null): void
  /** The connection has ended without a word. */
  onLost(failure: Error | null): void
}

/**
 * From an open WebSocket to two nodes that know each other: the handshake, then the hellos. The dialler introduces itself first; the acceptor's hello says that it is admitted.
 */
export class Introduction implements ChannelOwner {
  readonly #socket: WebSocket
  readonly #handshake: Handshake
  readonly #side: Side
  readonly #host: Host
  #deadline: NodeJS.Timeout | null
  #channel: RecordChannel | null = null
  #failure: Error | null = null
  #isSettled = false

  /** @param socket open; what it receives from now on goes through the introduction and its channel */
  constructor(socket: WebSocket, handshake: Handshake, side: Side, host: Host) {
    this.#socket = socket
    this.#handshake = handshake
    this.#side = side
    this.#host = host
    this.#deadline = setTimeout(() => this.#late(), host.limits.handshakeTimeoutMs)
    socket.on('message', (message, isBinary) => this.#receive(message, isBinary))
    socket.on('error', (error) => this.#fail(error))
    socket.on('close', () => this.#lost())
    const first = handshake.begin()
    if (first !== null) socket.send(first)
  }

  onRecord(kind: Exclude<RecordKind, 'objection'>, data: Uint8Array): void {
    const hello = kind === 'hello' ? helloOf(data) : null
    if (hello === null) this.#channel?.garbage('no hello')
    else this.#introduced(hello)
  }

  onObjection(objection: Objection): void {
    this.#refused(objection, false)
  }

  onGarbage(what: string): void {
    this.#refused({ reason: 'garbage', message: what }, true)
  }

  #receive(message: RawData, isBinary: boolean): void {
    if (this.#channel !== null) {
      this.#channel.receive(message, isBinary)
    } else if (!this.#isSettled) {
      if (!isBinary || !Buffer.isBuffer(message)) this.#end('garbage', 'text instead of bytes')
      else this.#proceed(this.#handshake.step(message))
    }
  }

  #proceed(step: HandshakeStep): void {
    switch (step.kind) {
      case 'send':
        this.#socket.send(step.message)
        return
      case 'done':
        if (step.message !== null) this.#socket.send(step.message)
        this.#open()
        return
      case 'failed':
        if (step.isOurs) this.#socket.send(encodeObjection(step.objection))
        closeSocket(this.#socket, POLICY_CLOSE, this.#host.limits.closeTimeoutMs)
        this.#refused(step.objection, step.isOurs)
        return
      default:
        step satisfies never
    }
  }

  #open(): void {
    const { limits, counters } = this.#host
    this.#channel = new RecordChannel(this.#socket, limits, counters, this)
    if (this.#side === 'dialler') this.#channel.send('hello', encodeHello(this.#host.hello()))
  }

  #introduced(hello: PeerHello): void {
    const channel = this.#channel
    if (channel === null || this.#isSettled) return
    const objection = this.#objectionTo(hello)
    if (objection !== null) {
      channel.object(objection)
      this.#refused(objection, true)
      return
    }
    if (this.#side === 'acceptor') channel.send('hello', encodeHello(this.#host.hello()))
    this.#settle()
    this.#host.onAdmitted(channel, hello)
  }

  #objectionTo(hello: PeerHello): Objection | null {
    const { peer } = this.#handshake
    return hello.name === peer
      ? this.#host.admit(hello)
      : { reason: 'stranger', message: `${peer} says that it is ${hello.name}` }
  }

  /** What a peer breaks of RFC 6455 is garbage too, at any time; other failures only end things. */
  #fail(error: Error): void {
    this.#failure = error
    const code = (error as NodeJS.ErrnoException).code ?? ''
    if (!WEBSOCKET_BREACH.test(code)) return
    if (this.#channel === null) this.#end('garbage', error.message)
    else this.#channel.garbage(error.message)
  }

  #late(): void {
    this.#end('timeout', 'the handshake takes too long')
  }

  #end(reason: Objection['reason'], message: string): void {
    this.#socket.terminate()
    this.#refused({ reason, message }, true)
  }

  #refused(objection: Objection, isOurs: boolean): void {
    if (this.#isSettled) return
    this.#settle()
    this.#host.onRefused(objection, isOurs, this.#handshake.peer)
  }

  #lost(): void {
    if (this.#isSettled) return
    this.#settle()
    this.#host.onLost(this.#failure)
  }

  #settle(): void {
    this.#isSettled = true
    if (this.#deadline !== null) clearTimeout(this.#deadline)
    this.#deadline = null
  }
}

/** @returns null where the bytes are no hello */
export function helloOf(data: Uint8Array): PeerHello | null {
  try {
    return decodeHello(data)
  } catch (error) {
    if (error instanceof SluiceError && error.code === 'encoding-invalid') return null
    throw error
  }
}
