import { describe, expect, it } from 'vitest'
import { SERVER_STATE } from '../../../src/memory/server-table.ts'
import type { HttpReuse } from '../../../src/model/config.ts'
import { inetEndpoint } from '../../../src/net/conn.ts'
import type { FakeConn } from './fake-network.ts'
import { SERVER, start } from './session-lab.ts'

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
const POST = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi'
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
const PROXY_LINE = 'PROXY TCP4 192.0.2.1 192.0.2.2 50000 80\r\n'

type Lab = ReturnType<typeof start>

/** Sends a request; returns the connection that it went to, opened if it is a new one. */
function ask({ engine, connectServer }: Lab, client: FakeConn, request = GET): FakeConn {
  const before = engine.opened.map(({ written }) => written.length)
  client.receive(request)
  const used = engine.opened.find(({ written }, n) => written.length > (before[n] ?? 0))
  const isNew = engine.opened.length > before.length
  return isNew ? connectServer() : (used as FakeConn)
}

/** A whole exchange; returns the connection that served it. */
function exchange(lab: Lab, client: FakeConn, request = GET): FakeConn {
  const server = ask(lab, client, request)
  server.receive(OK)
  return server
}

/** Which connections, by their number, serve requests of clients that come in this order. */
function connectionsFor(lab: Lab, clients: string): number[] {
  const known = new Map([['A', lab.client]])
  return [...clients].map((name) => {
    const client = known.get(name) ?? lab.connectClient()
    known.set(name, client)
    return lab.engine.opened.indexOf(exchange(lab, client))
  })
}

/** A lab whose pool holds idle connections, the last one newest. */
function withIdle(count: number, ...options: Parameters<typeof start>) {
  const lab = start(...options)
  const clients = [lab.client, ...Array.from({ length: count - 1 }, () => lab.connectClient())]
  const idle = clients.map((client) => ask(lab, client))
  for (const server of idle) server.receive(OK)
  return { lab, idle, client: lab.client }
}

function leave(client: FakeConn): void {
  client.handler.onClose(client, null)
}

describe('http-reuse', () => {
  it.each<[HttpReuse, string, number[]]>([
    ['never', 'AABB', [0, 0, 1, 1]],
    ['never', 'ABAB', [0, 1, 0, 1]],
    ['safe', 'AABB', [0, 0, 1, 0]],
    ['safe', 'ABAB', [0, 1, 1, 1]],
    ['safe', 'ABC', [0, 1, 2]],
    ['aggressive', 'AABB', [0, 0, 0, 0]],
    ['aggressive', 'ABAB', [0, 1, 1, 1]],
    ['aggressive', 'ABACD', [0, 1, 1, 1, 1]],
    ['always', 'AABB', [0, 0, 0, 0]],
    ['always', 'ABCABC', [0, 0, 0, 0, 0, 0]],
  ])('%s sends requests of clients %s on connections %j', (httpReuse, clients, connections) => {
    const lab = start({}, { backend: { httpReuse } })
    expect(connectionsFor(lab, clients)).toEqual(connections)
    const reuses = clients.length - new Set(connections).size
    expect(lab.counted('connectionReuses', SERVER)).toBe(reuses)
    expect(lab.counted('connectionAttempts', SERVER)).toBe(clients.length - reuses)
    expect(lab.counted('idleConnections', SERVER)).toBe(new Set(connections).size)
    expect(lab.places()).toEqual([0, 0])
  })

  it.each<HttpReuse>(['never', 'safe', 'aggressive', 'always'])(
    '%s opens a connection where all are in use',
    (httpReuse) => {
      const lab = start({}, { backend: { httpReuse } })
      const servers = [lab.client, lab.connectClient()].map((client) => ask(lab, client))
      expect(servers[0]).not.toBe(servers[1])
      expect(lab.places()).toEqual([2, 2])
      for (const server of servers) server.receive(OK)
      expect(lab.places()).toEqual([0, 0])
    },
  )

  it('does not use a connection that its server has closed or written on', () => {
    const { lab, idle, client } = withIdle(2)
    const [older, newer] = idle as [FakeConn, FakeConn]
    newer.handler.onEnd(newer)
    older.receive('HTTP/1.1 408 Request Timeout\r\n\r\n')
    expect([older.destroyed, newer.destroyed]).toEqual([true, true])
    expect(idle).not.toContain(exchange(lab, client))
    expect(client.written).toBe(OK + OK)
  })

  it.each([
    ['says that it closes', `HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`],
    ['sends more than was asked for', `${OK}more`],
  ])('does not keep a connection whose server %s', (_, response) => {
    const lab = start()
    const server = ask(lab, lab.client)
    server.receive(response)
    expect(server.destroyed).toBe(true)
    expect(lab.counted('idleConnections', SERVER)).toBe(0)
    expect(lab.places()).toEqual([0, 0])
  })

  it('does not keep a connection whose server answers before the request is complete', () => {
    const lab = start()
    const server = ask(lab, lab.client, POST.slice(0, -1))
    server.receive(OK)
    expect(server.destroyed).toBe(true)
    expect(lab.client.ended).toBe(true)
  })

  it('keeps no more connections than pool-max-conn', () => {
    const { lab, idle } = withIdle(6)
    expect(idle.map(({ destroyed }) => destroyed)).toEqual([true, true, false, false, false, false])
    expect(lab.counted('idleConnections', SERVER)).toBe(4)
  })
})

