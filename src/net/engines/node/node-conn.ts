import type { ConnectOpts, Socket, SocketConstructorOpts } from 'node:net'
import type { DuplexOptions } from 'node:stream'
import type { Address } from '../../../base/address.ts'
import { assert } from '../../../base/errors.ts'
import { withoutMapping } from '../../../base/ip-address.ts'
import {
  type ByteView,
  type Conn,
  type ConnFailure,
  type ConnHandler,
  type Endpoint,
  inetEndpoint,
  UNIX_ENDPOINT,
  UNKNOWN_ENDPOINT,
} from '../../conn.ts'
import {
  hasEndedWell,
  hasHungUp,
  hasInput,
  isAllAcknowledged,
  peerOf,
  SENT_TO_ENDED,
  sendBytes,
} from '../../descriptor.ts'
import type { DescriptorGauge } from '../../descriptor-gauge.ts'
import { failureOf } from '../../failures.ts'
import { socketName } from '../../socket-name.ts'
import { LastingSocket, type LastingSocketOwner } from './lasting-socket.ts'
import { type AcceptedHandle, descriptorOf, socketOn } from './node-handle.ts'
import { WRITE_BUFFER_BYTES, type WriteBuffers } from './write-buffers.ts'

/** Queued bytes from which `write` says false. Node's own default since 22. */
const WRITE_HIGH_WATER_BYTES = 65_536

/**
 * What the kernel did not take is queued as a copy: up to this size as a string, which takes no
 * more memory than it has bytes, beyond it in write buffers.
 */
const STRING_COPY_BYTES_MAX = 16_384

/** How often it is looked whether a peer has got everything: at first, and, doubled, at last. */
const FIRST_LOOK_MS = 1
const LAST_LOOK_MS = 64

/** Where text becomes bytes: heads, and short bodies with them. Longer text gets its own buffer. */
const TEXT_BYTES = 65_536
const text = Buffer.allocUnsafeSlow(TEXT_BYTES)

/** What the connections of one engine share. */
export interface NodeConnMemory {
  /** Told of every descriptor. */
  readonly descriptors: DescriptorGauge
  /** All connections read into it, one after the other. */
  readonly readBuffer: Buffer
  readonly writeBuffers: WriteBuffers
}

/**
 * A {@link Conn} on a Socket of node:net.
 *
 * When a write fails, the peer has closed: nothing more arrives, but what had arrived is still in
 * the kernel and is read at the handler's pace to its end, which then ends the connection.
 */
export class NodeConn implements Conn, LastingSocketOwner {
  handler: ConnHandler
  readonly tls = null
  readonly #kind: Address['kind']
  readonly #socket: LastingSocket
  readonly #descriptors: DescriptorGauge
  readonly #writeBuffers: WriteBuffers
  /** Of the established connection; -1 before. */
  #descriptor = -1
  #failure: ConnFailure | null = null
  #paused = false
  #endTold = false
  /** {@link breakOff} was called. */
  #isLeaving = false
  /** The peer takes nothing more: what is written is dropped. */
  #isDeaf = false
  /** It has broken off: the end that will be read is none. */
  #isCut = false
  #remote: Endpoint | null = null
  #local: Endpoint | null = null

