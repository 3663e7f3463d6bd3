import { describe, expect, it } from 'vitest'
import type { FakeConn } from './fake-network.ts'
import {
  CAUSES,
  ends,
  expectReleased,
  GET,
  type Lab,
  lastOf,
  REFUSED,
  triesOf,
} from './retry-lab.ts'
import { type LabPlan, start } from './session-lab.ts'

const CONNECT = 'CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n'
const ESTABLISHED = 'HTTP/1.1 200 Connection established\r\n\r\n'
const FORBIDDEN = 'HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno'
const BUSY = 'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n'

function startAccepting(backend: LabPlan['backend'] = {}): Lab {
  return start({}, { frontend: { acceptConnect: true }, backend })
}

/** Both connections of a tunnel are gone. */
function close(...conns: readonly FakeConn[]): void {
  for (const conn of conns) conn.handler.onClose(conn, null)
}

describe('CONNECT', () => {
  it('is refused unless option accept-connect is set', () => {
    const lab = start()
    lab.client.receive(CONNECT + GET)
    expect(lab.client.written).toMatch(/^HTTP\/1\.1 405 .*\r\nConnection: close\r\n/s)
    expect(lab.client.written.match(/HTTP\/1\.1/g)).toHaveLength(1)
    expect([lab.client.ended, triesOf(lab)]).toEqual([true, 0])
    expectReleased(lab)
  })

  it('that succeeds is a tunnel both ways', () => {
    const lab = startAccepting()
    lab.client.receive(CONNECT)
    const server = lab.connectServer()
    expect(server.written).toBe(CONNECT)
    server.receive(`${ESTABLISHED}from the server`)
    expect(lab.client.written).toBe(`${ESTABLISHED}from the server`)
    lab.client.receive(GET)
    server.receive(BUSY)
    expect(server.written).toBe(CONNECT + GET)
    expect(lab.client.written).toBe(`${ESTABLISHED}from the server${BUSY}`)
    expect(lab.places()).toEqual([1, 1])
    lab.client.handler.onEnd(lab.client)
    expect([server.ended, lab.client.ended]).toEqual([true, false])
    server.handler.onEnd(server)
    expect(lab.client.ended).toBe(true)
    close(lab.client, server)
    expect(lab.connections.size).toBe(0)
    expectReleased(lab)
  })

  it('hands what the client has sent ahead to the tunnel', () => {
    const lab = startAccepting()
    lab.client.receive(`${CONNECT}hello`)
    const server = lab.connectServer()
    lab.client.receive(', and more')
    expect(server.written).toBe(CONNECT)
    server.receive(ESTABLISHED)
    lab.client.receive('!')
    expect(server.written).toBe(`${CONNECT}hello, and more!`)
    expect(lab.client.paused).toBe(false)
  })

  it('succeeds with any 2xx, whatever length it names', () => {
    const lab = startAccepting()
    lab.client.receive(CONNECT)
    const server = lab.connectServer()
    server.receive('HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n')
    expect(lab.client.written).toBe('HTTP/1.1 204 No Content\r\n\r\n')
    server.receive('more than that')
    expect(lab.client.written).toBe('HTTP/1.1 204 No Content\r\n\r\nmore than that')
  })

  it('that fails is answered, and the connection ends: what came ahead is no request', () => {
    const lab = startAccepting()
    lab.client.receive(CONNECT + GET)
    const server = lab.connectServer()
    server.receive(FORBIDDEN)
    expect(server.written).toBe(CONNECT)
    expect(lab.client.written).toBe(FORBIDDEN.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'))
    expect([lab.client.ended, triesOf(lab)]).toEqual([true, 1])
    lab.client.receive(GET)
    expect(server.written).toBe(CONNECT)
    expectReleased(lab)
  })

  it('is never sent twice, whatever may be tried again', () => {
    const happenings: ((server: FakeConn) => void)[] = [
      ends,
      (server) => server.receive('junk\r\n\r\n'),
      (server) => server.receive(BUSY),
    ]
    for (const happen of happenings) {
      const lab = startAccepting({ retryOn: CAUSES, retryOnStatuses: [503] })
      lab.client.receive(CONNECT)
      happen(lab.connectServer())
      expect(triesOf(lab)).toBe(1)
      expect(lab.client.written).toMatch(/^HTTP\/1\.1 50[23] .*\r\nConnection: close\r\n/s)
      expect(lab.client.ended).toBe(true)
      expectReleased(lab)
    }
  })

  it('goes to another connection where the first was refused', () => {
    const lab = startAccepting({ redispatch: true })
    lab.client.receive(CONNECT)
    REFUSED.happen(lab, lastOf(lab))
    lab.pass(2000)
    expect(lab.connectServer().written).toBe(CONNECT)
    expect(triesOf(lab)).toBe(2)
  })

  it('is sent on an idle connection only if that is known to be open', () => {
    for (const isOpen of [true, false]) {
      const lab = startAccepting()
      const other = lab.connectClient()
      other.receive(GET)
      const idle = lab.connectServer()
      idle.receive(FORBIDDEN)
      idle.quiet = isOpen
      lab.client.receive(CONNECT)
      expect(triesOf(lab)).toBe(isOpen ? 1 : 2)
      expect(idle.destroyed).toBe(!isOpen)
      lab.connectServer().receive(ESTABLISHED)
      expect(lab.client.written).toBe(ESTABLISHED)
    }
  })

  it('takes its connection along when the client leaves', () => {
    const lab = startAccepting()
    lab.client.receive(CONNECT)
    const server = lab.connectServer()
    server.receive(ESTABLISHED)
    lab.client.handler.onClose(lab.client, 'reset')
    expect(server.destroyed).toBe(true)
    server.handler.onClose(server, 'aborted')
    expect(lab.connections.size).toBe(0)
    expectReleased(lab)
  })
})
