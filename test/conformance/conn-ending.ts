import { expect } from 'vitest'
import type { Address } from '../../src/base/address.ts'
import { KB, type LabTest, MB, pattern, turn, writeUntilFull } from './conn-lab.ts'
import { Probe } from './conn-probe.ts'

/** A connection ends in every way, and each side is told which. */
export function describeEnding(it: LabTest, kind: Address['kind']): void {
  it.for(['client', 'server'] as const)(
    'lets the %s end first and the other go on',
    async (first, { lab }) => {
      const pair = await lab.connectPair(kind)
      const ender = first === 'client' ? pair.client : pair.server
      const other = first === 'client' ? pair.server : pair.client
      ender.conn.write('last words')
      ender.conn.end()
      ender.conn.end()
      await other.ended()
      expect(other.data.toString()).toBe('last words')
      const sent = pattern(3 * MB)
      for (let start = 0; start < sent.length; start += 64 * KB) {
        if (!other.conn.write(sent.subarray(start, start + 64 * KB))) {
          await other.until(() => !other.drainOwed)
        }
      }
      expect(other.closes).toBe(0)
      other.conn.end()
      await Promise.all([ender.closed(), other.closed()])
      expect(ender.data.equals(sent)).toBe(true)
      expect([ender.failure, other.failure]).toEqual([null, null])
    },
  )

  it('closes without failure when both end at once', async ({ lab }) => {
    const { client, server } = await lab.connectPair(kind)
    client.conn.end()
    server.conn.end()
    await Promise.all([client.closed(), server.closed()])
    expect([client.ends, server.ends]).toEqual([1, 1])
    expect([client.failure, server.failure]).toEqual([null, null])
  })

  it('shows the peer an end when destroyed, and tells the destroyer that it aborted', async ({
    lab,
  }) => {
    const { client, server } = await lab.connectPair(kind)
    client.conn.destroy()
    client.conn.destroy()
    client.conn.reset()
    await Promise.all([client.closed(), server.ended()])
    expect(client.failure).toBe('aborted')
    server.conn.end()
    await server.closed()
    expect(server.failure).toBeNull()
  })

  it('shows the peer a reset when reset', async ({ lab }) => {
    const { client, server } = await lab.connectPair(kind)
    client.conn.reset()
    client.conn.reset()
    client.conn.destroy()
    await client.closed()
    expect(client.failure).toBe('aborted')
    if (kind === 'inet') {
      await server.closed()
      expect([server.failure, server.ends]).toEqual(['reset', 0])
    } else await server.ended()
  })

  it('resets with bytes queued, before and after an end', async ({ lab }) => {
    for (const endFirst of [false, true]) {
      const { client, server } = await lab.connectPair(kind)
      server.conn.pause()
      writeUntilFull(client)
      if (endFirst) client.conn.end()
      client.conn.reset()
      await client.closed()
      expect(client.failure).toBe('aborted')
      server.conn.resume()
      if (kind === 'inet') {
        await server.closed()
        expect(server.failure).toBe('reset')
      } else await server.ended()
    }
  })

  it('can be reset while its end is on the way, and after it', async ({ lab }) => {
    for (const turns of [0, 1, 5]) {
      const { client } = await lab.connectPair(kind)
      client.conn.end()
      for (let i = 0; i < turns; i++) await turn()
      client.conn.reset()
      await client.closed()
      expect(client.failure).toBe('aborted')
    }
  })

  it('ignores calls after destroy and after close', async ({ lab }) => {
    const { client, server } = await lab.connectPair(kind)
    const callAll = (): void => {
      expect(client.conn.write('lost')).toBe(false)
      expect(client.conn.write(pattern(100_000))).toBe(false)
      client.conn.pause()
      client.conn.resume()
      client.conn.end()
      client.conn.reset()
      client.conn.destroy()
      expect(client.conn.queuedBytes).toBe(0)
    }
    client.conn.destroy()
    callAll()
    await client.closed()
    callAll()
    await lab.settle()
    expect(client.closes).toBe(1)
    expect(server.receivedBytes).toBe(0)
  })

  it('fails a write to a peer that is gone as a reset', async ({ lab }) => {
    const { client, server } = await lab.connectPair(kind)
    client.conn.destroy()
    await server.ended()
    const keepWriting = (): void => {
      if (server.closes > 0) return
      server.conn.write('anybody there?')
      setImmediate(keepWriting)
    }
    keepWriting()
    await server.closed()
    expect(server.failure).toBe('reset')
  })

  it.for(['onConnect', 'onData', 'onDrain', 'onEnd'] as const)(
    'tells nothing but the close after destroy from within %s',
    async (callback, { lab }) => {
      const socket = await lab.open(kind)
      const server = new Probe('server')
      lab.accept(socket, () => server)
      const client = lab.connect(socket.address, {
        [callback]: (conn: Probe['conn']) => conn.destroy(),
      })
      // Everything that could call back is under way when the client destroys.
      client.conn.write(pattern(6 * MB))
      await server.accepted()
      server.conn.write(pattern(500_000))
      server.conn.end()
      await client.closed()
      expect(client.failure).toBe('aborted')
      await lab.settle()
    },
  )

  it('asks a handler that was exchanged in the middle of a stream', async ({ lab }) => {
    const { client, server } = await lab.connectPair(kind)
    const tunnel = new Probe('tunnel')
    client.conn.write('request')
    await server.bytes(7)
    tunnel.attach(server.conn)
    client.conn.write('tunnel')
    client.conn.end()
    await tunnel.ended()
    expect([server.data.toString(), tunnel.data.toString()]).toEqual(['request', 'tunnel'])
    server.conn.destroy()
    await tunnel.closed()
    expect([server.closes, tunnel.failure]).toEqual([0, 'aborted'])
  })
}