describe('an idle connection that is closed without a word', () => {
  it('is replaced by a new one, though others rest', () => {
    const { lab, idle, client } = withIdle(2)
    const [older, newer] = idle as [FakeConn, FakeConn]
    expect(ask(lab, client)).toBe(newer)
    newer.handler.onClose(newer, 'reset')
    expect(lab.engine.opened).toHaveLength(3)
    const fresh = lab.connectServer()
    expect([fresh.written, older.written]).toEqual([GET, GET])
    fresh.receive(OK)
    expect(client.written).toBe(OK + OK)
    expect(lab.counted('retries')).toBe(1)
    expect(lab.places()).toEqual([0, 0])
  })

  it.each<[string, string, number, string]>([
    ['the request may not be done twice', POST, 3, ''],
    ['nothing is tried again', GET, 0, ''],
    ['the answer had begun', GET, 3, 'HTTP/1.1 2'],
    ['the client has seen something', GET, 3, 'HTTP/1.1 103 Early Hints\r\n\r\n'],
  ])('is an error where %s', (_, request, retries, begun) => {
    const { lab, idle, client } = withIdle(1, {}, { backend: { retries } })
    const [stale] = idle as [FakeConn]
    expect(ask(lab, client, request)).toBe(stale)
    if (begun !== '') stale.receive(begun)
    stale.handler.onEnd(stale)
    expect(lab.engine.opened).toHaveLength(1)
    expect(client.written).toMatch(/HTTP\/1\.1 502 /)
    expect(lab.places()).toEqual([0, 0])
  })
})

describe('an idle connection that the kernel knows to be closed', () => {
  it('is closed instead of being given a request that cannot be sent again', () => {
    const { lab, idle, client } = withIdle(3)
    const [first, second, third] = idle as [FakeConn, FakeConn, FakeConn]
    third.quiet = false
    second.quiet = false
    expect(exchange(lab, client, POST)).toBe(first)
    expect([second.destroyed, third.destroyed, first.destroyed]).toEqual([true, true, false])
    expect(lab.counted('idleConnections', SERVER)).toBe(1)
    first.quiet = false
    expect(idle).not.toContain(exchange(lab, client, POST))
    expect(first.destroyed).toBe(true)
    expect(client.written).toBe(OK + OK + OK)
  })

  it('is given one that can: the kernel is not asked', () => {
    const { lab, idle, client } = withIdle(1)
    const [stale] = idle as [FakeConn]
    stale.quiet = false
    expect(ask(lab, client)).toBe(stale)
  })

  const put = 'PUT / HTTP/1.1\r\nHost: a\r\n'
  it.each<[string, boolean, number, string]>([
    ['a PUT whose body is kept', false, 3, `${put}Content-Length: 2\r\n\r\n`],
    ['a PUT whose body is too large to be kept', true, 3, `${put}Content-Length: 99\r\n\r\n`],
    ['a PUT of unknown length', true, 3, `${put}Transfer-Encoding: chunked\r\n\r\n`],
    ['a POST without a body', true, 3, 'POST / HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a method that nobody knows', true, 3, 'BREW / HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a GET where nothing is tried again', true, 0, GET],
  ])('is asked for: %s, %s', (_, isAsked, retries, request) => {
    const { lab, idle, client } = withIdle(
      1,
      { httpRetryBodyBytesMax: 50 },
      { backend: { retries } },
    )
    const [stale] = idle as [FakeConn]
    stale.quiet = false
    expect(ask(lab, client, request) === stale).toBe(!isAsked)
    expect(stale.destroyed).toBe(isAsked)
  })

  it('is closed where it is the client’s own, too', () => {
    const { lab, idle, client } = withIdle(1, {}, { backend: { httpReuse: 'never' } })
    const [own] = idle as [FakeConn]
    own.quiet = false
    expect(exchange(lab, client, POST)).not.toBe(own)
    expect(own.destroyed).toBe(true)
    expect(lab.counted('idleConnections', SERVER)).toBe(1)
  })
})

