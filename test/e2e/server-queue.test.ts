import { beforeEach, describe, expect, it } from 'vitest'
import { ADMIN_HEADERS, type Daemon, startDaemon } from './support/daemon.ts'
import { startHaproxy } from './support/haproxy.ts'
import { type HttpServer, startHttpServer } from './support/http-server.ts'
import { freePort } from './support/ports.ts'
import { rawExchange } from './support/raw-client.ts'
import { requires } from './support/requirements.ts'
import { startTcpServer } from './support/tcp-server.ts'
import { until } from './support/waiting.ts'

/** A server that answers each request when it is let. */
async function startGatedServer(name: string) {
  const gates: (() => void)[] = []
  const server = await startHttpServer({
    answer: async (_, response) => {
      await new Promise<void>((resolve) => gates.push(resolve))
      response.end(name)
    },
  })
  return { server, gates }
}

/** Asks as a client that belongs to a server by its cookie: `200 s1`, `503`. */
async function ask(port: number, cookie: string): Promise<string> {
  const request = `GET / HTTP/1.1\r\nHost: a\r\nCookie: SRV=${cookie}\r\nConnection: close\r\n\r\n`
  const { text } = await rawExchange(port, request)
  const status = text.slice(9, 12)
  return status === '200' ? `200 ${text.slice(text.lastIndexOf('\n') + 1)}` : status
}

/** A proxy before servers s1 (one session, one more in its line) and s2. */
interface Proxy {
  readonly port: number
  /** Where its statistics are. */
  readonly csv: string
}

async function cellOf({ csv }: Proxy, server: string, column: string): Promise<string> {
  const text = await (await fetch(csv, { headers: ADMIN_HEADERS })).text()
  const [names = [], ...lines] = text
    .trimEnd()
    .split('\n')
    .map((line) => line.split(','))
  return lines.find((cells) => cells[1] === server)?.[names.indexOf(column)] ?? ''
}

const addressesOf = (servers: readonly HttpServer[]): readonly string[] =>
  servers.map(({ address }) => address)

async function startSluice(
  servers: readonly HttpServer[],
  redispatch: boolean,
): Promise<Proxy & { readonly daemon: Daemon }> {
  const port = await freePort()
  const [s1, s2] = addressesOf(servers)
  const daemon = await startDaemon({
    config: {
      global: { nbthread: 2 },
      defaults: { mode: 'http', timeout: { queue: '20s' }, option: { redispatch } },
      frontends: { web: { bind: `127.0.0.1:${port}`, default_backend: 'app' } },
      backends: {
        app: {
          cookie: 'SRV insert indirect',
          servers: {
            s1: { address: s1, cookie: 'c1', maxconn: 1, maxqueue: 1 },
            s2: { address: s2, cookie: 'c2' },
          },
        },
      },
    },
  })
  return { port, csv: `${daemon.adminUrl}/stats;csv`, daemon }
}

async function startTheirs(servers: readonly HttpServer[], redispatch: boolean): Promise<Proxy> {
  const [port, statsPort] = [await freePort(), await freePort()]
  const [s1, s2] = addressesOf(servers)
  await startHaproxy(
    `defaults
  mode http
  timeout client 20s
  timeout server 20s
  timeout connect 5s
  timeout queue 20s
  ${redispatch ? '' : 'no '}option redispatch
frontend web
  bind 127.0.0.1:${port}
  default_backend app
backend app
  cookie SRV insert indirect
  server s1 ${s1} cookie c1 maxconn 1 maxqueue 1
  server s2 ${s2} cookie c2
listen stats
  bind 127.0.0.1:${statsPort}
  stats enable
  stats uri /stats`,
    port,
  )
  return { port, csv: `http://127.0.0.1:${statsPort}/stats;csv` }
}

