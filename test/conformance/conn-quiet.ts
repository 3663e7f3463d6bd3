import { expect, onTestFinished } from 'vitest'
import type { Address } from '../../src/base/address.ts'
import type { ConnLab, LabTest } from './conn-lab.ts'
import { Probe } from './conn-probe.ts'
import { PeerThread } from './peer-thread.ts'

/** What the kernel has is seen before the event loop hands it over. */
export function describeQuiet(it: LabTest, kind: Address['kind']): void {
  async function withPeer(lab: ConnLab): Promise<{ server: Probe; peer: PeerThread }> {
    const socket = await lab.open(kind)
    const server = new Probe('server')
    lab.accept(socket, () => server)
    const peer = await PeerThread.connect(socket.address)
    onTestFinished(() => peer.terminate())
    await server.accepted()
    return { server, peer }
  }

  it('is quiet while nothing comes, not when bytes have arrived, and again once they are read', async ({
    lab,
  }) => {
    const { server, peer } = await withPeer(lab)
    for (let round = 1; round <= 3; round++) {
      expect(server.conn.isQuiet()).toBe(true)
      peer.actUntil('write', () => !server.conn.isQuiet())
      // Asking has taken nothing away, and handed nothing over.
      expect(server.receivedBytes).toBe(5 * (round - 1))
      expect(server.conn.isQuiet()).toBe(false)
      await server.bytes(5 * round)
    }
    expect(server.conn.isQuiet()).toBe(true)
    expect(server.data.toString()).toBe('hello'.repeat(3))
  })

  it('is not quiet while it is paused and bytes wait', async ({ lab }) => {
    const { server, peer } = await withPeer(lab)
    server.conn.pause()
    peer.actUntil('write', () => !server.conn.isQuiet())
    await lab.settle()
    expect(server.conn.isQuiet()).toBe(false)
    server.conn.resume()
    await server.bytes(5)
    expect(server.conn.isQuiet()).toBe(true)
  })

  it('is not quiet any more once the peer has ended', async ({ lab }) => {
    const { server, peer } = await withPeer(lab)
    peer.actUntil('end', () => !server.conn.isQuiet())
    expect(server.ends).toBe(0)
    await server.ended()
    expect(server.conn.isQuiet()).toBe(false)
    server.conn.end()
    await server.closed()
    expect([server.failure, server.conn.isQuiet()]).toEqual([null, false])
  })

  it('is quiet only between being established and being destroyed', async ({ lab }) => {
    const socket = await lab.open(kind)
    lab.accept(socket, () => new Probe('server'))
    const client = lab.connect(socket.address)
    expect(client.conn.isQuiet()).toBe(false)
    await client.connected()
    expect(client.conn.isQuiet()).toBe(true)
    client.conn.destroy()
    expect(client.conn.isQuiet()).toBe(false)
    await client.closed()
    expect(client.conn.isQuiet()).toBe(false)
  })

  it.runIf(kind === 'inet')('is not quiet after a reset, which is still told', async ({ lab }) => {
    const { server, peer } = await withPeer(lab)
    peer.actUntil('reset', () => !server.conn.isQuiet())
    expect(server.closes).toBe(0)
    await server.closed()
    expect([server.failure, server.ends, server.conn.isQuiet()]).toEqual(['reset', 0, false])
  })

  it('has not hung up with bytes that wait, nor with the end of the peer', async ({ lab }) => {
    const { server, peer } = await withPeer(lab)
    expect(server.conn.hasHungUp()).toBe(false)
    peer.actUntil('write', () => !server.conn.isQuiet())
    expect(server.conn.hasHungUp()).toBe(false)
    await server.bytes(5)
    peer.actUntil('end', () => !server.conn.isQuiet())
    expect(server.conn.hasHungUp()).toBe(false)
  })

  it.runIf(kind === 'inet')('has hung up after a reset, paused as it is', async ({ lab }) => {
    const { server, peer } = await withPeer(lab)
    server.conn.pause()
    peer.actUntil('write', () => !server.conn.isQuiet())
    expect(server.conn.hasHungUp()).toBe(false)
    peer.actUntil('reset', () => server.conn.hasHungUp())
    server.conn.destroy()
    expect(server.conn.hasHungUp()).toBe(false)
    await server.closed()
  })
}