  /** @param accepted the connection's handle, or null for one that `connect` is to open */
  constructor(
    kind: Address['kind'],
    accepted: AcceptedHandle | null,
    memory: NodeConnMemory,
    handler: ConnHandler,
  ) {
    this.handler = handler
    this.#kind = kind
    this.#descriptors = memory.descriptors
    this.#writeBuffers = memory.writeBuffers
    const options: SocketConstructorOpts & ConnectOpts & DuplexOptions = {
      allowHalfOpen: true,
      writableHighWaterMark: WRITE_HIGH_WATER_BYTES,
      onread: {
        buffer: memory.readBuffer,
        callback: (length, view) => {
          this.handler.onData(this, view as ByteView, length)
          return true
        },
      },
    }
    const socket = accepted === null ? new LastingSocket(options) : socketOn(accepted, options)
    socket.owner = this
    this.#socket = socket
    if (kind === 'unix') this.declareEndpoints(UNIX_ENDPOINT, UNIX_ENDPOINT)
    if (accepted !== null) {
      this.#descriptor = descriptorOf(socket)
      this.#descriptors.given(this.#descriptor)
      // The log names a client after its end, when the system no longer tells the address.
      if (this.remote.kind === 'unknown') this.#remote = peerOf(this.#descriptor)
    }
    socket.setNoDelay(true)
    socket.on('drain', () => this.#onDrain())
    socket.on('end', () => this.onEnd())
    socket.on('error', (error: SocketError) => {
      this.#failure = failureOf(error.code, peerIn(error))
      if (this.#failure === 'exhausted') this.#descriptors.refused()
    })
    socket.on('close', () => this.handler.onClose(this, this.#failure))
  }

  /**
   * Gives its socket to who speaks a protocol over it, such as TLS: nothing is read or written here
   * any more, and the handler hears of the close alone.
   *
   * @param ahead what has been read already, for that one to read again; copied. Null: nothing
   */
  lend(ahead: Uint8Array | null): Socket {
    this.#socket.pause()
    if (ahead !== null) this.#socket.unshift(Buffer.from(ahead))
    return this.#socket
  }

  /** Opens the connection. An IP address and a path need no lookup; a host name gets one. */
  connect(address: Address): void {
    this.#socket.on('connect', () => {
      this.#descriptor = descriptorOf(this.#socket)
      this.#descriptors.given(this.#descriptor)
      this.handler.onConnect(this)
    })
    if (address.kind === 'unix') this.#socket.connect({ path: address.path })
    else {
      const { host, port } = address
      this.#socket.connect({ host, port, autoSelectFamily: false })
    }
  }

  get remote(): Endpoint {
    if (this.#remote !== null) return this.#remote
    const { remoteAddress, remotePort } = this.#socket
    const end = endpointOf(remoteAddress, remotePort)
    if (end.kind === 'inet') this.#remote = end
    return end
  }

  get local(): Endpoint {
    if (this.#local !== null) return this.#local
    const { localAddress, localPort } = this.#socket
    const end = endpointOf(localAddress, localPort)
    if (end.kind === 'inet') this.#local = end
    return end
  }

  declareEndpoints(remote: Endpoint, local: Endpoint): void {
    this.#remote = remote
    this.#local = local
  }

  isQuiet(): boolean {
    const isOpen = this.#descriptor >= 0 && !this.#socket.destroyed
    return isOpen && !hasInput(this.#descriptor)
  }

  hasHungUp(): boolean {
    return this.#descriptor >= 0 && !this.#socket.destroyed && hasHungUp(this.#descriptor)
  }

  get queuedBytes(): number {
    return this.#socket.writableLength
  }

  write(data: Uint8Array | string): boolean {
    if (this.#socket.destroyed || this.#isLeaving) return false
    if (this.#isDeaf) return true
    assert(!this.#socket.writableEnded, 'a connection was written to after its end')
    if (typeof data !== 'string') return this.#send(data, data.length)
    const bytes = data.length <= TEXT_BYTES ? text : Buffer.allocUnsafe(data.length)
    return this.#send(bytes, bytes.write(data, 'latin1'))
  }

  pause(): void {
    if (this.#paused) return
    this.#paused = true
    this.#socket.pause()
  }

  resume(): void {
    if (!this.#paused || this.#isLeaving) return
    this.#paused = false
    this.#socket.resume()
  }

  end(): void {
    this.#socket.end()
  }

  destroy(): void {
    if (this.#socket.destroyed) return
    this.#failure = 'aborted'
    this.#socket.destroy()
  }

  reset(): void {
    const socket = this.#socket
    if (socket.destroyed) return
    this.#failure = 'aborted'
    if (this.#canReset()) socket.resetAndDestroy()
    else socket.destroy()
  }

  breakOff(): void {
    if (this.#isLeaving) return
    this.pause()
    this.#isLeaving = true
    this.#resetOnceTaken(FIRST_LOOK_MS)
  }

  /** The kernel tells nobody when a peer has acknowledged everything: it is asked. */
  #resetOnceTaken(nextLookMs: number): void {
    if (this.#isTaken()) {
      this.reset()
      return
    }
    const look = (): void => this.#resetOnceTaken(Math.min(2 * nextLookMs, LAST_LOOK_MS))
    setTimeout(look, nextLookMs)
  }

  /** The peer has got everything, or gets nothing any more. A close of a Unix socket loses nothing. */
  #isTaken(): boolean {
    const { destroyed, connecting, writableLength } = this.#socket
    if (destroyed || connecting || this.#isDeaf) return true
    return writableLength === 0 && (this.#kind === 'unix' || isAllAcknowledged(this.#descriptor))
  }

  /**
   * Hands bytes to the kernel at once, past the stream of node:net, which costs more than the
   * system call that it makes. What the kernel does not take is queued there, and so is everything
   * while something is queued.
   */
  #send(data: Uint8Array, length: number): boolean {
    const isFirst = this.#descriptor >= 0 && this.#socket.writableLength === 0
    const sent = isFirst ? sendBytes(this.#descriptor, data, length) : 0
    if (sent === length) return true
    if (sent < 0) {
      this.#hearNoMore(sent === SENT_TO_ENDED ? 'EPIPE' : 'ECONNRESET')
      return true
    }
    const left = data.subarray(sent, length)
    if (left.length > STRING_COPY_BYTES_MAX) return this.#queueCopies(left)
    return this.#socket.write(asBuffer(left).toString('latin1'), 'latin1')
  }

  #queueCopies(data: Uint8Array): boolean {
    let more = true
    for (let start = 0; start < data.length; start += WRITE_BUFFER_BYTES) {
      const part = data.subarray(start, start + WRITE_BUFFER_BYTES)
      const buffer = this.#writeBuffers.take()
      buffer.set(part)
      more = this.#socket.write(buffer.subarray(0, part.length), () =>
        this.#writeBuffers.give(buffer),
      )
    }
    return more
  }

  /**
   * libuv takes a hang-up after data for the end of the stream (uv__stream_io), also when the peer
   * has reset the connection: nobody must take a stream that was cut for a whole one.
   */
  onEnd(): void {
    const socket = this.#socket
    if (socket.destroyed) return
    this.#endTold = true
    if (this.#isCut || !hasEndedWell(this.#descriptor)) {
      this.#failure = 'reset'
      socket.destroy()
      return
    }
    this.handler.onEnd(this)
    if (this.#isDeaf) socket.destroy()
  }

  onWriteFailure(code: string | undefined): void {
    const { writableNeedDrain } = this.#socket
    this.#hearNoMore(code)
    // Nothing is queued any more, and what comes is taken, if only to be dropped.
    if (writableNeedDrain && !this.#socket.destroyed) this.#onDrain()
  }

  #onDrain(): void {
    if (!this.#isLeaving) this.handler.onDrain(this)
  }

  #hearNoMore(code: string | undefined): void {
    this.#isDeaf = true
    this.#isCut = code !== 'EPIPE'
    this.#failure = failureOf(code)
    if (this.#endTold) this.#socket.destroy()
  }

  /**
   * Unix sockets know no RST. Node waits with a reset until a connection is established, and libuv
   * refuses it while a FIN is on its way (uv_tcp_close_reset).
   */
  #canReset(): boolean {
    const { connecting, writableEnded, writableFinished, writableLength } = this.#socket
    const finOnItsWay = writableEnded && !writableFinished && writableLength === 0
    return this.#kind === 'inet' && !connecting && !finOnItsWay
  }
}

/** An end of an IP connection as node:net tells it, which is not at all when it is not connected. */
function endpointOf(address: string | undefined, port: number | undefined): Endpoint {
  if (address === undefined || port === undefined) return UNKNOWN_ENDPOINT
  return inetEndpoint(withoutMapping(address), port)
}

/** An error of node:net: where it is of a call that names the peer, it says whom. */
interface SocketError extends NodeJS.ErrnoException {
  readonly address?: string
  readonly port?: number
}

function peerIn({ address: host, port }: SocketError): Uint8Array | null {
  if (host === undefined || port === undefined) return null
  return socketName({ kind: 'inet', host, port })
}

function asBuffer(data: Uint8Array): Buffer {
  return data instanceof Buffer ? data : Buffer.from(data.buffer, data.byteOffset, data.length)
}
