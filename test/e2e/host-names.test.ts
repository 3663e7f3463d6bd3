import { beforeEach, describe, expect, it } from 'vitest'
import { type Daemon, startDaemon, type TestConfig } from './support/daemon.ts'
import { httpClient } from './support/http-client.ts'
import { startHttpServer } from './support/http-server.ts'
import { freePort } from './support/ports.ts'
import { privateHosts } from './support/private-hosts.ts'
import { runSluice } from './support/processes.ts'
import { requires } from './support/requirements.ts'
import { until } from './support/waiting.ts'

beforeEach(requires('root', 'linux'))

/** A frontend on this port before a server that is found by name. */
function configOf(port: number, serverPort: number): TestConfig {
  return {
    global: { nbthread: 2, log: { access: 'off' } },
    defaults: { mode: 'http' },
    frontends: { web: { bind: `127.0.0.1:${port}`, default_backend: 'app' } },
    backends: {
      app: { servers: { s1: { address: `app.test:${serverPort}`, check: true, inter: '200ms' } } },
    },
  }
}

async function serverIn(daemon: Daemon): Promise<Readonly<Record<string, unknown>>> {
  const { stdout } = await runSluice('server', 'list', '--json', '--admin', daemon.admin)
  return (JSON.parse(stdout) as { servers: Record<string, unknown>[] }).servers[0] ?? {}
}

describe('a server whose host name', () => {
  it('is not found does not keep the daemon from starting, and comes when the name does', async () => {
    const hosts = privateHosts()
    const port = await freePort()
    const server = await startHttpServer({ name: 's1' })
    const config = configOf(port, server.port)
    const daemon = await startDaemon({ config, launcher: hosts.launcher })
    const client = httpClient(port)
    expect((await client('/')).status).toBe(503)
    expect(await serverIn(daemon)).toMatchObject({
      state: 'MAINT',
      cause: 'resolution',
      reason: expect.stringContaining(`app.test:${server.port} has no address`),
    })
    hosts.set({ 'app.test': '127.0.0.1' })
    await daemon.event('name-resolved')
    await until('an answer', async () => ((await client('/')).status === 200 ? true : undefined))
    expect(await serverIn(daemon)).toMatchObject({
      state: 'UP',
      address: `127.0.0.1:${server.port}`,
    })
  })

  it('has another address moves, its open requests finish, and no failed look-up takes it away', async () => {
    const hosts = privateHosts()
    const port = await freePort()
    const held: (() => void)[] = []
    const first = await startHttpServer({
      answer: ({ url }, response) => {
        if (url === '/held') held.push(() => response.end('at last'))
        else response.end('first')
      },
    })
    hosts.set({ 'app.test': '127.0.0.1' })
    const daemon = await startDaemon({
      config: configOf(port, first.port),
      launcher: hosts.launcher,
    })
    const second = await startHttpServer({ name: 'second', host: '127.0.0.2', port: first.port })
    const client = httpClient(port)
    const ask = async (): Promise<string> => (await client('/')).body.toString()
    expect(await ask()).toBe('first')
    const open = httpClient(port)('/held')
    await until('a held request', () => held.length > 0 || undefined)
    hosts.set({ 'app.test': '127.0.0.2' })
    await until('the second server', async () => (await ask()) === second.name || undefined)
    held[0]?.()
    expect((await open).body.toString()).toBe('at last')
    hosts.set({})
    await daemon.event('name-unresolved')
    expect(await ask()).toBe(second.name)
    expect((await daemon.reload(configOf(port, first.port))).event).toBe('config-reloaded')
    expect(await ask()).toBe(second.name)
  })
})