describe('connections of one client alone', () => {
  it('are closed when it leaves; those that are shared stay', () => {
    for (const [httpReuse, isClosed] of [
      ['never', true],
      ['safe', false],
    ] as const) {
      const lab = start({}, { backend: { httpReuse } })
      const server = exchange(lab, lab.client)
      expect(server.destroyed).toBe(false)
      leave(lab.client)
      expect(server.destroyed).toBe(isClosed)
      expect(lab.counted('idleConnections', SERVER)).toBe(isClosed ? 0 : 1)
    }
  })

  it('are kept to five servers, and the oldest makes room', () => {
    const lab = start({}, { backend: { httpReuse: 'never' }, servers: 6 })
    const conns = Array.from({ length: 6 }, () => exchange(lab, lab.client))
    expect(new Set(conns.map(({ to }) => to)).size).toBe(6)
    const destroyed = (): boolean[] => conns.map((conn) => conn.destroyed)
    expect(destroyed()).toEqual([true, false, false, false, false, false])
    // The next goes to the first server again, and makes the second one's connection the oldest.
    expect(exchange(lab, lab.client).to).toBe(conns[0]?.to)
    expect(destroyed()).toEqual([true, true, false, false, false, false])
    leave(lab.client)
    expect(destroyed()).not.toContain(false)
    const idle = conns.map((_, n) => lab.counted('idleConnections', SERVER + n))
    expect(idle).toEqual([0, 0, 0, 0, 0, 0])
  })

  it('are replaced when their server has closed them', () => {
    const lab = start({}, { backend: { httpReuse: 'never' } })
    const own = exchange(lab, lab.client)
    own.handler.onEnd(own)
    expect(own.destroyed).toBe(true)
    expect(exchange(lab, lab.client)).not.toBe(own)
    expect(lab.client.written).toBe(OK + OK)
  })
})

describe('send-proxy', () => {
  it.each<HttpReuse>(['never', 'safe', 'aggressive', 'always'])(
    'keeps connections to their client with http-reuse %s',
    (httpReuse) => {
      const lab = start({}, { backend: { httpReuse }, server: { sendProxy: 1 } })
      expect(connectionsFor(lab, 'ABABAB')).toEqual([0, 1, 0, 1, 0, 1])
      leave(lab.client)
      expect(lab.engine.opened.map(({ destroyed }) => destroyed)).toEqual([true, false])
    },
  )

  it('names the client once, before the first request', () => {
    const lab = start({}, { server: { sendProxy: 1 } })
    lab.client.receive(GET)
    expect(lab.engine.opened[0]?.written).toBe(PROXY_LINE)
    const server = lab.connectServer()
    expect(server.written).toBe(PROXY_LINE + GET)
    server.receive(OK)
    exchange(lab, lab.client)
    expect(server.written).toBe(PROXY_LINE + GET + GET)
    const other = lab.connectClient()
    other.declareEndpoints(inetEndpoint('2001:db8::1', 7), inetEndpoint('::1', 80))
    const line = 'PROXY TCP6 2001:db8::1 ::1 7 80\r\n'
    expect(exchange(lab, other).written).toBe(line + GET)
  })

  it('names it in binary in version 2', () => {
    const lab = start({}, { server: { sendProxy: 2 } })
    const { written } = exchange(lab, lab.client)
    const signature = '\r\n\r\n\0\r\nQUIT\n'
    const ends = '\xc0\x00\x02\x01\xc0\x00\x02\x02\xc3\x50\x00\x50'
    expect(written).toBe(`${signature}\x21\x11\x00\x0c${ends}${GET}`)
  })

  it('begins every try with the header', () => {
    const lab = start({}, { server: { sendProxy: 1 } })
    lab.client.receive(POST)
    const [refused] = lab.engine.opened as [FakeConn]
    refused.handler.onClose(refused, 'refused')
    lab.pass(2000)
    expect(lab.connectServer().written).toBe(PROXY_LINE + POST)
    expect(refused.written).toBe(PROXY_LINE)
  })
})

