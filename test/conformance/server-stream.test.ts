import { expect } from 'vitest'
import { ChunkedScanner } from '../../src/http/h1/chunked-scanner.ts'
import { DEFAULT_CHUNK_LIMITS } from '../../src/http/limits.ts'
import { ServerTable } from '../../src/memory/server-table.ts'
import type { PlannedBackend } from '../../src/model/plan.ts'
import { SharedConnections } from '../../src/worker/servers/connections/shared-connections.ts'
import { HttpServers } from '../../src/worker/servers/http-servers.ts'
import { FakeConn, FakeEngine } from '../unit/worker/fake-network.ts'
import { planOf, servicesOf, TUNE } from '../unit/worker/session-lab.ts'
import { H2Peer } from './h2-peer.ts'
import {
  describeServerStream,
  type ServerPeer,
  type ServerStreamKind,
} from './server-stream-suite.ts'

const H1: ServerStreamKind = {
  name: 'HTTP/1.1',
  isAlone: true,
  start(owner) {
    const services = servicesOf(TUNE, ServerTable.create(1), new FakeEngine())
    const [backend] = planOf({}).backends
    const conn = new FakeConn()
    let restsFor: ServerPeer['restsFor'] = 'nobody'
    const carrier = {
      bind: () => {},
      keep: (_conn: unknown, isBound: boolean): void => {
        restsFor = isBound ? 'this client' : 'anybody'
      },
    }
    const stream = new HttpServers(owner, services).lend(conn, carrier, backend as PlannedBackend)
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
      get gotBody() {
        const [, body = ''] = conn.written.split('chunked\r\n\r\n')
        const view = Buffer.from(body, 'latin1')
        const scanner = new ChunkedScanner(DEFAULT_CHUNK_LIMITS, 'request')
        scanner.reset(true)
        expect(scanner.feed(view, 0, view.length)).toBe(view.length)
        let data = ''
        for (let n = 0; n < scanner.spanCount; n++) {
          data += view.toString('latin1', scanner.spanStart(n), scanner.spanEnd(n))
        }
        return `${data} ${scanner.trailers}`
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

const H2: ServerStreamKind = {
  name: 'HTTP/2',
  isAlone: false,
  start(owner) {
    const services = servicesOf(TUNE, ServerTable.create(3), new FakeEngine())
    const servers = new HttpServers(owner, services)
    const conn = new FakeConn()
    const connection = servers.share(conn)
    new SharedConnections(1, services.cells, 0).add(connection)
    let isBound = false
    const carrier = {
      keep: () => {},
      bind: () => {
        isBound = true
      },
    }
    const peer = new H2Peer(conn)
    // It is to be seen how few bytes are given back.
    peer.exchange()
    const stream = servers.lendStream(connection, carrier)
    const restsFor = (): ServerPeer['restsFor'] => {
      if (isBound) return 'this client'
      return connection.isResting ? 'anybody' : 'nobody'
    }
    return {
      stream,
      peer: Object.defineProperty(peer, 'restsFor', { get: restsFor }) as H2Peer & ServerPeer,
    }
  },
}

describeServerStream(H1)
describeServerStream(H2)
