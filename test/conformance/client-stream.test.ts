import { SETTING } from '../../src/http/h2/frames/frame-types.ts'
import { H2Connection } from '../../src/http/h2/h2-connection.ts'
import { h2LimitsOf } from '../../src/http/h2/h2-limits.ts'
import type { H2Stream, StreamHandler } from '../../src/http/h2/h2-stream.ts'
import { ServerTable } from '../../src/memory/server-table.ts'
import { Places } from '../../src/worker/accept/place.ts'
import { H1Client } from '../../src/worker/clients/h1-client.ts'
import { H2Client } from '../../src/worker/clients/h2/h2-client.ts'
import type { H2ClientStream } from '../../src/worker/clients/h2/h2-client-stream.ts'
import { compileRuntime } from '../../src/worker/compilation.ts'
import type { FrontendRuntime } from '../../src/worker/exchange/runtime.ts'
import { Frames } from '../unit/http/h2/plain-frames.ts'
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

const WINDOW_BYTES = 65_535

/** A client in HTTP/2 with one stream after the other, by a codec of its own. */
class H2Peer {
  readonly #h2: H2Connection
  readonly #conn: FakeConn
  #stream: H2Stream | null = null
  #read = 0
  got = ''
  isWhole = false
  hasGoaway = false

  constructor(conn: FakeConn) {
    this.#conn = conn
    const owner = { onStream: () => null, onGoaway: () => {}, onBroken: () => {} }
    this.#h2 = new H2Connection(
      false,
      { ...h2LimitsOf(TUNE.h2Frontend), initialWindowSize: WINDOW_BYTES },
      {
        ...owner,
        onGoaway: () => {
          this.hasGoaway = true
        },
      },
    )
    this.exchange()
  }

  /** Both sides get what the other one has sent. */
  exchange(): void {
    for (let turn = 0; turn < 4; turn++) {
      const { output } = this.#h2
      const sent = output.written.toString('latin1')
      output.length = 0
      if (sent !== '') this.#conn.receive(sent)
      const view = Buffer.from(this.#conn.written.slice(this.#read), 'latin1')
      this.#read = this.#conn.written.length
      this.#h2.receive(view, 0, view.length, 0)
    }
  }

  get isOpen(): boolean {
    this.exchange()
    return this.#h2.canOpen && !this.hasGoaway && !this.#conn.ended
  }

  head(fields: readonly (readonly [string, string])[], isLast: boolean): void {
    this.isWhole = false
    this.#stream = this.#h2.open(() => this.#handler)
    this.#send(fields, isLast)
  }

  #send(fields: readonly (readonly [string, string])[], isLast: boolean): void {
    this.#h2.beginHead()
    for (const [name, value] of fields) this.#h2.field(name, value, 'indexed')
    this.#h2.endHead(this.#stream as H2Stream, isLast)
    this.exchange()
  }

  /** Lets this much of a response come. */
  allow(bytes: number): void {
    this.#conn.receive(Frames.settings([SETTING.initialWindowSize, bytes]).toString('latin1'))
    this.exchange()
  }

  body(text: string, isLast: boolean): void {
    this.#h2.sendData(this.#stream as H2Stream, Buffer.from(text), 0, text.length, isLast)
    this.exchange()
  }

  trailer(name: string, value: string): void {
    this.#send([[name, value]], true)
  }

  readonly #handler: StreamHandler = {
    onField: ({ name, value }) => {
      this.got += name === ':status' ? `HTTP/2 ${value} \r\n` : `${written(name)}: ${value}\r\n`
    },
    onHead: () => {
      this.got += '\r\n'
      return 0
    },
    onBody: (view, start, end) => {
      this.got += view.toString('latin1', start, end)
    },
    onEnd: () => {
      this.isWhole = true
      return 0
    },
    onReset: () => {},
    onWritable: () => {},
  }
}

/** As HTTP/1 writes it, by which the suite knows names. */
function written(name: string): string {
  return name.replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase())
}

const H2: ClientStreamKind = {
  name: 'HTTP/2',
  clientMs: CLIENT_MS,
  start(open) {
    const services = servicesOf(TUNE, ServerTable.create(1), new FakeEngine())
    const runtime = compileRuntime(planOf({}), services, null)
    const door = { frontend: runtime.frontends.get('web') as FrontendRuntime, closed: false }
    const conn = new FakeConn()
    let served: H2ClientStream | null = null
    new H2Client(conn, new Places(services, () => {}).take(door), services, (stream) => {
      served = stream as H2ClientStream
      return open(stream)
    })
    const peer = new H2Peer(conn)
    let left = 0
    const head = (method: string, path: string) =>
      [
        [':method', method],
        [':scheme', 'http'],
        [':authority', 'a'],
        [':path', path],
      ] as const
    return {
      ask: (method, path) => peer.head(head(method, path), true),
      post(path, bodyBytes) {
        left = bodyBytes
        peer.head([...head('POST', path), ['content-length', String(bodyBytes)]], false)
      },
      send(text) {
        left -= text.length
        peer.body(text, left === 0)
      },
      requestWithTrailer(path, body, trailer) {
        peer.head(head('POST', path), false)
        peer.body(body, false)
        const [name, value] = trailer.split(': ') as [string, string]
        peer.trailer(name.toLowerCase(), value)
      },
      end: () => conn.handler.onEnd(conn),
      leave: () => conn.handler.onClose(conn, 'reset'),
      stall: () => peer.allow(0),
      drain: () => peer.allow(WINDOW_BYTES),
      get isStopped() {
        return served?.isStopped === true
      },
      pass: (ms) => passTime(services.wheel, ms),
      get got() {
        peer.exchange()
        return peer.got
      },
      get isWhole() {
        peer.exchange()
        return peer.isWhole
      },
      get isOpen() {
        return peer.isOpen
      },
    }
  },
}

describeClientStream(H1)
describeClientStream(H2)
