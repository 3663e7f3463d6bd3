import { closeSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import type { Address } from '../../src/model/address.ts'
import type { ConnFailure, Endpoint } from '../../src/net/conn.ts'
import { openListeningSocket } from '../../src/net/listening-socket.ts'
import { BACKLOG, type ConnLab, type LabTest } from './conn-lab.ts'
import { Probe } from './conn-probe.ts'

/** An attempt that fails tells why, and nothing else. */
export function describeConnecting(it: LabTest): void {
  async function failureOf(
    lab: ConnLab,
    address: Address,
  ): Promise<ConnFailure | null | undefined> {
    const client = lab.connect(address)
    client.conn.write('lost')
    await client.closed()
    expect([client.connects, client.ends]).toEqual([0, 0])
    return client.failure
  }

  it('fails as refused where nobody listens', async ({ lab }) => {
    const socket = await openListeningSocket({ kind: 'inet', host: '127.0.0.1', port: 0 }, BACKLOG)
    socket.close()
    expect(await failureOf(lab, socket.address)).toBe('refused')
  })

  it('fails as refused at a missing path and at the file of a dead socket', async ({ lab }) => {
    const address: Address = { kind: 'unix', path: join(lab.folder, 'socket') }
    expect(await failureOf(lab, address)).toBe('refused')
    const { fd } = await openListeningSocket(address, BACKLOG)
    closeSync(fd)
    expect(await failureOf(lab, address)).toBe('refused')
  })

  it('fails as unreachable without a route', async ({ lab }) => {
    const nowhere: Address = { kind: 'inet', host: '255.255.255.255', port: 9 }
    expect(await failureOf(lab, nowhere)).toBe('unreachable')
  })

  it('tells only the close when destroyed or reset before it is established', async ({ lab }) => {
    for (const kind of ['inet', 'unix'] as const) {
      for (const method of ['destroy', 'reset'] as const) {
        const { address } = await lab.open(kind)
        const client = lab.connect(address)
        client.conn.write('lost')
        client.conn[method]()
        await client.closed()
        expect([client.connects, client.failure]).toEqual([0, 'aborted'])
      }
    }
  })
}

const hasIpv6 = Object.values(networkInterfaces())
  .flat()
  .some((each) => each?.family === 'IPv6')

function endsOf({ conn }: Probe): readonly Endpoint[] {
  return [
    { address: conn.remoteAddress, port: conn.remotePort },
    { address: conn.localAddress, port: conn.localPort },
  ]
}

/** Each side knows both addresses. */
export function describeAddresses(it: LabTest): void {
  it('are those of the two ends, also after the close if asked before', async ({ lab }) => {
    const { client, server, socket } = await lab.connectPair('inet')
    const port = socket.address.kind === 'inet' ? socket.address.port : -1
    const seen = [client, server].map(({ conn }) => [
      conn.remoteAddress,
      conn.remotePort,
      conn.localAddress,
      conn.localPort,
    ])
    expect(seen[0]?.slice(0, 3)).toEqual(['127.0.0.1', port, '127.0.0.1'])
    expect(seen[1]).toEqual(['127.0.0.1', seen[0]?.[3], '127.0.0.1', port])
    server.conn.destroy()
    await server.closed()
    const { remoteAddress, remotePort, localAddress, localPort } = server.conn
    expect([remoteAddress, remotePort, localAddress, localPort]).toEqual(seen[1])
  })

  it('are not settled by asking before the connection is established', async ({ lab }) => {
    const socket = await lab.open('inet')
    lab.accept(socket, () => new Probe('server'))
    const client = lab.connect(socket.address)
    expect([client.conn.remoteAddress, client.conn.remotePort]).toEqual(['', 0])
    await client.connected()
    expect(client.conn.remoteAddress).toBe('127.0.0.1')
    expect(client.conn.localPort).toBeGreaterThan(0)
  })

  it('are empty for a Unix socket', async ({ lab }) => {
    const { client, server } = await lab.connectPair('unix')
    for (const { conn } of [client, server]) {
      expect([conn.remoteAddress, conn.localAddress]).toEqual(['', ''])
      expect([conn.remotePort, conn.localPort]).toEqual([0, 0])
    }
  })

  it.for(['inet', 'unix'] as const)(
    'are those that were declared from then on, also after the close, over %s',
    async (kind, { lab }) => {
      const { client, server } = await lab.connectPair(kind)
      const remote = { address: '2001:db8::1', port: 56_324 }
      const local = { address: '192.0.2.2', port: 0 }
      const [remoteBefore, localBefore] = endsOf(client)
      server.conn.declareEndpoints(remote, local)
      expect(endsOf(server)).toEqual([remote, local])
      expect(endsOf(client)).toEqual([remoteBefore, localBefore])
      server.conn.write('as before')
      await client.bytes(9)
      server.conn.destroy()
      await server.closed()
      expect(endsOf(server)).toEqual([remote, local])
    },
  )

  it.skipIf(!hasIpv6)('write an IPv4 client of a dual-stack socket as IPv4', async ({ lab }) => {
    const socket = await lab.open('inet', '::')
    const port = socket.address.kind === 'inet' ? socket.address.port : -1
    for (const host of ['127.0.0.1', '::1']) {
      const server = new Probe('server')
      const listener = lab.accept(socket, () => server)
      lab.connect({ kind: 'inet', host, port })
      await server.accepted()
      listener.close()
      expect([server.conn.remoteAddress, server.conn.localAddress]).toEqual([host, host])
    }
  })
}
