import { describe, expect, it } from 'vitest'
import type { OwnFailure } from '../../../src/model/shortage.ts'
import {
  expectReleased,
  GET,
  type Lab,
  lastOf,
  OK,
  startAll,
  statusOf,
  triesOf,
} from './retry-lab.ts'
import { SERVER } from './session-lab.ts'

/** More than the wait before the same server is tried again. */
const TURNAROUND_MS = 1200

/** This node lacks something for the connection that is being opened. */
function lacks(lab: Lab, failure: OwnFailure): void {
  const server = lastOf(lab)
  server.handler.onClose(server, failure)
}

/** No server is to blame, and what was lacking is counted. */
function expectCounted(lab: Lab, shortages: number): void {
  for (const row of [SERVER, SERVER + 1]) expect(lab.counted('connectionErrors', row)).toBe(0)
  expect(lab.counted('connectionErrors')).toBe(0)
  expect(lab.counted('connectionShortages')).toBe(shortages)
}

describe.each(['exhausted', 'portless'] as const)('a session whose connection is %s', (failure) => {
  it('waits at its server and tries again, and the server is not to blame', () => {
    const lab = startAll({ retryOn: [], redispatch: false })
    lab.client.receive(GET)
    const { to } = lastOf(lab)
    lacks(lab, failure)
    expect(triesOf(lab)).toBe(1)
    lab.pass(TURNAROUND_MS)
    expect([triesOf(lab), lastOf(lab).to]).toEqual([2, to])
    lab.connectServer().receive(OK)
    expect(lab.client.written).toBe(OK)
    expectCounted(lab, 1)
    expectReleased(lab)
  })

  it('is answered 503 in the end', () => {
    const lab = startAll({ retries: 2 }, 1)
    lab.client.receive(GET)
    for (let tries = 1; tries <= 3; tries++) {
      expect([triesOf(lab), lab.client.written]).toEqual([tries, ''])
      lacks(lab, failure)
      lab.pass(TURNAROUND_MS)
    }
    expect([triesOf(lab), statusOf(lab.client)]).toEqual([3, 503])
    expectCounted(lab, 3)
    // Told once, since nothing has been swept meanwhile.
    expect(lab.shortages).toEqual([failure])
    expectReleased(lab)
  })
})

describe('a session for which no local port is left', () => {
  it('goes to another server at once where it may', () => {
    const lab = startAll()
    lab.client.receive(GET)
    const { to } = lastOf(lab)
    lacks(lab, 'portless')
    expect(triesOf(lab)).toBe(2)
    expect(lastOf(lab).to).not.toBe(to)
    lab.connectServer().receive(OK)
    expect(lab.client.written).toBe(OK)
    expectCounted(lab, 1)
    expectReleased(lab)
  })

  it('has the idle connections to its server reset, and tries it again at once', () => {
    const lab = startAll({ httpReuse: 'safe' }, 1)
    lab.client.receive(GET)
    const idle = lab.connectServer()
    idle.receive(OK)
    // With `safe`, the first request of a client is carried by no connection that has not proven itself.
    const other = lab.connectClient()
    other.receive(GET)
    expect([triesOf(lab), idle.destroyed]).toEqual([2, false])
    lacks(lab, 'portless')
    expect([triesOf(lab), idle.wasReset, lab.counted('idleConnections', SERVER)]).toEqual([
      3,
      true,
      0,
    ])
    lab.connectServer().receive(OK)
    expect(other.written).toBe(OK)
    expectCounted(lab, 1)
    expectReleased(lab)
  })
})
