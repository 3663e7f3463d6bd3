import { once } from 'node:events'
import { connect } from 'node:net'
import { afterEach, describe, expect, it, onTestFinished } from 'vitest'
import { ACCESS, METHODS } from '../../../src/admin/access.ts'
import { ADMIN_CONNECTIONS_MAX } from '../../../src/admin/admin-listener.ts'
import type { AdminServer, AdminServerOptions } from '../../../src/admin/server.ts'
import { AdminTokens } from '../../../src/admin/tokens.ts'
import type { InetAddress } from '../../../src/base/address.ts'
import { SluiceError } from '../../../src/base/errors.ts'
import { ADMIN_LEVELS, reachesLevel } from '../../../src/model/admin-level.ts'
import { FakeCluster } from '../operations/fake-cluster.ts'
import { SERVERS, sourceOf } from '../operations/fake-source.ts'
import { recordingLog } from './admin-fixture.ts'
import {
  ADMIN_TOKENS,
  adminServer,
  ask,
  change,
  fetchAdmin,
  NO_TOKENS,
  startForCommands,
  TOKEN,
} from './raw-admin.ts'

const LOOPBACK: InetAddress = { kind: 'inet', host: '127.0.0.1', port: 0 }
const EVERYWHERE: InetAddress = { kind: 'inet', host: '0.0.0.0', port: 0 }

/** Of the thread, as by work on a very large config on a busy machine. */
const HELD_MS = 3_500

const running: AdminServer[] = []

afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.close()))
})

/** Starts a server and gives back its port on the loopback address. */
async function start(changes: Partial<AdminServerOptions> = {}): Promise<number> {
  const server = adminServer(changes)
  running.push(server)
  const address = await server.listen()
  return address.port
}

/** Sends bytes as they are and gives back all that comes. */
function exchange(port: number, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = ''
    connect(port, '127.0.0.1')
      .on('data', (data) => {
        answer += data.toString()
      })
      .on('close', () => resolve(answer))
      .on('error', reject)
      .end(bytes)
  })
}

describe('the paths', () => {
  it('/healthz says ok', async () => {
    const port = await start()
    const response = await fetch(`http://127.0.0.1:${port}/healthz`)
    expect([response.status, await response.text()]).toEqual([200, 'ok\n'])
  })

  it.each([
    [true, [], 200],
    [false, ['starting'], 503],
    [false, ['draining'], 503],
  ])('/readyz tells %s %j with %i', async (ready, reasons, status) => {
    const port = await start({ source: sourceOf({ ready: () => ({ ready, reasons }) }) })
    const response = await fetch(`http://127.0.0.1:${port}/readyz`)
    expect(response.status).toBe(status)
    expect(await response.json()).toEqual({ ready, reasons })
  })

  it.each([
    ['', false, 503],
    ['?traffic', true, 200],
    ['?traffic=true', true, 200],
    ['?traffic=false', false, 503],
  ])('/readyz%s asks for the traffic alone: %s', async (query, isTrafficAlone, status) => {
    const source = sourceOf({
      ready: (isAsked) => ({ ready: isAsked, reasons: isAsked ? [] : ['no quorum'] }),
    })
    const port = await start({ source })
    const response = await fetch(`http://127.0.0.1:${port}/readyz${query}`)
    expect(response.status).toBe(status)
    expect(await response.json()).toMatchObject({ ready: isTrafficAlone })
  })

  it('/metrics is Prometheus text, under the prefix asked for', async () => {
    const port = await start()
    const response = await fetchAdmin(port, '/metrics')
    expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/)
    expect(await response.text()).toContain('sluice_up')
    const renamed = await fetchAdmin(port, '/metrics?a=b&prefix=haproxy')
    expect(await renamed.text()).toContain('haproxy_up')
  })

  it('/api/v1/info and /api/v1/servers are JSON that is not cached', async () => {
    const port = await start()
    const info = await fetchAdmin(port, '/api/v1/info')
    expect(info.headers.get('content-type')).toBe('application/json')
    expect(info.headers.get('cache-control')).toBe('no-store')
    expect(await info.json()).toEqual(sourceOf().info())
    const servers = await fetchAdmin(port, '/api/v1/servers')
    expect(await servers.json()).toEqual(SERVERS)
  })

  it('answer HEAD without a body', async () => {
    const port = await start()
    const answer = await exchange(port, 'HEAD /healthz HTTP/1.1\r\nHost: a\r\n\r\n')
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
    expect(answer.endsWith('\r\n\r\n')).toBe(true)
  })
})

