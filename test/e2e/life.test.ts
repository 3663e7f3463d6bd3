import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeEach, describe, expect, it } from 'vitest'
import { errorCount } from '../../bench/wrk.ts'
import { startDaemon, type TestConfig } from './support/daemon.ts'
import { httpClient } from './support/http-client.ts'
import { type HttpServer, startHttpServer } from './support/http-server.ts'
import { underLoad } from './support/load.ts'
import { untilMoreRequests } from './support/metrics.ts'
import { freePort } from './support/ports.ts'
import { runSluice } from './support/processes.ts'
import { openSocket, rawExchange, readUntil } from './support/raw-client.ts'
import { requires } from './support/requirements.ts'
import { type ServerProcess, startServerProcess } from './support/server-process.ts'
import { until } from './support/waiting.ts'

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'

interface Place {
  readonly name: string
  readonly address: string
}

/** A config with one frontend on this port before these servers. */
function configOf(
  port: number,
  servers: readonly Place[],
  global: Readonly<Record<string, unknown>> = {},
): TestConfig {
  return {
    global: { nbthread: 2, log: { access: 'off' }, ...global },
    defaults: { mode: 'http' },
    frontends: { web: { bind: `127.0.0.1:${port}`, default_backend: 'app' } },
    backends: {
      app: { servers: Object.fromEntries(servers.map((s) => [s.name, s.address])) },
    },
  }
}

/** A server whose answers wait until they are let go. */
async function startHeldServer(): Promise<HttpServer & { readonly letGo: () => void }> {
  const held: (() => void)[] = []
  const server = await startHttpServer({
    answer: (_, response) => void held.push(() => response.end('at last')),
  })
  const letGo = (): void => {
    for (const answer of held) answer()
  }
  return { ...server, letGo }
}

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

describe('SIGHUP', () => {
  it('brings in a changed file', async () => {
    const port = await freePort()
    const otherPort = await freePort()
    const one = await startHttpServer({ name: 's1' })
    const two = await startHttpServer({ name: 's2' })
    const daemon = await startDaemon({ config: configOf(port, [one]) })
    expect((await httpClient(port)('/')).body.toString()).toBe('s1')

    expect((await daemon.reload(configOf(port, [two]))).event).toBe('config-reloaded')
    expect((await httpClient(port)('/')).body.toString()).toBe('s2')

    expect((await daemon.reload(configOf(otherPort, [one]))).event).toBe('config-reloaded')
    expect((await httpClient(otherPort)('/')).body.toString()).toBe('s1')
    await until('the old address to be released', async () => {
      return (await isListening(port)) ? undefined : true
    })
  })

  it('that is refused leaves a file that is not loaded, which config show tells of', async () => {
    const port = await freePort()
    const server = await startHttpServer({ name: 's1' })
    const shape = configOf(port, [server]) as Readonly<Record<string, unknown>>
    const daemon = await startDaemon({ config: shape })
    const text = readFileSync(daemon.file, 'utf8')
    const show = () => runSluice('config', 'show', '--admin', daemon.admin)
    expect(await show()).toMatchObject({ code: 0, stdout: text, stderr: '' })
    const errorfile = { 503: '/nowhere/503.http' }
    const refused = await daemon.reload({ ...shape, defaults: { mode: 'http', errorfile } })
    expect(refused).toMatchObject({ event: 'config-rejected', code: 'error-answer-unreadable' })
    const { stdout, stderr } = await show()
    expect(stdout).toBe(text)
    expect(stderr).toBe(`${daemon.file} was changed and is not loaded: send SIGHUP\n`)
  })

  it('lets a request finish on a server that the new file does not name', async () => {
    const port = await freePort()
    const old = await startHeldServer()
    const young = await startHttpServer({ name: 'young' })
    const daemon = await startDaemon({ config: configOf(port, [old]) })
    const socket = await openSocket(port)
    socket.write(GET)
    await until('the request to arrive', () => old.requests[0])

    await daemon.reload(configOf(port, [young]))
    expect((await httpClient(port)('/')).body.toString()).toBe('young')
    old.letGo()
    const { text } = await readUntil(socket, (got) => got.includes('at last'))
    expect(text).toMatch(/^HTTP\/1\.1 200 /)
  })

  it.each([
    ['that is no YAML', 'frontends: {web: ['],
    ['with an unknown key', 'frontends: {web: {bind: "127.0.0.1:1", defualt_backend: app}}\n'],
    ['with a dangling reference', 'frontends: {web: {bind: "127.0.0.1:1", default_backend: no}}\n'],
  ])('on a file %s keeps the old config, and says where the fault is', async (_, broken) => {
    const port = await freePort()
    const daemon = await startDaemon({
      config: configOf(port, [await startHttpServer({ name: 's1' })]),
    })
    const from = daemon.log.length
    expect((await daemon.reload(broken)).event).toBe('config-rejected')
    expect(JSON.stringify(daemon.log.slice(from))).toMatch(/sluice\.yaml:1:\d+/)
    expect((await httpClient(port)('/')).body.toString()).toBe('s1')
  })

  it('on a file whose address is taken keeps the old config', async () => {
    const port = await freePort()
    const server = await startHttpServer({ name: 's1' })
    const daemon = await startDaemon({ config: configOf(port, [server]) })
    const entry = await daemon.reload(configOf(server.port, [server]))
    expect(entry.event).toBe('config-rejected')
    expect((await httpClient(port)('/')).body.toString()).toBe('s1')
  })

  it('leaves a file that it has brought in without a difference to tell of', async () => {
    const port = await freePort()
    const server = await startHttpServer({ name: 's1' })
    const daemon = await startDaemon({ config: configOf(port, [server]) })
    for (const graceMs of [1000, 2000]) {
      const changed = configOf(port, [{ ...server, name: `s${graceMs}` }], { grace: graceMs })
      expect((await daemon.reload(changed)).event).toBe('config-reloaded')
      // What was agreed on is compared with the file at every tick of the node.
      await sleep(500)
    }
    const { stdout } = await runSluice('cluster', 'status', '--json', '--admin', daemon.admin)
    expect((JSON.parse(stdout) as { nodes: unknown[] }).nodes).toMatchObject([{ note: '' }])
    expect(daemon.log.filter(({ event }) => event === 'config-file-differs')).toEqual([])
  })
})

