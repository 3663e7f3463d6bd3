import { ServerTable } from '../../src/memory/server-table.ts'
import type { PlannedBackend } from '../../src/model/plan.ts'
import { httpServersFor } from '../../src/worker/servers/http-servers.ts'
import { FakeConn, FakeEngine } from '../unit/worker/fake-network.ts'
import { planOf, servicesOf, TUNE } from '../unit/worker/session-lab.ts'
import {
  describeServerStream,
  type ServerPeer,
  type ServerStreamKind,
} from './server-stream-suite.ts'

const H1: ServerStreamKind = {
  name: 'HTTP/1.1',
  start(owner) {
    const services = servicesOf(TUNE, ServerTable.create(1), new FakeEngine())
    const [backend] = planOf({}).backends
    const conn = new FakeConn()
    let restsFor: ServerPeer['restsFor'] = 'nobody'
    const carrier = {
      keep: (_conn: unknown, isBound: boolean): void => {
        restsFor = isBound ? 'this client' : 'anybody'
      },
    }
    const stream = httpServersFor(owner, services).lend(conn, carrier, backend as PlannedBackend)
    const head = (status: number, fields: string): void =>
      conn.receive(`HTTP/1.1 ${status} Fine\r\n${fields}\r\n`)
    const peer: ServerPeer = {
      inform: (status) => head(status, ''),
      respond: (status, bodyBytes) =>
        head(status, status === 204 ? '' : `Content-Length: ${bodyBytes}\r\n`),
      send: (text) => conn.receive(text),
      respondWithTrailers(body, trailers) {
        head(200, 'Transfer-Encoding: chunked\r\n')
        const lines = trailers.map((line) => `${line}\r\n`).join('')
        conn.receive(`${body.length.toString(16)}\r\n${body}\r\n0\r\n${lines}\r\n`)
      },
      sendJunk: () => conn.receive('SSH-2.0-OpenSSH_9.6\r\n'),
      begin: () => conn.receive('HTTP/1.1 200'),
      switchProtocols: (first) =>
        conn.receive(`HTTP/1.1 101 Yes\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\n${first}`),
      end: () => conn.handler.onEnd(conn),
      leave: () => conn.handler.onClose(conn, 'reset'),
      stall: () => {
        conn.takesMore = false
      },
      drain: () => {
        conn.takesMore = true
        conn.handler.onDrain(conn)
      },
      get isStopped() {
        return conn.paused
      },
      get got() {
        return conn.written
      },
      get isClosed() {
        return conn.destroyed
      },
      get restsFor() {
        return restsFor
      },
    }
    return { stream, peer }
  },
}

describeServerStream(H1)
