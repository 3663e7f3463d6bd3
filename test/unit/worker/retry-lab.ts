import { expect } from 'vitest'
import type { RetryCause } from '../../../src/model/config.ts'
import type { FakeConn } from './fake-network.ts'
import { CONNECT_MS, type LabPlan, SERVER_MS, start } from './session-lab.ts'

/** A request that may be done twice. */
export const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
/** A request that may not. */
export const POST = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi'
/** A response of ours. */
export const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
/** A response that a test may have tried again. */
export const BUSY = 'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy'
/** Everything that `retry-on` can name but statuses. */
export const CAUSES: readonly RetryCause[] = [
  'conn-failure',
  'empty-response',
  'junk-response',
  'response-timeout',
]
/** Later than a deadline that is due: the wheel's tick and its granularity are added. */
export const SLACK_MS = 200

/** What {@link startAll} starts. */
export type Lab = ReturnType<typeof start>

/** A way in which a try fails. */
export interface Failure {
  readonly what: string
  readonly cause: RetryCause
  /** Makes it happen to a connection that is being opened. */
  readonly happen: (lab: Lab, server: FakeConn) => void
  /** What the client is answered when it is not tried again. */
  readonly status: number
}

function connected(act: (server: FakeConn, lab: Lab) => void): Failure['happen'] {
  return (lab, server) => {
    server.handler.onConnect(server)
    act(server, lab)
  }
}

/** The server closes its side. */
export function ends(server: FakeConn): void {
  server.handler.onEnd(server)
}

/** The server resets the connection. */
export function resets(server: FakeConn): void {
  server.handler.onClose(server, 'reset')
}

/** Nobody listens at the server. */
export const REFUSED: Failure = {
  what: 'is refused',
  cause: 'conn-failure',
  happen: (_, server) => server.handler.onClose(server, 'refused'),
  status: 503,
}
/** The server closes before it answers. */
export const EMPTY: Failure = {
  what: 'is ended without a word',
  cause: 'empty-response',
  happen: connected(ends),
  status: 502,
}
/** The ways in which a try can fail, each named as what becomes of its connection. */
export const FAILURES: readonly Failure[] = [
  REFUSED,
  {
    what: 'does not come about in time',
    cause: 'conn-failure',
    happen: (lab) => lab.pass(CONNECT_MS + SLACK_MS),
    status: 503,
  },
  EMPTY,
  {
    what: 'is reset without a word',
    cause: 'empty-response',
    happen: connected(resets),
    status: 502,
  },
  {
    what: 'brings something else',
    cause: 'junk-response',
    happen: connected((server) => server.receive('SSH-2.0-OpenSSH_9.6\r\n')),
    status: 502,
  },
  {
    what: 'brings a broken header',
    cause: 'junk-response',
    happen: connected((server) => {
      server.receive('HTTP/1.1 200 OK\r\nA')
      server.receive('\r\n\r\n')
    }),
    status: 502,
  },
  {
    what: 'is ended within the head',
    cause: 'junk-response',
    happen: connected((server) => {
      server.receive('HTTP/1.1 200 OK\r\n')
      ends(server)
    }),
    status: 502,
  },
  {
    what: 'is reset within the head',
    cause: 'junk-response',
    happen: connected((server) => {
      server.receive('H')
      resets(server)
    }),
    status: 502,
  },
  {
    what: 'stays silent',
    cause: 'response-timeout',
    happen: connected((_, lab) => lab.pass(SERVER_MS + SLACK_MS)),
    status: 504,
  },
  {
    what: 'stays silent within the head',
    cause: 'response-timeout',
    happen: connected((server, lab) => {
      server.receive('HTTP/1.1 200 OK\r\n')
      lab.pass(SERVER_MS + SLACK_MS)
    }),
    status: 504,
  },
]

/** Two servers and everything that can be tried again, within tries and budget. */
export function startAll(backend: LabPlan['backend'] = {}, servers = 2): Lab {
  return start({}, { backend: { retryOn: CAUSES, redispatch: true, ...backend }, servers })
}

/** The connection to a server that was opened last. */
export function lastOf({ engine }: Lab): FakeConn {
  return engine.opened.at(-1) as FakeConn
}

/** How many connections to servers were opened. */
export function triesOf({ engine }: Lab): number {
  return engine.opened.length
}

/** The status of the first response that a client got; NaN without one. */
export function statusOf({ written }: FakeConn): number {
  return Number(/^HTTP\/1\.1 (\d{3}) /.exec(written)?.[1])
}

/** Everything that was held for requests has been given up, and nothing is under way any more. */
export function expectReleased(lab: Lab): void {
  expect(lab.places().filter((sessions) => sessions !== 0)).toEqual([])
  const tries = triesOf(lab)
  const { written } = lab.client
  lab.pass(2 * SERVER_MS)
  expect([triesOf(lab), lab.client.written]).toEqual([tries, written])
}
