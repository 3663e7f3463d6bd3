import type { Address } from '../../../src/base/address.ts'
import type {
  Conn,
  ConnHandler,
  Endpoint,
  Listener,
  NetEngine,
  TlsFacts,
} from '../../../src/net/conn.ts'
import type { ConnectTls } from '../../../src/net/tls/client-tls.ts'
import type { AcceptTls } from '../../../src/net/tls/server-tls.ts'
import { TLS_FACTS } from '../../fixtures/tls-facts.ts'

const NOBODY: ConnHandler = {
  onConnect() {},
  onData() {},
  onDrain() {},
  onEnd() {},
  onClose() {},
}

/** A connection without a network: tests play the peer. */
export class FakeConn implements Conn {
  handler: ConnHandler = NOBODY
  /** The host that it was opened to; '' for a client. */
  to = ''
  remote: Endpoint = { kind: 'inet', address: '192.0.2.1', port: 50_000 }
  local: Endpoint = { kind: 'inet', address: '192.0.2.2', port: 80 }
  tls: TlsFacts | null = null
  /** What `isQuiet` says. */
  quiet = true
  /** What `hasHungUp` says. */
  hungUp = false
  queuedBytes = 0
  /** What was written so far, as latin1. */
  written = ''
  /** In so many writes. */
  writes = 0
  paused = false
  ended = false
  destroyed = false
  wasReset = false
  /** What `write` says. */
  takesMore = true

  declareEndpoints(remote: Endpoint, local: Endpoint): void {
    this.remote = remote
    this.local = local
  }

  hasHungUp(): boolean {
    return this.hungUp
  }

  isQuiet(): boolean {
    return this.quiet
  }

  write(data: Uint8Array | string): boolean {
    if (this.ended) throw new Error('written to after end')
    this.writes++
    this.written += typeof data === 'string' ? data : Buffer.from(data).toString('latin1')
    return this.takesMore
  }

  pause(): void {
    this.paused = true
  }

  resume(): void {
    this.paused = false
  }

  end(): void {
    this.ended = true
  }

  destroy(): void {
    this.destroyed = true
  }

  reset(): void {
    this.wasReset = true
    this.destroyed = true
  }

  breakOff(): void {
    this.destroyed = true
  }

  /** The peer sends bytes. */
  receive(text: string): void {
    const view = Buffer.from(text, 'latin1')
    this.handler.onData(this, view, view.length)
  }
}

/** An engine whose connections are all fakes, kept in the order in which they were opened. */
export class FakeEngine implements NetEngine {
  readonly name = 'node'
  readonly opened: FakeConn[] = []

  listen(): Listener {
    return { pause: () => {}, resume: () => true, drain: (then) => then(), close: () => {} }
  }

  connect(address: Address, handler: ConnHandler): FakeConn {
    const conn = new FakeConn()
    conn.handler = handler
    conn.to = address.kind === 'inet' ? address.host : address.path
    this.opened.push(conn)
    return conn
  }
}

/** TLS whose handshakes the test completes or breaks, by the handler of what is given back. */
export const acceptFakeTls: AcceptTls = (conn, _ahead, { serverName, alpn }, handler) => {
  const { remote, local } = conn
  const over = new FakeConn()
  over.declareEndpoints(remote, local)
  over.tls = { ...TLS_FACTS, serverName, alpn }
  over.handler = handler
  return over
}

/** As {@link acceptFakeTls}, with a server. */
export const connectFakeTls: ConnectTls = (_conn, { serverName }, handler) => {
  const over = new FakeConn()
  over.tls = { ...TLS_FACTS, serverName }
  over.handler = handler
  return over
}