describe('what is refused', () => {
  it.each([
    ['GET', '/', 404, 'not-found'],
    ['GET', '/api/v1/server', 404, 'not-found'],
    ['GET', '/metrics/', 404, 'not-found'],
    ['GET', '/metrics?prefix=nginx', 400, 'request-invalid'],
    ['POST', '/api/v1/servers', 405, 'method-not-allowed'],
    ['DELETE', '/healthz', 405, 'method-not-allowed'],
    ['POST', '/nothing', 404, 'not-found'],
  ])('%s %s with %i %s', async (method, path, status, code) => {
    const port = await start()
    const response = await fetchAdmin(port, path, {
      method,
      headers: { authorization: `Bearer ${TOKEN}` },
    })
    expect(response.status).toBe(status)
    expect(await response.json()).toEqual({
      code,
      message: expect.any(String),
      hint: expect.any(String),
    })
    expect(response.headers.get('allow')).toBe(status === 405 ? 'GET, HEAD' : null)
  })

  it.each([
    ['Content-Length: 5', 'hello'],
    ['Transfer-Encoding: chunked', '5\r\nhello\r\n0\r\n\r\n'],
  ])('a body (%s), and the connection ends', async (header, body) => {
    const port = await start()
    const head = `GET /healthz HTTP/1.1\r\nHost: a\r\n${header}\r\n\r\n`
    const answer = await exchange(port, head + body)
    expect(answer).toMatch(/^HTTP\/1\.1 400 /)
    expect(answer).toContain('request-invalid')
    expect(answer.match(/HTTP\/1\.1/g)).toHaveLength(1)
  })

  it.each([
    [
      'a head that is too large',
      `GET / HTTP/1.1\r\nHost: a\r\nA: ${'x'.repeat(20_000)}\r\n\r\n`,
      431,
    ],
    ['what is no HTTP', 'hello\r\n\r\n', 400],
    ['HTTP/1.1 without a host', 'GET /healthz HTTP/1.1\r\n\r\n', 400],
  ])('%s', async (_, bytes, status) => {
    const port = await start()
    expect(await exchange(port, bytes)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
  })

  it('a source that fails, without telling why, and logs it', async () => {
    const events: string[] = []
    const failing = sourceOf({ metrics: () => Promise.reject(new TypeError('secret detail')) })
    const port = await start({ source: failing, log: recordingLog(events) })
    const response = await fetchAdmin(port, '/metrics')
    expect(response.status).toBe(500)
    const body = await response.text()
    expect(body).not.toContain('secret detail')
    expect(JSON.parse(body)).toMatchObject({ code: 'invariant-broken' })
    expect(events).toEqual(['admin-request-failed'])
    expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200)
  })

  it('nobody whose request lay unread while this thread was held', async () => {
    const port = await start()
    const answered = ask(port, { path: '/healthz', headers: ['Host: localhost'] })
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    // The server has accepted it before it is held.
    expect((await answered).status).toBe(200)
    socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
    const heldUntil = performance.now() + HELD_MS
    while (performance.now() < heldUntil);
    const [data] = await once(socket, 'data')
    expect(String(data)).toMatch(/^HTTP\/1\.1 200 /)
  })

  it('nobody for connections that say nothing, or nearly nothing', async () => {
    const port = await start()
    const silent = Array.from({ length: 3 * ADMIN_CONNECTIONS_MAX }, (_, n) => {
      const socket = connect(port, '127.0.0.1').on('error', () => {})
      if (n % 2 === 0) socket.write('GET /he')
      return socket
    })
    onTestFinished(() => {
      for (const socket of silent) socket.destroy()
    })
    await Promise.all(silent.map((socket) => once(socket, 'connect')))
    expect((await fetchAdmin(port, '/healthz')).status).toBe(200)
    expect((await fetchAdmin(port, '/api/v1/servers')).status).toBe(200)
  })
})

