import { execFileSync } from 'node:child_process'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type Daemon, startDaemon } from './support/daemon.ts'
import { expectSamples, scrape } from './support/metrics.ts'
import { canNetwork, startNetwork, type VirtualHost } from './support/network-namespaces.ts'
import { freePort } from './support/ports.ts'
import { openSocket, rawExchange, readUntil } from './support/raw-client.ts'
import { describeServer } from './support/server-admin.ts'
import { startServerProcess } from './support/server-process.ts'
import { temporaryFolder } from './support/temporary-folder.ts'
import { startUnixRelay } from './support/unix-relay.ts'
import { until } from './support/waiting.ts'

/** Local ports of the hosts here, for each address that is connected to. */
const PORTS = 8
/** Checks fail a server after this many, and are this far apart. */
const CHECK = { check: true, inter: '100ms', fall: 2, rise: 1 }

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
const isServed = (text: string): boolean => text.endsWith('\r\n\r\ns1')

/** A host that has few local ports, and no addresses of IPv6. */
function startPoorHost(): VirtualHost {
  const [host] = startNetwork(1) as [VirtualHost]
  const first = 40_000
  const range = `net.ipv4.ip_local_port_range=${first} ${first + PORTS - 1}`
  const words = ['netns', 'exec', host.namespace, 'sysctl', '-qw', range]
  execFileSync('ip', [...words, 'net.ipv6.conf.all.disable_ipv6=1'])
  return host
}

interface Poor {
  readonly daemon: Daemon
  /** Of its frontend, as this process reaches it. */
  readonly port: number
}

/** A daemon with one server, both on a host of their own, reached over Unix sockets. */
async function startPoor(
  defaults: object,
  servers: (address: string) => object = (address) => ({ s1: { address, ...CHECK } }),
): Promise<Poor> {
  const host = startPoorHost()
  const launcher = ['ip', 'netns', 'exec', host.namespace] as const
  const server = await startServerProcess('s1', 0, launcher)
  const folder = temporaryFolder()
  const [socket, web] = [join(folder, 'admin'), join(folder, 'web')]
  const [port, adminPort] = [await freePort(), await freePort()]
  const config = {
    global: { nbthread: 2 },
    admin: { socket },
    defaults,
    frontends: { web: { bind: `unix@${web}`, default_backend: 'app' } },
    backends: { app: { servers: servers(server.address) } },
  }
  const [daemon] = await Promise.all([
    startDaemon({ launcher, adminPort, config }),
    startUnixRelay(adminPort, socket),
    startUnixRelay(port, web),
  ])
  return { daemon, port }
}

const stateOf = async (daemon: Daemon): Promise<string> =>
  (await describeServer(daemon, 'app/s1')).state

/** As many clients as there are ports are served at once, each on a connection of its own. */
async function useAll({ port }: Poor): Promise<void> {
  const clients = await Promise.all(Array.from({ length: PORTS }, () => openSocket(port)))
  for (const client of clients) client.write(GET)
  for (const client of clients) expect((await readUntil(client, isServed)).text).toMatch(/ 200 /)
}

/** Checks find no port, and the server is up. */
async function expectNotBlamed(daemon: Daemon): Promise<void> {
  await until('checks to find no port', async () => {
    const { check } = await describeServer(daemon, 'app/s1')
    return check?.status === 'SOCKERR' ? true : undefined
  })
  const samples = await scrape(daemon)
  expect(samples('sluice_server_check_failures_total')).toBe(0)
  expect(await stateOf(daemon)).toBe('UP')
}

describe.runIf(canNetwork())('where the local ports are used up', () => {
  it('idle connections to the server are given up for those who need one', async () => {
    const poor = await startPoor({ 'mode': 'http', 'http-reuse': 'safe' }, (s1) => ({ s1 }))
    const { daemon, port } = poor
    await useAll(poor)
    await expectSamples(daemon, { sluice_server_idle_connections_current: PORTS })
    // The first request of a client is not sent on a connection that has not proven itself.
    expect((await rawExchange(port, GET, { until: isServed })).text).toMatch(/^HTTP\/1\.1 200 /)
    const samples = await scrape(daemon)
    expect(samples('sluice_server_connection_shortages_total')).toBeGreaterThan(0)
    expect(samples('sluice_server_connection_errors_total')).toBe(0)
  })

  it('idle connections to the server are given up for its checks', async () => {
    const poor = await startPoor({ 'mode': 'http', 'http-reuse': 'safe' })
    await useAll(poor)
    await expectSamples(poor.daemon, { sluice_server_idle_connections_current: 0 })
    await until('a check to pass', async () => {
      const { check } = await describeServer(poor.daemon, 'app/s1')
      return check?.status === 'L4OK' ? true : undefined
    })
    const events = poor.daemon.log.map(({ event }) => event)
    expect(events).toContain('ports-exhausted')
    expect(events).not.toContain('server-down')
  })

  it('sessions end as by a fault of this node, and all goes on when ports are free', async () => {
    const { daemon, port } = await startPoor({ mode: 'tcp', retries: 1 })
    const holders: Socket[] = []
    while (holders.length < PORTS) {
      const socket = await openSocket(port)
      holders.push(socket)
      socket.write(GET)
      expect((await readUntil(socket, isServed)).text).toMatch(/ 200 /)
    }
    await expectNotBlamed(daemon)
    expect((await rawExchange(port, GET)).text).toBe('')
    await until('its line', () => daemon.accessLog.find((line) => line.includes(' RC ')))
    const told = daemon.log.filter(({ event }) => event === 'ports-exhausted')
    expect(told).toMatchObject([{ level: 'warn' }])
    expect(told[0]?.['message']).toContain('ip_local_port_range')
    for (const socket of holders) socket.destroy()
    expect(await stateOf(daemon)).toBe('UP')
    await until('a session', async () => {
      const { text } = await rawExchange(port, GET, { until: isServed })
      return isServed(text) || undefined
    })
    const samples = await scrape(daemon)
    expect(samples('sluice_server_connection_errors_total')).toBe(0)
    expect(samples('sluice_server_check_failures_total')).toBe(0)
  })

  it('a server of an address family that the host has no address of is down all the same', async () => {
    const { daemon } = await startPoor({ mode: 'tcp' }, () => ({
      s1: { address: '[::1]:80', ...CHECK },
    }))
    await daemon.event('server-down')
    const { check } = await describeServer(daemon, 'app/s1')
    expect(check).toMatchObject({ status: 'L4CON', info: 'No route to the address' })
  })
})
