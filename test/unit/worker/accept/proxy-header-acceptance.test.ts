import { describe, expect, it, vi } from 'vitest'
import { PROXY_HEADER_BYTES_MAX } from '../../../../src/net/proxy-protocol/proxy-protocol.ts'
import { binaryHeader, typedValue, withChecksum } from '../../net/proxy-protocol/binary-headers.ts'
import { MAXCONN, startAccepting } from '../accepting-lab.ts'
import type { FakeConn } from '../fake-network.ts'
import { CLIENT_MS, HTTP_REQUEST_MS } from '../session-lab.ts'

const HEADER = 'PROXY TCP4 192.0.2.100 192.0.2.200 56324 443\r\n'
const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
/** Later than any deadline that is `ms` away: the wheel's tick and its granularity are added. */
const SLACK_MS = 200

function endsOf(client: FakeConn): unknown[] {
  const { remote, local } = client
  return [remote.address, remote.port, local.address, local.port]
}

function gone(client: FakeConn): void {
  client.handler.onClose(client, client.destroyed ? 'aborted' : null)
}

describe('a valid header', () => {
  it.each([
    ['a line', HEADER, ['192.0.2.100', 56_324, '192.0.2.200', 443]],
    ['a binary one', withChecksum().toString('latin1'), ['192.0.2.1', 56_324, '192.0.2.2', 443]],
    ['an unknown line', 'PROXY UNKNOWN\r\n', ['192.0.2.1', 50_000, '192.0.2.2', 80]],
    [
      'LOCAL',
      binaryHeader({ command: 0x20 }).toString('latin1'),
      ['192.0.2.1', 50_000, '192.0.2.2', 80],
    ],
  ])('that is %s names the ends, and a session begins', (_, header, ends) => {
    const { accept, opened, counters } = startAccepting('http')
    const client = accept()
    client.receive(header)
    expect(endsOf(client)).toEqual(ends)
    expect(counters()).toEqual({ connectionsTotal: 1 })
    client.receive(GET)
    const [server] = opened as [FakeConn]
    server.handler.onConnect(server)
    expect(server.written).toMatch(/^GET \/ HTTP\/1\.1\r\n/)
    expect(client.written).toBe('')
    server.receive(OK)
    expect(client.written).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
  })

  it('may come in any two pieces, with the first request behind it', () => {
    const stream = HEADER + GET
    for (let cut = 1; cut < stream.length; cut++) {
      const { accept, opened, counters } = startAccepting('http')
      const client = accept()
      client.receive(stream.slice(0, cut))
      expect(opened).toHaveLength(0)
      client.receive(stream.slice(cut))
      expect(opened, `cut at ${cut}`).toHaveLength(1)
      expect(client.remote.address).toBe('192.0.2.100')
      expect(counters()).toMatchObject({ connectionsTotal: 1, requestsTotal: 1 })
    }
  })

  it('may come byte by byte, the longest one too, with requests behind it', () => {
    const addresses = Buffer.alloc(216)
    const values = typedValue(0x04, Buffer.alloc(4093))
    const longest = binaryHeader({ family: 0x31, addresses, values })
    expect(longest).toHaveLength(PROXY_HEADER_BYTES_MAX)
    const { accept, opened, counters } = startAccepting('http')
    const client = accept()
    const text = longest.toString('latin1')
    for (const byte of text.slice(0, -1)) client.receive(byte)
    expect(opened).toHaveLength(0)
    client.receive(`${text.slice(-1)}${GET}${GET}`)
    expect(opened).toHaveLength(1)
    expect(counters()).toMatchObject({ connectionsTotal: 1 })
    expect(client.destroyed).toBe(false)
  })

  it('leaves the connection counted once, without a moment of nothing', () => {
    const { accept, table, counted } = startAccepting('http')
    const changes = vi.spyOn(table, 'addConnections')
    const client = accept()
    expect(counted()).toEqual([1, 1])
    client.receive(HEADER.slice(0, 20))
    expect(counted()).toEqual([1, 1])
    client.receive(HEADER.slice(20))
    expect(counted()).toEqual([1, 1])
    gone(client)
    expect(counted()).toEqual([0, 0])
    expect(changes.mock.calls.map(([, delta]) => delta)).toEqual([1, -1])
  })

  it('starts the time for the request anew', () => {
    const { accept, pass } = startAccepting('http')
    const client = accept()
    pass(HTTP_REQUEST_MS - 100)
    client.receive(HEADER)
    pass(HTTP_REQUEST_MS - 100)
    expect(client.written).toBe('')
    pass(SLACK_MS)
    expect(client.written).toMatch(/^HTTP\/1\.1 408 /)
  })

  it('begins a session in mode tcp, whose server gets what came behind it', () => {
    const { accept, opened, counters, counted } = startAccepting('tcp')
    const client = accept()
    client.receive(`${HEADER}first bytes`)
    expect(client.remote.address).toBe('192.0.2.100')
    expect(client.paused).toBe(true)
    const [server] = opened as [FakeConn]
    server.handler.onConnect(server)
    expect(server.written).toBe('first bytes')
    expect(client.paused).toBe(false)
    client.receive(', and more')
    expect(server.written).toBe('first bytes, and more')
    expect(counters()).toEqual({ connectionsTotal: 1, sessionsTotal: 1, bytesIn: 21 })
    expect(counted()).toEqual([1, 1])
  })

  it('gives its place up when there is no server in mode tcp', () => {
    const { accept, table, counted } = startAccepting('tcp')
    table.setState(2, 0)
    const client = accept()
    client.receive(`${HEADER}first bytes`)
    expect(client.destroyed).toBe(true)
    expect(counted()).toEqual([0, 0])
    const next = accept()
    expect(counted()).toEqual([1, 1])
    next.receive('x')
    gone(next)
    expect(counted()).toEqual([0, 0])
  })
})

