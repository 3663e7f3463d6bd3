import { closeSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import type { Address } from '../../src/base/address.ts'
import {
  type ConnFailure,
  type Endpoint,
  inetEndpoint,
  UNIX_ENDPOINT,
  UNKNOWN_ENDPOINT,
} from '../../src/net/conn.ts'
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
  return [conn.remote, conn.local]
}

/** Each side knows both addresses. */
export function describeAddresses(it: LabTest): void {
  it('are those of the two ends, also after the close if asked before', async ({ lab }) => {
    const { client, server, socket } = await lab.connectPair('inet')
    const port = socket.address.kind === 'inet' ? socket.address.port : -1
    const [remote, local] = endsOf(client)
    expect(remote).toEqual(inetEndpoint('127.0.0.1', port))
    expect(local?.address).toBe('127.0.0.1')
    expect(endsOf(server)).toEqual([local, remote])
    server.conn.destroy()
    await server.closed()
    expect(endsOf(server)).toEqual([local, remote])
  })

  it('are not settled by asking before the connection is established', async ({ lab }) => {
    const socket = await lab.open('inet')
    lab.accept(socket, () => new Probe('server'))
    const client = lab.connect(socket.address)
    expect(endsOf(client)).toEqual([UNKNOWN_ENDPOINT, UNKNOWN_ENDPOINT])
    await client.connected()
    expect(client.conn.remote.address).toBe('127.0.0.1')
    expect(client.conn.local.port).toBeGreaterThan(0)
  })

  it('are those of a Unix socket, also after its peer has gone', async ({ lab }) => {
    const { client, server } = await lab.connectPair('unix')
    const ends = [UNIX_ENDPOINT, UNIX_ENDPOINT]
    expect([client, server].map(endsOf)).toEqual([ends, ends])
    client.conn.destroy()
    await server.ended()
    expect(endsOf(server)).toEqual(ends)
  })

  it.for([
    ['inet', '127.0.0.1'],
    ['inet', hasIpv6 ? '::1' : '127.0.0.2'],
    ['unix', ''],
  ] as const)(
    'are those of a client that has gone before it was accepted, over %s %s',
    async ([kind, host], { lab }) => {
      const socket = await lab.open(kind, host)
      const client = lab.connect(socket.address)
      await client.connected()
      const [remote, local] = endsOf(client)
      client.conn.write('its last words')
      client.conn.reset()
      await client.closed()
      const server = new Probe('server')
      lab.accept(socket, () => server)
      await server.accepted()
      expect(endsOf(server)).toEqual([local, remote])
    },
  )

  it.for(['inet', 'unix'] as const)(
    'are those that were declared from then on, also after the close, over %s',
    async (kind, { lab }) => {
      const { client, server } = await lab.connectPair(kind)
      const remote = inetEndpoint('2001:db8::1', 56_324)
      const local = inetEndpoint('192.0.2.2', 0)
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
      expect(endsOf(server).map(({ address }) => address)).toEqual([host, host])
    }
  })
}
