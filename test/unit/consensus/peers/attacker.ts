import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { onTestFinished } from 'vitest'
import {
  DiallingHandshake,
  type HandshakeStep,
} from '../../../../src/consensus/peers/handshake/handshake.ts'
import { encodeHello } from '../../../../src/consensus/peers/handshake/hello-codec.ts'
import { diallingKeyTls } from '../../../../src/consensus/peers/handshake/shared-key.ts'
import { type RecordKind, RecordPacker } from '../../../../src/consensus/peers/records/packing.ts'
import type { PeerHello } from '../../../../src/consensus/peers/transport.ts'

const HIGH_MASK = 0x80
const FINAL = 0x80

/** The head of an upgrade as a node sends it. */
export function upgradeHead(path = '/peer/v1', ...more: readonly string[]): string {
  const key = randomBytes(16).toString('base64')
  const lines = [
    `GET ${path} HTTP/1.1`,
    'Host: peer',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${key}`,
    ...more,
  ]
  return `${lines.join('\r\n')}\r\n\r\n`
}

/**
 * A WebSocket frame as a client sends it.
 *
 * @param opcode 1 text, 2 binary, 9 ping
 * @param announced length in the head, where it is not that of the payload
 */
export function frame(
  payload: Uint8Array,
  opcode = 2,
  announced: bigint = BigInt(payload.length),
  isMasked = true,
): Buffer {
  const head = Buffer.alloc(isMasked ? 14 : 10)
  head[0] = FINAL | opcode
  head[1] = 127 | (isMasked ? HIGH_MASK : 0)
  head.writeBigUInt64BE(announced, 2)
  // The mask is zero: the payload is sent as it is.
  if (payload.length >= 126 || announced !== BigInt(payload.length))
    return Buffer.concat([head, payload])
  const short = Buffer.from([head[0], payload.length | (isMasked ? HIGH_MASK : 0)])
  return Buffer.concat([short, Buffer.alloc(isMasked ? 4 : 0), payload])
}

/** What a caller shows for the secret, and the name under which it does. */
export interface ShownKey {
  readonly secret: Uint8Array
  readonly name: string
}

/** A raw connection to a node. */
export class RawConnection {
  readonly socket: Socket
  #received = Buffer.alloc(0)
  #isClosed = false
  readonly #closed: Promise<void>

  /** @param key with which it speaks TLS; null: it speaks none */
  constructor(address: string, key: ShownKey | null = null) {
    const url = new URL(`tcp://${address}`)
    const to = { port: Number(url.port), host: url.hostname }
    this.socket =
      key === null ? connect(to) : connectTls({ ...to, ...diallingKeyTls(key.secret, key.name) })
    this.socket.on('data', (data) => {
      this.#received = Buffer.concat([this.#received, data])
    })
    this.socket.on('error', () => {})
    this.#closed = new Promise((resolve) => {
      this.socket.on('close', () => {
        this.#isClosed = true
        resolve()
      })
    })
    onTestFinished(() => void this.socket.destroy())
  }

  get received(): Buffer {
    return this.#received
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  write(...parts: readonly (string | Uint8Array)[]): this {
    for (const part of parts) this.socket.write(part)
    return this
  }

  /** Waits until the node has ended the connection. */
  async closed(): Promise<Buffer> {
    await this.#closed
    return this.#received
  }
}

/** A connection that knows the secret, has introduced itself, and then says what it likes. */
export class Impostor {
  readonly #connection: RawConnection

  private constructor(connection: RawConnection) {
    this.#connection = connection
  }

  static async enter(
    address: string,
    secret: Uint8Array,
    name: string,
    peer: string,
    path = '/peer/v1',
  ): Promise<Impostor> {
    const connection = new RawConnection(address, { secret, name })
    const handshake = new DiallingHandshake(name, peer)
    connection.write(upgradeHead(path), frame(handshake.begin()))
    const step = await answered(connection, handshake)
    if (step.kind !== 'done' || step.message === null) throw new Error(`came to ${step.kind}`)
    connection.write(frame(step.message))
    return new Impostor(connection)
  }

  /** Bytes as the content of a message. */
  say(bytes: Uint8Array): this {
    this.#connection.write(frame(bytes))
    return this
  }

  record(kind: RecordKind, data: Uint8Array = new Uint8Array()): this {
    const packer = new RecordPacker()
    packer.add(kind, data)
    for (const message of packer.take()) this.say(message)
    return this
  }

  hello(hello: Partial<PeerHello> & { name: string }): this {
    const id = `${hello.name}/1`
    return this.record('hello', encodeHello({ id, clusterId: null, memberIds: [id], ...hello }))
  }

  get connection(): RawConnection {
    return this.#connection
  }
}

async function answered(
  connection: RawConnection,
  handshake: DiallingHandshake,
): Promise<HandshakeStep> {
  const headEnd = '\r\n\r\n'
  while (true) {
    const start = connection.received.indexOf(headEnd)
    const message = connection.received.subarray(start + headEnd.length)
    const length = message[1] ?? 0
    if (start >= 0 && message.length >= 2 + length)
      return handshake.step(message.subarray(2, 2 + length))
    await once(connection.socket, 'data')
  }
}

/** Somebody on the way between two nodes, who sees all bytes and may do what they like with them. */
export class Meddler {
  /** What either side sent, and what the caller did. */
  readonly said: Buffer[] = []
  readonly saidByCaller: Buffer[] = []
  /** Bytes of one direction as they are passed on; null: nothing is. */
  pass: (data: Buffer, isFromCaller: boolean) => Buffer | null = (data) => data
  readonly #sockets = new Set<Socket>()
  #address = ''

  get address(): string {
    return this.#address
  }

  async listen(target: string): Promise<this> {
    const url = new URL(`tcp://${target}`)
    const server = createServer((caller) => {
      const called = connect(Number(url.port), url.hostname)
      this.#relay(caller, called, true)
      this.#relay(called, caller, false)
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const bound = server.address()
    this.#address = typeof bound === 'object' ? `127.0.0.1:${bound?.port}` : ''
    onTestFinished(async () => {
      this.cut()
      server.close()
      await once(server, 'close')
    })
    return this
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  /** Stops or goes on reading what comes. */
  listenTo(isListening: boolean): void {
    for (const socket of this.#sockets) {
      if (isListening) socket.resume()
      else socket.pause()
    }
  }

  #relay(from: Socket, to: Socket, isFromCaller: boolean): void {
    this.#sockets.add(from)
    from.on('data', (data) => {
      this.said.push(data)
      if (isFromCaller) this.saidByCaller.push(data)
      const passed = this.pass(data, isFromCaller)
      if (passed !== null) to.write(passed)
    })
    from.on('error', () => {})
    from.on('close', () => {
      this.#sockets.delete(from)
      to.destroy()
    })
  }
}
