import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DescriptorGauge } from '../../../../../src/net/descriptor-gauge.ts'
import { NodeConn } from '../../../../../src/net/engines/node/node-conn.ts'
import {
  WRITE_BUFFER_BYTES,
  WriteBuffers,
} from '../../../../../src/net/engines/node/write-buffers.ts'
import { Probe } from '../../../../conformance/conn-probe.ts'

class CountedBuffers extends WriteBuffers {
  readonly out = new Set<Buffer>()
  taken = 0

  override take(): Buffer {
    const buffer = super.take()
    this.taken++
    this.out.add(buffer)
    return buffer
  }

  override give(buffer: Buffer): void {
    expect(this.out.delete(buffer)).toBe(true)
    super.give(buffer)
  }
}

describe('write buffers of a connection', () => {
  let buffers: CountedBuffers
  let server: Server
  let port: number
  let peers: Socket[]

  beforeEach(async () => {
    buffers = new CountedBuffers()
    peers = []
    server = createServer({ pauseOnConnect: true }, (socket) => {
      socket.on('error', () => {})
      peers.push(socket)
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    port = (server.address() as AddressInfo).port
  })
  afterEach(() => {
    for (const peer of peers) peer.destroy()
    server.close()
  })

  function connect(): Probe {
    const client = new Probe('client')
    const memory = {
      descriptors: new DescriptorGauge(),
      readBuffer: Buffer.alloc(1024),
      writeBuffers: buffers,
    }
    const conn = new NodeConn('inet', null, memory, client)
    client.attach(conn)
    conn.connect({ kind: 'inet', host: '127.0.0.1', port })
    return client
  }

  const large = Buffer.alloc(3 * WRITE_BUFFER_BYTES + 1)
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

  it('are not needed where the kernel takes everything at once', async () => {
    const client = connect()
    const { conn } = client
    await client.connected()
    expect(conn.write(large.subarray(0, WRITE_BUFFER_BYTES / 2))).toBe(true)
    expect(conn.queuedBytes).toBe(0)
    expect(buffers.taken).toBe(0)
    conn.destroy()
  })

  it('take what the kernel left over, in the order in which it was written', async () => {
    const client = connect()
    const { conn } = client
    await client.connected()
    while (peers.length === 0) await turn()
    const peer = peers[0] as Socket
    let sum = 0
    let bytes = 0
    let inOrder = true
    peer.on('data', (data: Buffer) => {
      for (const byte of data) {
        inOrder &&= byte === bytes % 251
        bytes++
      }
    })
    const pattern = Buffer.from(Uint8Array.from({ length: 251 * 4000 }, (_, i) => i % 251))
    while (conn.write(pattern)) sum += pattern.length
    sum += pattern.length
    conn.write(pattern.subarray(0, 251).toString('latin1'))
    peer.resume()
    while (bytes < sum + 251) await turn()
    expect(bytes).toBe(sum + 251)
    expect(inOrder).toBe(true)
    conn.destroy()
  })

  it('come back when a slow peer has taken what was queued', async () => {
    const client = connect()
    const { conn } = client
    await client.connected()
    while (conn.write(large)) await turn()
    expect(buffers.out.size).toBeGreaterThan(0)
    while (peers.length === 0) await turn()
    peers[0]?.resume()
    await client.until(() => client.drains === 1)
    expect(buffers.out.size).toBe(0)
    conn.destroy()
  })

  it('come back from a connection that is destroyed', async () => {
    const client = connect()
    const { conn } = client
    await client.connected()
    while (conn.write(large)) await turn()
    conn.write(large)
    conn.destroy()
    // The kernel may still be reading from the one that is being written.
    expect(buffers.out.size).toBeGreaterThan(0)
    await client.closed()
    expect(client.failure).toBe('aborted')
    await turn()
    expect(buffers.out.size).toBe(0)
  })

  it('come back from a connection that the peer resets', async () => {
    const client = connect()
    const { conn } = client
    await client.connected()
    while (conn.write(large)) await turn()
    while (peers.length === 0) await turn()
    peers[0]?.resetAndDestroy()
    await client.closed()
    expect(client.failure).toBe('reset')
    await turn()
    expect(buffers.out.size).toBe(0)
  })

  it('come back from a connection that is never established', async () => {
    server.close()
    await once(server, 'close')
    const client = connect()
    const { conn } = client
    conn.write(large)
    conn.write(large)
    await client.closed()
    expect(client.failure).toBe('refused')
    await turn()
    expect(buffers.out.size).toBe(0)
  })
})