describe('the token', () => {
  it.each([
    ['127.0.0.1', false],
    ['127.8.9.10', false],
    ['::1', false],
    ['localhost', false],
    ['0.0.0.0', true],
    ['::', true],
    ['10.0.0.1', true],
    ['2001:db8::1', true],
    ['::ffff:10.0.0.1', true],
    ['lb1.example', true],
    ['128.0.0.1', true],
  ])('is needed for %s: %s', (host, needed) => {
    const bind: InetAddress = { kind: 'inet', host, port: 8404 }
    const make = (tokens: AdminTokens) => (): AdminServer => adminServer({ bind, tokens })
    expect(make(ADMIN_TOKENS)).not.toThrow()
    if (needed) {
      expect(make(NO_TOKENS)).toThrowError(expect.objectContaining({ code: 'admin-unguarded' }))
    } else expect(make(NO_TOKENS)).not.toThrow()
  })

  it('opens what is closed without it, when others can connect', async () => {
    const port = await start({ bind: EVERYWHERE })
    const statusOf = async (path: string, authorization?: string): Promise<number> => {
      const headers: Record<string, string> = authorization === undefined ? {} : { authorization }
      return (await fetch(`http://127.0.0.1:${port}${path}`, { headers })).status
    }
    for (const path of ['/metrics', '/api/v1/info', '/api/v1/servers']) {
      expect(await statusOf(path)).toBe(401)
      expect(await statusOf(path, `Bearer ${TOKEN}x`)).toBe(401)
      expect(await statusOf(path, `Bearer ${TOKEN.slice(1)}`)).toBe(401)
      expect(await statusOf(path, 'Bearer ')).toBe(401)
      expect(await statusOf(path, `Basic ${TOKEN}`)).toBe(401)
      expect(await statusOf(path, TOKEN)).toBe(401)
      expect(await statusOf(path, `Bearer ${TOKEN}`)).toBe(200)
      expect(await statusOf(path, `bearer  ${TOKEN}`)).toBe(200)
    }
    expect(await statusOf('/healthz')).toBe(200)
    expect(await statusOf('/readyz')).toBe(200)
  })

  it('hides which paths exist', async () => {
    const port = await start({ bind: EVERYWHERE })
    const response = await fetch(`http://127.0.0.1:${port}/nothing`)
    expect(response.status).toBe(401)
    expect(response.headers.get('www-authenticate')).toBe('Bearer')
    expect(await response.json()).toMatchObject({ code: 'unauthorized' })
  })
})

describe('without a token, a loopback address', () => {
  const host = 'Host: localhost'

  it.each(['/healthz', '/readyz', '/metrics'])('has %s', async (path) => {
    const port = await start({ tokens: NO_TOKENS })
    expect((await ask(port, { path, headers: [host], hasToken: false })).status).toBe(200)
  })

  it('has nothing else, whatever is brought, and says what to do', async () => {
    const cluster = new FakeCluster()
    const port = await start({ tokens: NO_TOKENS, cluster })
    for (const hasToken of [false, true]) {
      for (const name of Object.keys(ACCESS).concat('/', '/nothing', '/api/v1/nothing')) {
        if (['/healthz', '/readyz', '/metrics'].includes(name)) continue
        const path = name.replaceAll(/\{\w+\}/g, '1')
        for (const method of METHODS) {
          const asked = { ...change([host], '{}', path, method), hasToken }
          const { status, text } = await ask(port, asked)
          expect([method, path, status]).toEqual([method, path, 403])
          expect(text).toContain('"code":"token-unset"')
          expect(text).toMatch(/admin socket.*admin\.token-file/)
        }
      }
    }
    expect(cluster.calls).toEqual([])
  })
})

