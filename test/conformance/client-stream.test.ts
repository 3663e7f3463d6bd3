import { ServerTable } from '../../src/memory/server-table.ts'
import { Places } from '../../src/worker/accept/place.ts'
import { H1Client } from '../../src/worker/clients/h1-client.ts'
import { compileRuntime } from '../../src/worker/compilation.ts'
import type { FrontendRuntime } from '../../src/worker/exchange/runtime.ts'
import { FakeConn, FakeEngine } from '../unit/worker/fake-network.ts'
import { CLIENT_MS, passTime, planOf, servicesOf, TUNE } from '../unit/worker/session-lab.ts'
import { type ClientStreamKind, describeClientStream } from './client-stream-suite.ts'

const H1: ClientStreamKind = {
  name: 'HTTP/1.1',
  clientMs: CLIENT_MS,
  start(open) {
    const services = servicesOf(TUNE, ServerTable.create(1), new FakeEngine())
    const runtime = compileRuntime(planOf({}), services, null)
    const door = { frontend: runtime.frontends.get('web') as FrontendRuntime, closed: false }
    const conn = new FakeConn()
    new H1Client(conn, new Places(services, () => {}).take(door), services, open)
    const post = (path: string, field: string): void =>
      conn.receive(`POST ${path} HTTP/1.1\r\nHost: a\r\n${field}\r\n\r\n`)
    return {
      ask: (method, path) => conn.receive(`${method} ${path} HTTP/1.1\r\nHost: a\r\n\r\n`),
      post: (path, bodyBytes) => post(path, `Content-Length: ${bodyBytes}`),
      send: (text) => conn.receive(text),
      requestWithTrailer(path, body, trailer) {
        post(path, 'Transfer-Encoding: chunked')
        conn.receive(`${body.length.toString(16)}\r\n${body}\r\n0\r\n${trailer}\r\n\r\n`)
      },
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
      pass: (ms) => passTime(services.wheel, ms),
      get got() {
        return conn.written
      },
      get isWhole() {
        const [head, ...body] = conn.written.split('\r\n\r\n')
        const [, length] = /Content-Length: (\d+)/.exec(head ?? '') ?? []
        return Number(length) === body.join('\r\n\r\n').length
      },
      get isOpen() {
        return !conn.ended && !conn.destroyed
      },
    }
  },
}

describeClientStream(H1)