describe('without a valid header', () => {
  it.each([
    ['something else comes', (client: FakeConn) => client.receive(GET)],
    ['it is malformed', (client: FakeConn) => client.receive(HEADER.replace('443', '0443'))],
    ['it breaks off', (client: FakeConn) => client.receive(`${HEADER.slice(0, 9)}X${HEADER}`)],
    ['the peer ends', (client: FakeConn) => client.handler.onEnd(client)],
    [
      'the peer ends within it',
      (client: FakeConn) => {
        client.receive(HEADER.slice(0, 20))
        client.handler.onEnd(client)
      },
    ],
  ])('the connection is closed without an answer when %s', (_, act) => {
    for (const mode of ['http', 'tcp'] as const) {
      const { accept, opened, counters, counted } = startAccepting(mode)
      const client = accept()
      act(client)
      expect([client.destroyed, client.written]).toEqual([true, ''])
      expect(counted()).toEqual([0, 0])
      gone(client)
      expect(counted()).toEqual([0, 0])
      expect(counters()).toEqual({ requestErrors: 1 })
      expect(opened).toHaveLength(0)
    }
  })

  it('a reset by the peer counts as the same', () => {
    const { accept, counters, counted } = startAccepting('http')
    const client = accept()
    client.handler.onClose(client, 'reset')
    expect(counters()).toEqual({ requestErrors: 1 })
    expect(counted()).toEqual([0, 0])
  })

  it.each([
    ['http', HTTP_REQUEST_MS],
    ['tcp', CLIENT_MS],
  ] as const)(
    'the connection is closed in mode %s after %i ms, however slowly it comes',
    (mode, ms) => {
      const { accept, pass, counters } = startAccepting(mode)
      const [silent, slow] = [accept(), accept()]
      for (let i = 0; i < 9; i++) {
        slow.receive(HEADER[i] as string)
        pass(ms / 10)
      }
      expect([silent.destroyed, slow.destroyed]).toEqual([false, false])
      pass(ms / 10 + SLACK_MS)
      expect([silent.destroyed, slow.destroyed]).toEqual([true, true])
      for (const client of [silent, slow]) gone(client)
      expect(counters()).toEqual({ requestErrors: 2 })
    },
  )
})

describe('while headers are awaited', () => {
  it('a full frontend stops accepting until one is gone', () => {
    const { accept, isAccepting } = startAccepting('http')
    const clients = Array.from({ length: MAXCONN }, accept)
    expect(isAccepting()).toBe(false)
    // A header frees nothing.
    clients[0]?.receive(HEADER)
    expect(isAccepting()).toBe(false)
    gone(clients[1] as FakeConn)
    expect(isAccepting()).toBe(true)
  })

  it('a drain waits a second for them, and ends with the last', () => {
    const { accept, dataPlane, pass, isAccepting } = startAccepting('http')
    const onDrained = vi.fn()
    const [silent, late] = [accept(), accept()]
    dataPlane.drain(onDrained)
    expect(isAccepting()).toBe(false)
    pass(800)
    expect([silent.destroyed, late.destroyed]).toEqual([false, false])
    late.receive(HEADER)
    pass(SLACK_MS + 200)
    expect([silent.destroyed, late.destroyed]).toEqual([true, false])
    gone(silent)
    expect(onDrained).not.toHaveBeenCalled()
    // The session that began meanwhile is asked to finish, too.
    pass(1000)
    expect(late.destroyed).toBe(true)
    gone(late)
    expect(onDrained).toHaveBeenCalledTimes(1)
  })

  it('the last header does not end a drain: its request is answered, and closes', () => {
    const { accept, dataPlane, opened } = startAccepting('http')
    const onDrained = vi.fn()
    const client = accept()
    dataPlane.drain(onDrained)
    client.receive(HEADER + GET)
    expect(onDrained).not.toHaveBeenCalled()
    const [server] = opened as [FakeConn]
    server.handler.onConnect(server)
    server.receive(OK)
    expect(client.written).toMatch(/^HTTP\/1\.1 200 OK\r\n.*Connection: close\r\n/is)
    expect(client.ended).toBe(true)
    gone(client)
    expect(onDrained).toHaveBeenCalledTimes(1)
  })

  it('a cut ends them, and is not their fault', () => {
    const { accept, dataPlane, counters, counted } = startAccepting('http')
    const onDrained = vi.fn()
    const client = accept()
    dataPlane.drain(onDrained)
    dataPlane.cut()
    expect(client.destroyed).toBe(true)
    gone(client)
    expect(onDrained).toHaveBeenCalledTimes(1)
    expect(counters()).toEqual({})
    expect(counted()).toEqual([0, 0])
  })
})
