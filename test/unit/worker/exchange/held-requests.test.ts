import { describe, expect, it } from 'vitest'
import type { FakeConn } from '../fake-network.ts'
import { CONNECT_MS, FRONTEND, type LabPlan, start } from '../session-lab.ts'

const GET = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`
const POST = 'POST /tar HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n'
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
/** `timeout tarpit` of the lab. */
const TARPIT_MS = CONNECT_MS
/** The wheel's tick and its granularity. */
const SLACK_MS = 200

const HOLDING: LabPlan = {
  frontend: {
    httpRequest: ['set-header X-Path %[path]', 'tarpit deny_status 429 if { path_beg /tar }'],
  },
}

describe('a request that a rule holds', () => {
  it('is answered when its time has passed, and its connection closed', () => {
    const { client, pass, counted } = start({}, HOLDING)
    client.receive(GET('/tar'))
    pass(TARPIT_MS - SLACK_MS)
    expect(client.written).toBe('')
    pass(2 * SLACK_MS)
    expect(client.written).toMatch(/^HTTP\/1\.1 429 .*\r\nConnection: close\r\n/is)
    expect([client.ended, counted('requestsDenied', FRONTEND)]).toEqual([true, 1])
  })

  it('is held no longer than its client is there', () => {
    const { client, pass } = start({}, HOLDING)
    client.receive(GET('/tar'))
    pass(SLACK_MS)
    client.handler.onEnd(client)
    expect(client.written).toContain(' 429 ')
    const gone = start({}, HOLDING)
    gone.client.receive(GET('/tar'))
    gone.client.handler.onClose(gone.client, null)
    gone.pass(2 * TARPIT_MS)
    expect([gone.client.written, gone.table.sessions(FRONTEND)]).toEqual(['', 0])
  })

  it('has a head of its own: others go their way meanwhile', () => {
    const { client, connectClient, connectServer, pass } = start({}, HOLDING)
    client.receive(GET('/tar'))
    let server: FakeConn | null = null
    for (const path of ['/one', '/two']) {
      const other = connectClient()
      other.receive(GET(path))
      server ??= connectServer()
      expect(server.written).toMatch(new RegExp(`GET ${path} .*X-Path: ${path}\r\n\r\n$`, 's'))
      server.receive(OK)
      expect(other.written).toBe(OK)
    }
    pass(TARPIT_MS + SLACK_MS)
    expect(client.written).toContain(' 429 ')
  })

  it('has nothing read of what its client sends meanwhile', () => {
    const { client, pass } = start({}, HOLDING)
    client.receive(`${POST}hello${GET('/tar')}`)
    pass(TARPIT_MS + SLACK_MS)
    expect(client.written.match(/^HTTP\/1\.1 /gm)).toHaveLength(1)
    pass(10 * TARPIT_MS)
    expect(client.destroyed).toBe(true)
  })

  it('waits for each of the rules that hold it', () => {
    const { client, pass } = start(
      {},
      { frontend: { httpRequest: [] }, backend: { httpRequest: ['tarpit if { path /tar }'] } },
    )
    client.receive(GET('/tar'))
    pass(TARPIT_MS + SLACK_MS)
    expect(client.written).toContain(' 500 ')
  })

  it('is given up with its worker', () => {
    const { client, connections, pass, table } = start({}, HOLDING)
    client.receive(GET('/tar'))
    connections.cut()
    pass(2 * TARPIT_MS)
    expect([client.written, client.destroyed]).toEqual(['', true])
    client.handler.onClose(client, null)
    expect(table.sessions(FRONTEND)).toBe(0)
  })
})