describe('the tokens of each level', () => {
  const tokens = new AdminTokens([
    { name: null, level: 'admin', token: TOKEN },
    ...ADMIN_LEVELS.map((level) => ({ name: `our-${level}`, level, token: `${level}-token` })),
  ])

  it('open what the table says, and no more', async () => {
    const port = await start({ tokens })
    for (const [name, byMethod] of Object.entries(ACCESS)) {
      for (const [method, access] of Object.entries(byMethod)) {
        for (const level of ADMIN_LEVELS) {
          const headers = ['Host: localhost', `Authorization: Bearer ${level}-token`]
          const path = name.replaceAll(/\{\w+\}/g, '1')
          const asked =
            method === 'GET' ? { path, headers } : change(headers, '{"a":0}', path, method)
          const { status } = await ask(port, asked)
          const isFree = access === 'open' || access === 'scrape'
          const mayAsk = isFree || reachesLevel(level, access)
          expect([level, method, path, status === 403]).toEqual([level, method, path, !mayAsk])
        }
      }
    }
  })

  it('lead a server to a Unix socket only from level admin on', async () => {
    const cluster = new FakeCluster()
    const port = await start({ tokens, cluster })
    const asked = async (level: string, address: string, method: 'POST' | 'PATCH') => {
      const headers = ['Host: localhost', `Authorization: Bearer ${level}-token`]
      const isNew = method === 'POST'
      const body = JSON.stringify({ address, ...(isNew && { name: 's9' }) })
      const path = `/api/v1/servers/app${isNew ? '' : '/s1'}`
      return (await ask(port, change(headers, body, path, method))).status
    }
    for (const method of ['POST', 'PATCH'] as const) {
      for (const address of ['/run/engine.sock', 'unix@/run/engine.sock']) {
        expect(await asked('operate', address, method)).toBe(403)
        expect(await asked('admin', address, method)).not.toBe(403)
      }
      expect(await asked('operate', '127.0.0.1:1', method)).not.toBe(403)
    }
  })

  it('say in the history and the log who has changed something, and never the token', async () => {
    const cluster = new FakeCluster()
    const lines: unknown[] = []
    const log = { ...recordingLog(), info: (...line: unknown[]) => void lines.push(line) }
    const port = await start({ tokens, cluster, log })
    const asked = (token: string, body: string) => {
      const headers = ['Host: localhost', `Authorization: Bearer ${token}`]
      return ask(port, change(headers, body, '/api/v1/config/rollback', 'POST'))
    }
    await asked('admin-token', '{}')
    await asked(TOKEN, '{}')
    expect(cluster.calls).toEqual([
      ['rollbackConfig', null, 'lb1, admin API as our-admin'],
      ['rollbackConfig', null, 'lb1, admin API'],
    ])
    expect((await asked('operate-token', '{}')).text).toMatch(
      /"level-too-low".*takes level admin, and the token our-operate has level operate/,
    )
    await asked('admin-token', '{"a":0}')
    const path = '/api/v1/config/rollback'
    const author = 'lb1, admin API as our-admin'
    expect(lines).toMatchObject([
      ['admin-change', expect.any(String), { method: 'POST', path, author, status: 200 }],
      ['admin-change', expect.any(String), { author: 'lb1, admin API', status: 200 }],
      // Of who may not, and is therefore told nothing, the log tells nothing either.
      ['admin-change', expect.any(String), { author, status: 422 }],
    ])
    expect(JSON.stringify(lines)).not.toContain('-token')
  })

  it('are told apart', () => {
    const same = { level: 'read', token: 'same' } as const
    const make = (): AdminTokens =>
      new AdminTokens([
        { name: 'one', ...same },
        { name: 'two', ...same },
      ])
    expect(make).toThrow(expect.objectContaining({ code: 'token-invalid' }))
    expect(make).toThrow(/one and two/)
  })
})

it('whoever may connect to the socket may do everything', async () => {
  const cluster = new FakeCluster()
  const [address = ''] = await startForCommands({ cluster, tokens: NO_TOKENS })
  const path = address.replace('unix:', '')
  const asked = change(['Host: any'], '{}', '/api/v1/config/rollback', 'POST')
  expect((await ask({ path }, { ...asked, hasToken: false })).status).toBe(200)
  expect(cluster.calls).toEqual([['rollbackConfig', null, 'lb1, admin socket']])
})