/** Three clients that belong to s1 come one after the other; then s1 answers who got there. */
async function runThrough(
  start: (servers: readonly HttpServer[], redispatch: boolean) => Promise<Proxy>,
  redispatch: boolean,
) {
  const [s1, s2] = await Promise.all(['s1', 's2'].map(startGatedServer))
  const proxy = await start([s1!.server, s2!.server], redispatch)
  const first = ask(proxy.port, 'c1')
  await until('the first at s1', () => s1?.gates[0])
  const second = ask(proxy.port, 'c1')
  await until('the second in line', async () =>
    (await cellOf(proxy, 's1', 'qcur')) === '1' ? true : undefined,
  )
  const third = ask(proxy.port, 'c1')
  if (redispatch) (await until('the third at s2', () => s2?.gates[0]))()
  const answers = [await third]
  s1?.gates[0]?.()
  answers.unshift(await first)
  ;(await until('the second at s1', () => s1?.gates[1]))()
  answers.splice(1, 0, await second)
  const columns = await Promise.all(
    ['qcur', 'qmax', 'qlimit'].map((column) => cellOf(proxy, 's1', column)),
  )
  return { proxy, answers, columns }
}

describe.each([
  { redispatch: true, expected: ['200 s1', '200 s1', '200 s2'] },
  { redispatch: false, expected: ['200 s1', '200 s1', '503'] },
])('clients that belong to a full server, with redispatch $redispatch', (scene) => {
  it('wait for it, as many as maxqueue says', async () => {
    const { proxy, answers, columns } = await runThrough(startSluice, scene.redispatch)
    expect(answers).toEqual(scene.expected)
    expect(columns).toEqual(['0', '1', '1'])
    const { daemon } = proxy as Proxy & { readonly daemon: Daemon }
    await until('three lines', () => (daemon.accessLog.length === 3 ? true : undefined))
    const refused = daemon.accessLog.filter((line) => / app\/\S+ .* 503 .* SQ/.test(line))
    expect(refused).toHaveLength(scene.redispatch ? 0 : 1)
  })

  describe('beside a real HAProxy', () => {
    beforeEach(requires('haproxy'))

    it('wait as they do there', async () => {
      const { answers, columns } = await runThrough(startTheirs, scene.redispatch)
      expect(answers).toEqual(scene.expected)
      expect(columns).toEqual(['0', '1', '1'])
    })
  })
})

it('a server has as many sessions as its agent says', async () => {
  const { server, gates } = await startGatedServer('s1')
  let said = 'maxconn:2'
  const agent = await startTcpServer((socket) => {
    socket.end(`${said}\n`)
  })
  const port = await freePort()
  const daemon = await startDaemon({
    config: {
      global: { nbthread: 2, log: { access: 'off' } },
      defaults: { mode: 'http', timeout: { queue: '20s' } },
      frontends: { web: { bind: `127.0.0.1:${port}`, default_backend: 'app' } },
      backends: {
        app: {
          servers: {
            s1: {
              'address': server.address,
              'agent-check': true,
              'agent-port': agent.port,
              'agent-inter': '50ms',
            },
          },
        },
      },
    },
  })
  const proxy = { port, csv: `${daemon.adminUrl}/stats;csv` }
  const limit = async (sessions: string): Promise<unknown> =>
    until(`a limit of ${sessions}`, async () =>
      (await cellOf(proxy, 's1', 'slim')) === sessions ? true : undefined,
    )
  await limit('2')
  const answers = Array.from({ length: 4 }, () => ask(port, ''))
  await until('two to wait', async () =>
    (await cellOf(proxy, 'BACKEND', 'qcur')) === '2' ? true : undefined,
  )
  await until('the other two to be served', () => (gates.length >= 2 ? true : undefined))
  expect(gates).toHaveLength(2)
  said = 'maxconn:3'
  await until('a third session', () => gates[2])
  await limit('3')
  expect(await cellOf(proxy, 'BACKEND', 'qcur')).toBe('1')
  for (const gate of gates) gate()
  ;(await until('the last', () => gates[3]))()
  expect(await Promise.all(answers)).toEqual(new Array(4).fill('200 s1'))
})
