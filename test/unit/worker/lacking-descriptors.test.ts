import { describe, expect, it } from 'vitest'
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

/** This process has no descriptor for the connection that is being opened. */
function lacksDescriptor(lab: Lab): void {
  const server = lastOf(lab)
  server.handler.onClose(server, 'exhausted')
}

describe('a session for which no descriptor is left', () => {
  it('waits at its server and tries again, and the server is not to blame', () => {
    const lab = startAll({ retryOn: [] })
    lab.client.receive(GET)
    const { to } = lastOf(lab)
    lacksDescriptor(lab)
    expect(triesOf(lab)).toBe(1)
    lab.pass(TURNAROUND_MS)
    expect([triesOf(lab), lastOf(lab).to]).toEqual([2, to])
    lab.connectServer().receive(OK)
    expect(lab.client.written).toBe(OK)
    for (const row of [SERVER, SERVER + 1]) expect(lab.counted('connectionErrors', row)).toBe(0)
    expectReleased(lab)
  })

  it('is answered 503 in the end', () => {
    const lab = startAll({ retries: 2 })
    lab.client.receive(GET)
    for (let tries = 1; tries <= 3; tries++) {
      expect([triesOf(lab), lab.client.written]).toEqual([tries, ''])
      lacksDescriptor(lab)
      lab.pass(TURNAROUND_MS)
    }
    expect([triesOf(lab), statusOf(lab.client)]).toEqual([3, 503])
    expect(lab.counted('connectionErrors')).toBe(0)
    expectReleased(lab)
  })
})