describe('listen', () => {
  it('refuses an address that is in use', async () => {
    const port = await start()
    const second = adminServer({ bind: { ...LOOPBACK, port } })
    await expect(second.listen()).rejects.toMatchObject({ code: 'address-in-use' })
  })

  it('refuses an address of another host', async () => {
    const bind: InetAddress = { kind: 'inet', host: '192.0.2.1', port: 0 }
    const elsewhere = adminServer({ bind })
    await expect(elsewhere.listen()).rejects.toBeInstanceOf(SluiceError)
    await expect(elsewhere.listen()).rejects.toMatchObject({ code: 'bind-failed' })
  })
})

describe('an answer in pieces', () => {
  it('arrives whole, however slowly it is read', async () => {
    const pieces = Array.from({ length: 200 }, (_, n) => `${n} ${'x'.repeat(50_000)}\n`)
    const port = await start({ source: sourceOf({ metrics: async () => pieces }) })
    const response = await fetchAdmin(port, '/metrics')
    const parts: Uint8Array[] = []
    for await (const part of response.body as unknown as AsyncIterable<Uint8Array>) {
      if (parts.push(part) % 50 === 0) await new Promise(setImmediate)
    }
    expect(Buffer.concat(parts).toString()).toBe(pieces.join(''))
  })

  it('is given up with its client, and others are answered', async () => {
    const pieces = Array.from({ length: 200 }, () => 'x'.repeat(100_000))
    const port = await start({ source: sourceOf({ metrics: async () => pieces }) })
    for (let n = 0; n < 3; n++) {
      const given = new AbortController()
      const response = await fetchAdmin(port, '/metrics', { signal: given.signal })
      given.abort()
      await expect(response.text()).rejects.toThrow()
    }
    expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200)
  })

  it('is a list of many in JSON', async () => {
    const [server] = SERVERS.servers
    const servers = Array.from({ length: 1_234 }, (_, n) => ({ ...server, server: `s${n}` }))
    const source = sourceOf({ servers: async () => ({ servers }) as typeof SERVERS })
    const port = await start({ source })
    const answer = await fetchAdmin(port, '/api/v1/servers')
    expect(await answer.json()).toEqual({ servers })
  })
})

describe('close', () => {
  it('ends idle connections, and waits for an answer that is on its way', async () => {
    let release: (pieces: readonly string[]) => void = () => {}
    const asked = new Promise<void>((resolve) => {
      const slow = sourceOf({
        metrics: () => {
          resolve()
          return new Promise((fulfil) => {
            release = fulfil
          })
        },
      })
      running.push(adminServer({ source: slow }))
    })
    const server = running[0] as AdminServer
    const address = await server.listen()
    const { port } = address
    const idle = connect(port, '127.0.0.1')
    const idleClosed = new Promise<void>((resolve) => idle.once('close', () => resolve()))
    idle.write('GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n')
    await new Promise<void>((resolve) => idle.once('data', () => resolve()))

    const answer = fetchAdmin(port, '/metrics').then((response) => response.text())
    await asked
    const closed = server.close()
    await idleClosed
    release(['done\n'])
    expect(await answer).toBe('done\n')
    await closed
    await expect(fetch(`http://127.0.0.1:${port}/healthz`)).rejects.toThrow()
  })

  it('does not wait for ever', async () => {
    let stuck: AdminServer | null = null
    const asked = new Promise<void>((resolve) => {
      const metrics = (): Promise<readonly string[]> => {
        resolve()
        return new Promise(() => {})
      }
      stuck = adminServer({ source: sourceOf({ metrics }) })
    })
    const server = stuck as unknown as AdminServer
    const address = await server.listen()
    const { port } = address
    const failed = expect(fetchAdmin(port, '/metrics')).rejects.toThrow()
    await asked
    await server.close()
    await failed
  })

  it('may be called before listen, and twice', async () => {
    const server = adminServer()
    await server.close()
    await server.listen()
    await server.close()
    await server.close()
  })
})