describe('SIGTERM', () => {
  it('ends an idle daemon with code 0', async () => {
    const port = await freePort()
    const daemon = await startDaemon({ config: configOf(port, [await startHttpServer()]) })
    expect(await daemon.stop()).toBe(0)
    expect(daemon.log.map(({ event }) => event)).toEqual(
      expect.arrayContaining(['started', 'listening', 'draining', 'stopped']),
    )
  })

  it('lets a request finish, takes no new connection, and ends with code 0', async () => {
    const port = await freePort()
    const server = await startHeldServer()
    const daemon = await startDaemon({ config: configOf(port, [server]) })
    const socket = await openSocket(port)
    socket.write(GET)
    await until('the request to arrive', () => server.requests[0])

    const stopped = daemon.stop()
    await daemon.event('draining')
    await until('the address to be released', async () => {
      return (await isListening(port)) ? undefined : true
    })
    server.letGo()
    const { text, ending } = await readUntil(socket)
    expect(text).toMatch(/^HTTP\/1\.1 200 .*at last$/s)
    expect(text).toMatch(/^connection: close\r$/im)
    expect(ending).toBe('ended')
    expect(await stopped).toBe(0)
  })

  it('is not ready any more while it drains', async () => {
    const server = await startHeldServer()
    const port = await freePort()
    const daemon = await startDaemon({ config: configOf(port, [server]) })
    const answer = rawExchange(port, GET)
    await until('the request to arrive', () => server.requests[0])
    const stopped = daemon.stop()
    await daemon.event('draining')
    await until('/readyz to answer 503', async () => {
      const { status } = await fetch(`${daemon.adminUrl}/readyz`)
      return status === 503 ? true : undefined
    })
    server.letGo()
    expect((await answer).text).toContain('at last')
    expect(await stopped).toBe(0)
  })

  it('cuts what is left when the grace is over', async () => {
    const port = await freePort()
    const server = await startHeldServer()
    const daemon = await startDaemon({ config: configOf(port, [server], { grace: '500ms' }) })
    const answer = rawExchange(port, GET)
    await until('the request to arrive', () => server.requests[0])
    await daemon.stop()
    expect((await answer).text).not.toContain('200')
  })

  it('is not held up by a client that never closes its side', async () => {
    const port = await freePort()
    const server = await startHttpServer()
    const daemon = await startDaemon({ config: configOf(port, [server], { grace: '10s' }) })
    const socket = await openSocket(port, true)
    socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    await readUntil(socket)
    expect(await daemon.stop()).toBe(0)
    expect(daemon.log.map(({ event }) => event)).not.toContain('grace-exceeded')
  })

  it('loses no request of clients that are busy', async () => {
    const port = await freePort()
    const server = await startHttpServer({ delayMs: 2 })
    const daemon = await startDaemon({ config: configOf(port, [server]) })
    const clients = Array.from({ length: 32 }, () => askUntilClosed(port))
    await untilMoreRequests(daemon, 500)
    expect(await daemon.stop()).toBe(0)
    const results = await Promise.all(clients)
    expect(results.filter(({ lost }) => lost)).toEqual([])
    expect(results.reduce((sum, { answered }) => sum + answered, 0)).toBe(server.requests.length)
  })
})

/** Asks over one connection, without a pause, until a response says that it was the last. */
async function askUntilClosed(port: number): Promise<{ answered: number; lost: boolean }> {
  const socket = await openSocket(port)
  for (let answered = 0; ; answered++) {
    socket.write(GET)
    const { text } = await readUntil(socket, (got) => got.endsWith('\r\n\r\nserver'))
    if (!text.endsWith('\r\n\r\nserver')) return { answered, lost: true }
    if (/^connection: close\r$/im.test(text)) return { answered: answered + 1, lost: false }
  }
}

describe('reloads under load', () => {
  beforeEach(requires('wrk'))

  it.each([
    ['keep-alive connections', []],
    ['a connection per request', ['Connection: close']],
  ])('lose nothing on %s', async (_, headers) => {
    const port = await freePort()
    const servers = await Promise.all(['s1', 's2', 's3'].map((name) => startServerProcess(name)))
    const [one, two, three] = servers as [ServerProcess, ServerProcess, ServerProcess]
    const all = [one, two, three]
    const daemon = await startDaemon({ config: configOf(port, all) })
    const url = `http://127.0.0.1:${port}/`
    const { errors } = await underLoad(daemon, { url, connections: 32, headers }, async () => {
      for (const set of [all, [one, two], [two, three], [three], all, all]) {
        expect((await daemon.reload(configOf(port, set))).event).toBe('config-reloaded')
        await untilMoreRequests(daemon, 100)
      }
    })
    expect(errorCount(errors)).toBe(0)
  })
})
