import { expect } from 'vitest'
import type { Address } from '../../src/base/address.ts'
import { AcceptThread } from './accept-thread.ts'
import { BACKLOG, echo, type LabTest, pattern, turn } from './conn-lab.ts'
import { Probe } from './conn-probe.ts'

/** Listening sockets are shared, and nobody who connects is lost. */
export function describeListening(it: LabTest, kind: Address['kind']): void {
  it('keeps accepted connections and clients that wait when a listener closes', async ({ lab }) => {
    const { client, listener, socket } = await lab.connectPair(kind, echo)
    listener.close()
    const waiting = lab.connect(socket.address)
    await waiting.connected()
    waiting.conn.write('still there?')
    client.conn.write('ping')
    await client.bytes(4)
    await lab.settle()
    expect(waiting.receivedBytes).toBe(0)
    lab.accept(socket, () => new Probe('late server', echo))
    await waiting.bytes(12)
    expect(waiting.data.toString()).toBe('still there?')
  })

  it('accepts no more than one when the listener closes from within onAccept', async ({ lab }) => {
    const socket = await lab.open(kind)
    const clients = Array.from({ length: 3 }, () => lab.connect(socket.address))
    await Promise.all(clients.map((client) => client.connected()))
    await lab.settle()
    for (let served = 1; served <= clients.length; served++) {
      const server = new Probe('server')
      const listener = lab.accept(socket, () => {
        listener.close()
        return server
      })
      await server.accepted()
      await lab.settle()
      server.conn.write('served')
      await Promise.race(clients.map((client) => client.until(() => client.receivedBytes > 0)))
      await lab.settle()
      expect(clients.filter(({ receivedBytes }) => receivedBytes > 0)).toHaveLength(served)
    }
  })

  it('accepts no more than one when it pauses from within onAccept, and goes on', async ({
    lab,
  }) => {
    const socket = await lab.open(kind)
    const clients = Array.from({ length: 3 }, () => lab.connect(socket.address))
    await Promise.all(clients.map((client) => client.connected()))
    const servers: Probe[] = []
    const listener = lab.accept(socket, () => {
      listener.pause()
      servers.push(new Probe('server', echo))
      return servers.at(-1) as Probe
    })
    for (let served = 1; served <= clients.length; served++) {
      while (servers.length < served) await turn()
      await lab.settle()
      expect(servers).toHaveLength(served)
      expect(listener.resume()).toBe(true)
    }
    listener.close()
    expect(listener.resume()).toBe(true)
    const late = lab.connect(socket.address)
    await late.connected()
    await lab.settle()
    expect(servers).toHaveLength(clients.length)
  })

  it.for([
    ['paused', true],
    ['accepting', false],
  ] as const)('takes in who waits when it drains, %s before', async ([, isPaused], { lab }) => {
    const socket = await lab.open(kind)
    const servers: Probe[] = []
    const listener = lab.accept(socket, () => {
      servers.push(new Probe('server', echo))
      return servers.at(-1) as Probe
    })
    if (isPaused) listener.pause()
    const clients = Array.from({ length: 5 }, () => lab.connect(socket.address))
    await Promise.all(clients.map((client) => client.connected()))
    for (const client of clients) client.conn.write('first')
    let drains = 0
    listener.drain(() => drains++)
    while (drains === 0) await turn()
    expect(servers).toHaveLength(clients.length)
    await Promise.all(clients.map((client) => client.bytes(5)))
    const late = lab.connect(socket.address)
    await late.connected()
    await lab.settle()
    expect([servers.length, drains]).toEqual([clients.length, 1])
    expect(listener.resume()).toBe(true)
    await lab.settle()
    expect(servers).toHaveLength(clients.length)
  })

  it('is drained at once where nobody waits', async ({ lab }) => {
    const socket = await lab.open(kind)
    const listener = lab.accept(socket, () => new Probe('server'))
    let drains = 0
    listener.drain(() => drains++)
    expect(drains).toBe(1)
    listener.close()
  })

  it('gives up who waits when it is paused while it drains', async ({ lab }) => {
    const socket = await lab.open(kind)
    const servers: Probe[] = []
    const listener = lab.accept(socket, () => {
      servers.push(new Probe('server'))
      listener.pause()
      return servers.at(-1) as Probe
    })
    listener.pause()
    const clients = Array.from({ length: 3 }, () => lab.connect(socket.address))
    await Promise.all(clients.map((client) => client.connected()))
    let drains = 0
    listener.drain(() => drains++)
    while (drains === 0) await turn()
    await lab.settle()
    expect([servers.length, drains]).toEqual([1, 1])
  })

  it('serves clients that connected before anybody accepted', async ({ lab }) => {
    const socket = await lab.open(kind)
    const clients = Array.from({ length: 20 }, (_, i) => {
      const client = lab.connect(socket.address)
      client.conn.write(`client ${i}`)
      return client
    })
    await Promise.all(clients.map((client) => client.connected()))
    await lab.settle()
    lab.accept(socket, () => new Probe('server', echo))
    for (const [i, client] of clients.entries()) {
      await client.bytes(`client ${i}`.length)
      expect(client.data.toString()).toBe(`client ${i}`)
    }
  })

  it('serves 500 connections at once', async ({ lab }) => {
    const socket = await lab.open(kind)
    lab.accept(socket, () => new Probe('server', echo))
    const clients = await Promise.all(
      Array.from({ length: 500 }, async (_, i) => {
        const client = lab.connect(socket.address)
        client.conn.write(pattern(5000 + i, i))
        await client.bytes(5000 + i)
        expect(client.data.equals(pattern(5000 + i, i))).toBe(true)
        return client
      }),
    )
    for (const client of clients) client.conn.end()
    await Promise.all(clients.map((client) => client.closed()))
    expect(clients.filter(({ failure }) => failure !== null)).toEqual([])
  })

  it('shares a socket between threads, and one thread can leave', async ({ lab }) => {
    const socket = await lab.open(kind)
    const threads = await Promise.all(
      ['one', 'two'].map((name) => AcceptThread.start(lab.subject, socket, name, BACKLOG)),
    )
    const askUntil = async (enough: (names: Set<string>) => boolean): Promise<Set<string>> => {
      const names = new Set<string>()
      while (!enough(names)) {
        const clients = Array.from({ length: 50 }, () => lab.connect(socket.address))
        for (const client of clients) {
          await client.ended()
          names.add(client.data.toString())
          client.conn.end()
        }
      }
      return names
    }
    try {
      expect(await askUntil((names) => names.size === 2)).toEqual(new Set(['one', 'two']))
      await threads[0]?.stopAccepting()
      let rounds = 0
      expect(await askUntil(() => ++rounds > 4)).toEqual(new Set(['two']))
    } finally {
      await Promise.all(threads.map((thread) => thread.terminate()))
    }
  })
}
