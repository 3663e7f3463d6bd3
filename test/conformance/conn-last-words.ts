import { expect } from 'vitest'
import type { Address } from '../../src/base/address.ts'
import { KB, type LabTest, MB, pattern, writeUntilFull } from './conn-lab.ts'
import type { Probe } from './conn-probe.ts'

/** Less than the kernel's buffers of one connection hold. */
const LAST_WORDS = pattern(48 * KB)

/** Writes until the connection is gone. */
function keepWriting(probe: Probe): void {
  if (probe.closes > 0) return
  probe.conn.write('anybody there?')
  setImmediate(() => keepWriting(probe))
}

/** What a peer has sent before it closed is read, whatever becomes of what it is sent. */
export function describeLastWords(it: LabTest, kind: Address['kind']): void {
  it.for([
    { how: 'breaks off', ends: 0 },
    { how: 'ends its side and closes', ends: 1 },
  ])('reads to its end what a peer has sent that $how', async ({ ends }, { lab }) => {
    const { client, server } = await lab.connectPair(kind)
    // With something unread in its buffer the peer's close resets the connection.
    server.conn.pause()
    client.conn.pause()
    client.conn.write('never read')
    server.conn.write(LAST_WORDS)
    if (ends === 1) server.conn.end()
    await lab.settle()
    server.conn.destroy()
    await server.closed()
    await lab.settle()
    // The reader finds out by writing, and has read nothing yet.
    client.conn.write('into the void')
    expect(client.conn.write('and on')).toBe(true)
    await lab.settle()
    expect([client.closes, client.receivedBytes]).toEqual([0, 0])
    client.conn.resume()
    await client.closed()
    expect(client.data.equals(LAST_WORDS)).toBe(true)
    // A Unix socket of Linux knows a peer's close, and of no end before it.
    expect([client.ends, client.failure]).toEqual([kind === 'inet' ? ends : 0, 'reset'])
  })

  it('reads to its end what a peer has sent while more was queued for it', async ({ lab }) => {
    const { client, server } = await lab.connectPair(kind)
    server.conn.pause()
    client.conn.pause()
    server.conn.write(LAST_WORDS)
    writeUntilFull(client)
    server.conn.destroy()
    await server.closed()
    // Nothing is owed any more, and nothing is waited for.
    await client.until(() => client.drains === 1)
    expect([client.conn.queuedBytes, client.conn.write(pattern(MB))]).toEqual([0, true])
    await lab.settle()
    expect([client.closes, client.receivedBytes]).toEqual([0, 0])
    client.conn.resume()
    await client.closed()
    expect(client.data.equals(LAST_WORDS)).toBe(true)
    expect(client.failure).toBe('reset')
  })

  it('can be left before the last words are read', async ({ lab }) => {
    for (const leave of ['destroy', 'reset'] as const) {
      const { client, server } = await lab.connectPair(kind)
      client.conn.pause()
      server.conn.pause()
      client.conn.write('never read')
      server.conn.write(LAST_WORDS)
      await lab.settle()
      server.conn.destroy()
      await server.closed()
      client.conn.write('into the void')
      client.conn.end()
      client.conn[leave]()
      await client.closed()
      expect([client.receivedBytes, client.failure]).toEqual([0, 'aborted'])
    }
  })

  it('closes at once when a write fails after the peer has ended', async ({ lab }) => {
    const { client, server } = await lab.connectPair(kind)
    client.conn.write('last words')
    client.conn.end()
    await server.ended()
    client.conn.destroy()
    await client.closed()
    keepWriting(server)
    await server.closed()
    expect([server.data.toString(), server.failure]).toEqual(['last words', 'reset'])
  })

  it('delivers everything before it breaks off, however slowly it is read', async ({ lab }) => {
    const { client, server } = await lab.connectPair(kind)
    server.conn.pause()
    const bytes = writeUntilFull(client)
    client.conn.breakOff()
    client.conn.breakOff()
    expect(client.conn.write('too late')).toBe(false)
    client.conn.resume()
    server.conn.write('not heard any more')
    await lab.settle()
    expect(client.closes).toBe(0)
    server.conn.resume()
    await client.closed()
    expect([client.failure, client.receivedBytes]).toEqual(['aborted', 0])
    await server.closed()
    expect(server.receivedBytes).toBe(bytes)
    expect(server.failure).toBe('reset')
    expect(server.ends).toBe(0)
  })

  it('breaks off an end that is on its way, too', async ({ lab }) => {
    const { client, server } = await lab.connectPair(kind)
    client.conn.write('last words')
    client.conn.end()
    client.conn.breakOff()
    await Promise.all([client.closed(), server.ended()])
    expect([server.data.toString(), client.failure]).toEqual(['last words', 'aborted'])
  })

  it('breaks off no longer than its caller has patience', async ({ lab }) => {
    for (const leave of ['destroy', 'reset'] as const) {
      const { client, server } = await lab.connectPair(kind)
      server.conn.pause()
      writeUntilFull(client)
      client.conn.breakOff()
      await lab.settle()
      expect(client.closes).toBe(0)
      client.conn[leave]()
      await client.closed()
      expect(client.failure).toBe('aborted')
    }
  })
}
