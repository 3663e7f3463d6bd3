import { type ConnectOpts, Socket, type SocketConstructorOpts } from 'node:net'
import type { DuplexOptions } from 'node:stream'
import { assert } from '../errors.ts'
import type { Address } from '../model/address.ts'
import type { ByteView, Conn, ConnFailure, ConnHandler } from './conn.ts'
import { takeSocketError } from './descriptor.ts'
import { type AcceptedHandle, descriptorOf, socketOn } from './node-handle.ts'
import { WRITE_BUFFER_BYTES, type WriteBuffers } from './write-buffers.ts'

/** Queued bytes from which `write` says false. Node's own default since 22. */
const WRITE_HIGH_WATER_BYTES = 65_536

/**
 * Views up to this size are copied into a string, which Node writes from the stack (StreamBase,
 * 16 KiB), rather than into a write buffer.
 */
const STRING_COPY_BYTES_MAX = 16_384

/** What the connections of one engine share. */
export interface NodeConnMemory {
  /** All connections read into it, one after the other. */
  readonly readBuffer: Buffer
  readonly writeBuffers: WriteBuffers
}

interface Endpoint {
  readonly address: string
  readonly port: number
}

const NO_ENDPOINT: Endpoint = { address: '', port: 0 }
const IPV4_MAPPED_PREFIX = '::ffff:'

/** A {@link Conn} on a Socket of node:net. */
export class NodeConn implements Conn {
  handler: ConnHandler
  readonly #kind: Address['kind']
  readonly #socket: Socket
  readonly #writeBuffers: WriteBuffers
  #failure: ConnFailure | null = null
  #paused = false
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
    const socket = accepted === null ? new Socket(options) : socketOn(accepted, options)
    this.#socket = socket
    // The log names a client after its end, when the system no longer tells the address.
    if (accepted !== null) this.#remoteEndpoint()
    socket.setNoDelay(true)
    socket.on('drain', () => this.handler.onDrain(this))
    socket.on('end', () => this.#onEnd())
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.#failure = failureOf(error.code)
    })
    socket.on('close', () => this.handler.onClose(this, this.#failure))
  }

  /** Opens the connection. An IP address and a path need no lookup; a host name gets one. */
  connect(address: Address): void {
    this.#socket.on('connect', () => this.handler.onConnect(this))
    if (address.kind === 'unix') this.#socket.connect({ path: address.path })
    else {
      const { host, port } = address
      this.#socket.connect({ host, port, autoSelectFamily: false })
    }
  }

  get remoteAddress(): string {
    return this.#remoteEndpoint().address
  }

  get remotePort(): number {
    return this.#remoteEndpoint().port
  }

  get localAddress(): string {
    return this.#localEndpoint().address
  }

  get localPort(): number {
    return this.#localEndpoint().port
  }

  get queuedBytes(): number {
    return this.#socket.writableLength
  }

  write(data: Uint8Array | string): boolean {
    if (this.#socket.destroyed) return false
    assert(!this.#socket.writableEnded, 'a connection was written to after its end')
    if (typeof data === 'string') return this.#socket.write(data, 'latin1')
    if (data.length > STRING_COPY_BYTES_MAX) return this.#writeCopies(data)
    return this.#socket.write(asBuffer(data).toString('latin1'), 'latin1')
  }

  pause(): void {
    if (this.#paused) return
    this.#paused = true
    this.#socket.pause()
  }

  resume(): void {
    if (!this.#paused) return
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

  #writeCopies(data: Uint8Array): boolean {
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
  #onEnd(): void {
    const socket = this.#socket
    if (socket.destroyed) return
    if (takeSocketError(descriptorOf(socket)) === 0) this.handler.onEnd(this)
    else {
      this.#failure = 'reset'
      socket.destroy()
    }
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

  #remoteEndpoint(): Endpoint {
    if (this.#remote !== null) return this.#remote
    const { remoteAddress, remotePort } = this.#socket
    if (remoteAddress === undefined || remotePort === undefined) return NO_ENDPOINT
    this.#remote = { address: withoutMapping(remoteAddress), port: remotePort }
    return this.#remote
  }

  #localEndpoint(): Endpoint {
    if (this.#local !== null) return this.#local
    const { localAddress, localPort } = this.#socket
    if (localAddress === undefined || localPort === undefined) return NO_ENDPOINT
    this.#local = { address: withoutMapping(localAddress), port: localPort }
    return this.#local
  }
}

/** What an error of node:net means to the users of a connection. */
function failureOf(code: string | undefined): ConnFailure {
  switch (code ?? '') {
    case 'ECONNREFUSED':
    case 'ENOENT':
      return 'refused'
    case 'ECONNRESET':
    case 'ECONNABORTED':
    case 'EPIPE':
      return 'reset'
    default:
      return 'unreachable'
  }
}

/** An IPv4 peer of a dual-stack socket, written as what it is (RFC 4291 section 2.5.5.2). */
function withoutMapping(address: string): string {
  const mapped = address.startsWith(IPV4_MAPPED_PREFIX) && address.includes('.')
  return mapped ? address.slice(IPV4_MAPPED_PREFIX.length) : address
}

function asBuffer(data: Uint8Array): Buffer {
  return data instanceof Buffer ? data : Buffer.from(data.buffer, data.byteOffset, data.length)
}
