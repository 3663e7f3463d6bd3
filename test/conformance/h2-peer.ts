import { Frames } from '../unit/http/h2/plain-frames.ts'
import { RecordedConnection, type RecordedStream } from '../unit/http/h2/recorded-connection.ts'
import type { FakeConn } from '../unit/worker/fake-network.ts'
import type { ServerPeer } from './server-stream-suite.ts'

/** Bytes that are on their way at most, until they are taken. */
const WINDOW_BYTES = 65_536

/** A server at the other end of a connection in HTTP/2, as far as one stream of it goes. */
export class H2Peer implements Omit<ServerPeer, 'restsFor'> {
  readonly #conn: FakeConn
  readonly #server = new RecordedConnection(true, { initialWindowSize: WINDOW_BYTES })
  #readBytes = 0
  #left = 0

  constructor(conn: FakeConn) {
    this.#conn = conn
  }

  /** Reads what was sent, and sends what there is to send. */
  exchange(): void {
    const { written } = this.#conn
    this.#server.receive(Buffer.from(written.slice(this.#readBytes), 'latin1'))
    this.#readBytes = written.length
    this.#conn.receive(this.#server.sent().toString('latin1'))
  }

  inform(status: number): void {
    this.#head({ ':status': String(status) }, false)
  }

  respond(status: number, bodyBytes: number): void {
    this.#left = bodyBytes
    const length = status === 204 ? {} : { 'content-length': String(bodyBytes) }
    this.#head({ ':status': String(status), ...length }, bodyBytes === 0)
  }

  send(text: string): void {
    this.#left -= text.length
    this.#data(text, this.#left === 0)
  }

  respondWithTrailers(body: string, trailers: readonly string[]): void {
    this.#head({ ':status': '200' }, false)
    this.#data(body, false)
    const fields = trailers.map((line) => line.split(': '))
    this.#head(Object.fromEntries(fields), true)
  }

  sendJunk(): void {
    this.#conn.receive('SSH-2.0-OpenSSH_9.6\r\n')
  }

  begin(): void {
    const block = Frames.block({ ':status': '200' })
    this.exchange()
    this.#raw(Frames.headers(this.#stream.stream.id, 0, block))
  }

  switchProtocols(): void {
    this.#head({ ':status': '101' }, false)
  }

  end(): void {
    this.#conn.handler.onEnd(this.#conn)
  }

  leave(): void {
    this.#conn.handler.onClose(this.#conn, 'reset')
  }

  stall(): void {
    this.exchange()
    this.#conn.takesMore = false
  }

  drain(): void {
    this.#conn.takesMore = true
    this.#conn.handler.onDrain(this.#conn)
  }

  /** Whether half a window of content goes without being given back. */
  get isStopped(): boolean {
    const { stream } = this.#stream
    if (this.#conn.paused) return true
    if (stream.isClosed) return false
    const before = this.#conn.written.length
    this.#raw(Frames.data(stream.id, 0, Buffer.alloc(WINDOW_BYTES / 4)))
    this.#raw(Frames.data(stream.id, 0, Buffer.alloc(WINDOW_BYTES / 4)))
    const bytes = Buffer.from(this.#conn.written.slice(before), 'latin1')
    return !Frames.read(bytes).some(({ type, id }) => type === 'windowUpdate' && id === stream.id)
  }

  get got(): string {
    this.exchange()
    const { heads, body } = this.#stream
    return `${heads.flat().join('\r\n')}\r\n\r\n${body.toString('latin1')}`
  }

  get gotBody(): string {
    this.exchange()
    const { heads, body } = this.#stream
    const trailers = heads[1]?.map((line) => `${line}\r\n`).join('')
    return `${body.toString('latin1')} ${trailers === undefined ? '' : `${trailers}\r\n`}`
  }

  get isClosed(): boolean {
    this.exchange()
    return this.#conn.destroyed || this.#stream.stream.isClosed
  }

  get #stream(): RecordedStream {
    const [stream] = this.#server.streams
    if (stream === undefined) throw new Error('no stream has come')
    return stream
  }

  #head(fields: Readonly<Record<string, string>>, isLast: boolean): void {
    this.exchange()
    this.#server.head(this.#stream.stream, fields, isLast)
    this.exchange()
  }

  #data(text: string, isLast: boolean): void {
    this.exchange()
    const view = Buffer.from(text, 'latin1')
    this.#server.connection.sendData(this.#stream.stream, view, 0, view.length, isLast)
    this.exchange()
  }

  #raw(bytes: Buffer): void {
    this.#conn.receive(bytes.toString('latin1'))
  }
}