describe('a reload', () => {
  it('keeps the idle connections of a server that stays', () => {
    const { lab, idle, client } = withIdle(1)
    lab.apply({ servers: 2 })
    const conns = [exchange(lab, client), exchange(lab, client)]
    expect(conns).toContain(idle[0])
  })

  it('closes those of a server that is gone, and those that come to rest after it', () => {
    const { lab, idle } = withIdle(2)
    const [first] = idle as [FakeConn, FakeConn]
    const busy = ask(lab, lab.connectClient())
    lab.apply({ server: { address: { kind: 'inet', host: '10.9.9.9', port: 80 } } })
    expect(first.destroyed).toBe(true)
    expect(busy.destroyed).toBe(false)
    busy.receive(OK)
    expect(busy.destroyed).toBe(true)
    expect(exchange(lab, lab.client).to).toBe('10.9.9.9')
    expect(lab.places()).toEqual([0, 0])
  })

  it('never gives to others a connection that has named its client', () => {
    const lab = start({}, { server: { sendProxy: 1 } })
    const named = exchange(lab, lab.client)
    const busy = ask(lab, lab.connectClient())
    lab.apply({})
    busy.receive(OK)
    for (const client of [lab.connectClient(), lab.connectClient()]) {
      expect([named, busy]).not.toContain(exchange(lab, client))
    }
    expect(exchange(lab, lab.client)).toBe(named)
    leave(lab.client)
    expect(named.destroyed).toBe(true)
  })

  it('shares no connection any more once it says so', () => {
    const { lab, idle, client } = withIdle(1)
    lab.apply({ backend: { httpReuse: 'never' } })
    expect(idle).not.toContain(exchange(lab, client))
    expect(connectionsFor(lab, 'AA')).toEqual([1, 1])
  })
})

describe('a connection that its server has authenticated', () => {
  const NTLM = 'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: NTLM\r\nContent-Length: 0\r\n\r\n'
  const CREDENTIALS = 'GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Negotiate YII=\r\n\r\n'

  it.each([
    ['by its challenge', GET, NTLM],
    ['by the credentials of its request', CREDENTIALS, OK],
  ])('is known %s, and is its client’s alone until that leaves', (_, request, response) => {
    const lab = start({}, { servers: 2 })
    const bound = ask(lab, lab.client, request)
    bound.receive(response)
    for (let n = 0; n < 3; n++) {
      expect(exchange(lab, lab.connectClient())).not.toBe(bound)
      expect(exchange(lab, lab.client)).toBe(bound)
    }
    leave(lab.client)
    expect(bound.destroyed).toBe(true)
  })

  it('is not waited for where its server is to get no more sessions', () => {
    const lab = start({}, { servers: 2 })
    const bound = ask(lab, lab.client, CREDENTIALS)
    bound.receive(OK)
    lab.table.setState(SERVER, SERVER_STATE.drain)
    expect(exchange(lab, lab.client).to).not.toBe(bound.to)
    lab.table.setState(SERVER, SERVER_STATE.up)
    expect(exchange(lab, lab.client)).toBe(bound)
  })

  it('is replaced where its server has closed it, and the new one is anybody’s', () => {
    const lab = start()
    const bound = ask(lab, lab.client, CREDENTIALS)
    bound.receive(OK)
    expect(ask(lab, lab.client)).toBe(bound)
    bound.handler.onClose(bound, 'reset')
    const fresh = lab.connectServer()
    fresh.receive(OK)
    expect(exchange(lab, lab.connectClient())).toBe(fresh)
  })
})
