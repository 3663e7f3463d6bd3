import fc from 'fast-check'
import { expect } from 'vitest'
import type { Address } from '../../src/base/address.ts'
import { echo, type LabTest, MB, pattern, writeUntilFull } from './conn-lab.ts'
import { Probe } from './conn-probe.ts'

/** No engine may queue more than this before it says that a writer should stop. */
const QUEUED_BYTES_MAX = 1 * MB

/** Bytes arrive whole, in order, and no faster than they are read. */
export function describeTransfer(it: LabTest, kind: Address['kind']): void {
  it('delivers any sequence of strings and views, both ways', async ({ lab }) => {
    const piece = fc.record({
      size: fc.oneof(fc.nat(300), fc.nat(20_000), fc.constantFrom(16_384, 65_536, 200_000)),
      text: fc.boolean(),
    })
    const plan = fc.array(piece, { maxLength: 30 })
    await fc.assert(
      fc.asyncProperty(plan, plan, async (toServer, toClient) => {
        const { client, server } = await lab.connectPair(kind)
        const send = async (probe: Probe, pieces: typeof toServer): Promise<Buffer> => {
          const sent: Buffer[] = []
          for (const { size, text } of pieces) {
            const bytes = pattern(size, sent.length)
            sent.push(Buffer.from(bytes))
            const more = probe.conn.write(text ? bytes.toString('latin1') : bytes)
            // The memory is the caller's again.
            bytes.fill(0xee)
            if (!more) await probe.until(() => !probe.drainOwed)
          }
          probe.conn.end()
          return Buffer.concat(sent)
        }
        const [request, response] = await Promise.all([
          send(client, toServer),
          send(server, toClient),
        ])
        await Promise.all([client.closed(), server.closed()])
        expect(server.data.equals(request)).toBe(true)
        expect(client.data.equals(response)).toBe(true)
        expect([client.failure, server.failure]).toEqual([null, null])
      }),
      { numRuns: 15 },
    )
  })

  it('delivers megabytes through an echo with backpressure', async ({ lab }) => {
    const { client } = await lab.connectPair(kind, echo)
    const sent = pattern(16 * MB)
    for (let start = 0; start < sent.length; start += 100_000) {
      const more = client.conn.write(sent.subarray(start, start + 100_000))
      if (!more) await client.until(() => !client.drainOwed)
    }
    client.conn.end()
    await client.closed()
    expect(client.data.equals(sent)).toBe(true)
    expect(client.failure).toBeNull()
  })

  it('delivers what was queued against its advice, then the end', async ({ lab }) => {
    const { client, server } = await lab.connectPair(kind)
    server.conn.pause()
    const sent = pattern(12 * MB)
    const scratch = Buffer.alloc(50_001)
    for (let start = 0; start < sent.length; start += scratch.length) {
      const length = sent.copy(scratch, 0, start)
      client.conn.write(
        start % 2 ? scratch.toString('latin1', 0, length) : scratch.subarray(0, length),
      )
    }
    expect(client.conn.queuedBytes).toBeGreaterThan(0)
    client.conn.end()
    server.conn.resume()
    await server.ended()
    expect(server.data.equals(sent)).toBe(true)
  })

  it('copies what it queues: the memory is free after write', async ({ lab }) => {
    const { client, server } = await lab.connectPair(kind)
    server.conn.pause()
    const filled = writeUntilFull(client)
    const views = [10, 5000, 16_384, 16_385, 65_536, 65_537, 200_000].map((n) => pattern(n, n))
    const expected = Buffer.concat(views)
    for (const view of views) {
      client.conn.write(view)
      view.fill(0xee)
    }
    server.conn.resume()
    await server.bytes(filled + expected.length)
    expect(server.data.subarray(filled).equals(expected)).toBe(true)
  })

  it('writes any Uint8Array and latin1 strings byte for byte', async ({ lab }) => {
    const { client, server } = await lab.connectPair(kind)
    const all = Uint8Array.from({ length: 256 }, (_, i) => i)
    client.conn.write(String.fromCharCode(...all))
    client.conn.write(all)
    client.conn.write(new Uint8Array(all.buffer, 16, 32))
    client.conn.write('')
    client.conn.write(new Uint8Array(0))
    client.conn.end()
    await server.ended()
    const expected = [...all, ...all, ...all.subarray(16, 48)]
    expect([...server.data]).toEqual(expected)
  })

  it('says stop when the peer does not read, and drains once when it does', async ({ lab }) => {
    const { client, server } = await lab.connectPair(kind)
    server.conn.pause()
    let written = 0
    // The kernel may enlarge its buffers and drain the queue, but not without end.
    do {
      written += writeUntilFull(client)
      expect(client.conn.queuedBytes).toBeGreaterThan(0)
      expect(client.conn.queuedBytes).toBeLessThanOrEqual(QUEUED_BYTES_MAX)
      await lab.settle()
    } while (!client.drainOwed)
    const { drains } = client
    expect(server.receivedBytes).toBe(0)
    server.conn.resume()
    await server.bytes(written)
    await client.until(() => client.drains > drains)
    expect(client.conn.queuedBytes).toBe(0)
    await lab.settle()
    expect(client.drains).toBe(drains + 1)
  })

  it('drains again after each stop', async ({ lab }) => {
    const { client, server } = await lab.connectPair(kind)
    for (let round = 1; round <= 5; round++) {
      server.conn.pause()
      const before = server.receivedBytes
      const written = writeUntilFull(client)
      server.conn.resume()
      await client.until(() => client.drains === round)
      await server.bytes(before + written)
    }
  })

  it('does not drain when every write said true', async ({ lab }) => {
    const { client, server } = await lab.connectPair(kind)
    for (let i = 0; i < 100; i++) {
      expect(client.conn.write(pattern(30_000))).toBe(true)
      await server.bytes((i + 1) * 30_000)
    }
    await lab.settle()
    expect(client.drains).toBe(0)
  })

  it('holds data and end back while paused, also from the start', async ({ lab }) => {
    const socket = await lab.open(kind)
    const server = new Probe('server')
    lab.accept(socket, () => server)
    const client = lab.connect(socket.address)
    client.conn.write('early')
    client.conn.end()
    await server.accepted()
    server.conn.pause()
    server.conn.pause()
    await lab.settle()
    expect([server.receivedBytes, server.ends]).toEqual([0, 0])
    server.conn.resume()
    server.conn.resume()
    await server.ended()
    expect(server.data.toString()).toBe('early')
  })

  it('holds back an outgoing connection that is paused before it is established', async ({
    lab,
  }) => {
    const socket = await lab.open(kind)
    lab.accept(socket, () => new Probe('server', echo))
    const client = lab.connect(socket.address)
    client.conn.pause()
    client.conn.write('hello')
    await client.connected()
    await lab.settle()
    expect(client.receivedBytes).toBe(0)
    client.conn.resume()
    await client.bytes(5)
  })

  it('stops reading at once when paused from within onData', async ({ lab }) => {
    const { client, server } = await lab.connectPair(kind, { onData: (conn) => conn.pause() })
    client.conn.write(pattern(1 * MB))
    await server.bytes(1)
    const first = server.receivedBytes
    await lab.settle()
    expect(server.receivedBytes).toBe(first)
    while (server.receivedBytes < 1 * MB) {
      const next = server.receivedBytes + 1
      server.conn.resume()
      await server.bytes(next)
    }
    expect(server.data.equals(pattern(1 * MB))).toBe(true)
  })

  it('delivers what was written, and ended, before the connection is established', async ({
    lab,
  }) => {
    const socket = await lab.open(kind)
    const server = new Probe('server')
    lab.accept(socket, () => server)
    const client = lab.connect(socket.address, { onConnect: (conn) => conn.write(' second') })
    client.conn.write('first')
    client.conn.write(pattern(300_000))
    expect(client.conn.queuedBytes).toBe(300_005)
    await client.connected()
    client.conn.write(' third')
    client.conn.end()
    await server.ended()
    const data = server.data
    expect(data.subarray(0, 5).toString()).toBe('first')
    expect(data.subarray(5, 300_005).equals(pattern(300_000))).toBe(true)
    expect(data.subarray(300_005).toString()).toBe(' second third')
  })

  it('can end before the connection is established', async ({ lab }) => {
    const socket = await lab.open(kind)
    const server = new Probe('server', echo)
    lab.accept(socket, () => server)
    const client = lab.connect(socket.address)
    client.conn.end()
    await Promise.all([client.closed(), server.accepted()])
    await server.closed()
    expect([client.connects, client.failure, server.failure]).toEqual([1, null, null])
  })
}
