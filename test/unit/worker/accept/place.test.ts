import { describe, expect, it, vi } from 'vitest'
import type { Mode } from '../../../../src/model/config.ts'
import { plannedTls, startAccepting } from '../accepting-lab.ts'
import type { FakeConn } from '../fake-network.ts'
import { clientHello } from './client-hellos.ts'

type Lab = ReturnType<typeof startAccepting>

const HEADER = 'PROXY TCP4 192.0.2.100 192.0.2.200 56324 443\r\n'
const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
const UPGRADE = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'
const SWITCHING = 'HTTP/1.1 101 OK\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'
const HELLO = await clientHello({ servername: 'a.example' })
const TLS = plannedTls()
/** Longer than any timeout of the lab, one after the other. */
const LONG_MS = 200_000

interface Stage {
  readonly mode: Mode
  readonly acceptProxy?: boolean
  readonly isTls?: boolean
  /** Brings a connection there that has just been accepted. */
  readonly reach: (client: FakeConn, lab: Lab) => void
}

function connectServer({ opened }: Lab): FakeConn {
  const server = opened.at(-1) as FakeConn
  server.handler.onConnect(server)
  return server
}

const STAGES: Readonly<Record<string, Stage>> = {
  'before its PROXY header': { mode: 'http', acceptProxy: true, reach: () => {} },
  'within its PROXY header': {
    mode: 'tcp',
    acceptProxy: true,
    reach: (client) => client.receive(HEADER.slice(0, 20)),
  },
  'behind its PROXY header': {
    mode: 'http',
    acceptProxy: true,
    reach: (client) => client.receive(HEADER),
  },
  'before its TLS': { mode: 'http', isTls: true, reach: () => {} },
  'within its ClientHello': {
    mode: 'tcp',
    isTls: true,
    reach: (client) => client.receive(HELLO.slice(0, 20)),
  },
  'within its handshake': { mode: 'http', isTls: true, reach: (client) => client.receive(HELLO) },
  'within its handshake behind its PROXY header': {
    mode: 'http',
    isTls: true,
    acceptProxy: true,
    reach: (client) => client.receive(HEADER + HELLO),
  },
  'behind its handshake': {
    mode: 'http',
    isTls: true,
    reach: (client, { secured }) => {
      client.receive(HELLO)
      for (const over of secured) over.handler.onConnect(over)
    },
  },
  'told that it speaks no TLS': {
    mode: 'http',
    isTls: true,
    reach: (client) => client.receive(GET),
  },
  'before a request': { mode: 'http', reach: () => {} },
  'within a request head': { mode: 'http', reach: (client) => client.receive(GET.slice(0, 9)) },
  'while a server is connected to': { mode: 'http', reach: (client) => client.receive(GET) },
  'while an answer is awaited': {
    mode: 'http',
    reach: (client, lab) => {
      client.receive(GET)
      connectServer(lab)
    },
  },
  'between two requests': {
    mode: 'http',
    reach: (client, lab) => {
      client.receive(GET)
      connectServer(lab).receive(OK)
    },
  },
  'behind its last answer': {
    mode: 'http',
    reach: (client) => client.receive('no request\r\n\r\n'),
  },
  'in a tunnel': {
    mode: 'http',
    reach: (client, lab) => {
      client.receive(UPGRADE)
      connectServer(lab).receive(SWITCHING)
    },
  },
  'in mode tcp while a server is connected to': { mode: 'tcp', reach: () => {} },
  'in mode tcp with its server': { mode: 'tcp', reach: (_client, lab) => void connectServer(lab) },
}

/** What the peers do; what Sluice does of its own accord follows. */
const ENDS: Readonly<Record<string, (client: FakeConn, lab: Lab) => void>> = {
  'the client resets it': (client) => client.handler.onClose(client, 'reset'),
  'the client ends it': (client) => client.handler.onEnd(client),
  'the client sends junk': (client) => client.receive('\0\r\n\r\njunk'),
  'nothing more comes': () => {},
  'its server breaks off': (_client, { opened }) => {
    for (const server of opened) server.handler.onClose(server, 'reset')
  },
  'all is cut': (_client, { dataPlane }) => dataPlane.cut(),
  'the daemon drains': (_client, { dataPlane }) => dataPlane.drain(() => {}),
}

/** What an engine tells once: a connection that was ended or destroyed is closed in the end. */
function close(conn: FakeConn): void {
  conn.handler.onClose(conn, conn.destroyed ? 'aborted' : null)
}

const CASES = Object.entries(STAGES).flatMap(([stage, reached]) =>
  Object.entries(ENDS).map(([end, act]) => ({ stage, end, reached, act })),
)

describe('the place of a connection', () => {
  it.each(CASES)('is counted once, $stage, until $end', ({ end, reached, act }) => {
    const { mode, acceptProxy = false, isTls = false, reach } = reached
    const lab = startAccepting(mode, acceptProxy, isTls ? TLS : null)
    const { accept, counted, pass, opened, secured, table, dataPlane } = lab
    const changes = vi.spyOn(table, 'addConnections')
    const accepted = accept()
    reach(accepted, lab)
    expect(counted()).toEqual([1, 1])
    const client = secured[0] ?? accepted
    act(client, lab)
    pass(LONG_MS)
    if (end !== 'the client resets it') close(client)
    for (const server of opened) if (end !== 'its server breaks off') close(server)
    pass(LONG_MS)
    expect(counted()).toEqual([0, 0])
    expect(changes.mock.calls.map(([, delta]) => delta)).toEqual([1, -1])
    const onDrained = vi.fn()
    dataPlane.drain(onDrained)
    expect(onDrained).toHaveBeenCalledTimes(1)
  })
})
