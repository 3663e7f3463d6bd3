import { createServer, type IncomingMessage, type Server, type ServerOptions } from 'node:http'
import { createServer as createTlsServer, Server as TlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import { type WebSocket, WebSocketServer } from 'ws'
import { SluiceError } from '../../base/errors.ts'
import { acceptingTls } from './handshake/certificates.ts'
import { HandshakeSlots } from './handshake/handshake-slots.ts'
import type { Purpose } from './handshake/proofs.ts'
import { formatHostPort, parseHostPort } from './host-port.ts'
import type { Objection } from './refusals.ts'
import type { PeerTls, PeerTransportOptions } from './transport-options.ts'
import { PATHS, SOCKET_OPTIONS } from './web-sockets.ts'

/** Bytes of the head of a request: ours has about 250. */
const HEAD_BYTES_MAX = 2048
/** Connections, of any kind; the system closes more. */
const CONNECTIONS_MAX = 1024
/** Of a server that refuses everything, without a word more. */
const NOT_FOUND = 'HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'
/** What OpenSSL calls a certificate that is missing or is not the authority's. */
const CERTIFICATE_FAILURE = /CERT|VERIFY|ISSUER|SELF_SIGNED/i

/** A connection that has become a WebSocket and has not said anything yet. */
export interface Newcomer {
  readonly socket: WebSocket
  readonly purpose: Purpose
  readonly address: string
  /** Null without TLS. */
  readonly tls: TLSSocket | null
  /** It is admitted: it counts no longer among those that are not, and has no deadline. */
  settle(): void
}

/** What the server tells. */
export interface ServerEvents {
  /** Whether a member is known to be at an address. */
  isMemberHost(host: string): boolean
  onNewcomer(newcomer: Newcomer): void
  onRefused(objection: Objection, address: string): void
}

/**
 * Where peers call. Whoever does, has until the handshake's timeout to become a peer, over TLS,
 * HTTP and WebSocket together, and less while it says nothing; those that have not yet are few, in
 * all and from one address, and where they are too many the oldest yield to the new. What
 * is no upgrade to one of the two paths is answered 404; so is what comes from a web page, which
 * could otherwise reach a node on its visitor's host.
 */
export class PeerServer {
  readonly #options: PeerTransportOptions
  readonly #events: ServerEvents
  readonly #server: Server | TlsServer
  readonly #upgrader: WebSocketServer
  /** By remote address and port, which TLS and the connection below it have in common. */
  readonly #slots: HandshakeSlots
  /** Of the connections that have a slot, by the same keys. */
  readonly #deadlines = new Map<string, NodeJS.Timeout>()
  /** With their keys. */
  readonly #sockets = new Map<Socket, string>()

  constructor(options: PeerTransportOptions, events: ServerEvents) {
    this.#options = options
    this.#events = events
    const { tls, limits } = options
    this.#slots = new HandshakeSlots({
      strangers: { max: limits.handshakesMax, perAddressMax: limits.handshakesPerAddressMax },
      members: {
        max: limits.memberHandshakesMax,
        perAddressMax: limits.memberHandshakesPerAddressMax,
      },
    })
    const http: ServerOptions = {
      maxHeaderSize: HEAD_BYTES_MAX,
      noDelay: true,
      keepAlive: true,
    }
    this.#server =
      tls === null ? createServer(http) : createTlsServer({ ...http, ...acceptingTls(tls) })
    this.#server.maxConnections = CONNECTIONS_MAX
    this.#upgrader = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      ...SOCKET_OPTIONS,
    })
    this.#listen()
  }

  /** Shows callers this certificate from now on, and asks them for one of this authority. */
  renewTls(tls: PeerTls): void {
    if (this.#server instanceof TlsServer) this.#server.setSecureContext(acceptingTls(tls))
  }

  /** Connections that are not admitted yet. */
  get pendingCount(): number {
    return this.#slots.size
  }

  /**
   * @returns the bound address
   * @throws SluiceError `address-in-use`, `bind-failed`, `descriptors-exhausted`
   */
  async open(): Promise<string> {
    await this.#bind()
    this.#options.accepts.add(this.#server)
    const { address, port } = this.#server.address() as AddressInfo
    return formatHostPort(address, port)
  }

  /**
   * Closes the address, and what has not become a peer; the peers' connections are for their owners
   * to close, and are cut after `closeTimeoutMs`. Resolves when no connection is left.
   */
  async close(): Promise<void> {
    this.#options.accepts.remove(this.#server)
    const isClosed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    for (const [socket, key] of this.#sockets) {
      if (this.#slots.has(key)) socket.destroy()
    }
    const cut = setTimeout(() => {
      for (const socket of this.#sockets.keys()) socket.destroy()
    }, this.#options.limits.closeTimeoutMs)
    await isClosed
    clearTimeout(cut)
  }

  #bind(): Promise<void> {
    const { bind } = this.#options
    const { host, port } = parseHostPort(bind)
    return new Promise((resolve, reject) => {
      const fail = (error: NodeJS.ErrnoException) => {
        const code = error.code === 'EADDRINUSE' ? 'address-in-use' : 'bind-failed'
        reject(new SluiceError(code, `peers at ${bind}: ${error.message}`, error))
      }
      this.#server.once('error', fail)
      this.#server.listen({ port, ...(host === undefined ? {} : { host }) }, () => {
        this.#server.off('error', fail)
        // Afterwards only an accept can fail, which is tried again with the next connection.
        this.#server.on('error', () => {})
        resolve()
      })
    })
  }

  #listen(): void {
    const server = this.#server
    server.on('connection', (socket: Socket) => this.#accepted(socket))
    server.on('request', (_request, response) => {
      response.writeHead(404, { connection: 'close', 'content-length': 0 }).end()
    })
    server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head))
    server.on('clientError', (_error, socket) => socket.destroy())
    server.on('tlsClientError', (error: NodeJS.ErrnoException, socket: TLSSocket) => {
      const isCertificate =
        socket.authorizationError != null || CERTIFICATE_FAILURE.test(error.code ?? '')
      const reason = isCertificate ? 'credentials' : 'garbage'
      const message = isCertificate ? 'no valid certificate' : 'no TLS that both know'
      this.#events.onRefused({ reason, message }, addressOf(socket))
    })
    this.#upgrader.on('wsClientError', (_error, socket) => socket.end(NOT_FOUND))
  }

  #accepted(socket: Socket): void {
    const { limits } = this.#options
    const host = socket.remoteAddress
    if (host === undefined) {
      socket.destroy()
      return
    }
    const key = keyOf(socket)
    const address = addressOf(socket)
    const end = (reason: 'crowded' | 'timeout', message: string): void => {
      this.#settle(key)
      this.#events.onRefused({ reason, message }, address)
      socket.destroy()
    }
    const { handshakeTimeoutMs, silenceTimeoutMs } = limits
    this.#slots.take(key, {
      host,
      isMember: this.#events.isMemberHost(host),
      onYield: () => end('crowded', 'more connections than may wait for their handshake'),
    })
    const late = (): void => end('timeout', 'no handshake in time')
    const silent = setTimeout(
      () => {
        if (!this.#slots.hasSpoken(key)) late()
      },
      Math.min(silenceTimeoutMs, handshakeTimeoutMs),
    )
    const deadline = setTimeout(late, handshakeTimeoutMs)
    this.#deadlines.set(key, deadline)
    this.#sockets.set(socket, key)
    socket.on('close', () => {
      clearTimeout(silent)
      this.#settle(key)
      this.#sockets.delete(socket)
    })
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const tls = request.socket instanceof TLSSocket ? request.socket : null
    const purpose = purposeOf(request.url)
    const isFromPage = request.headers.origin !== undefined
    if (purpose === null || isFromPage || (tls !== null && !tls.authorized)) {
      socket.on('error', () => {})
      socket.end(NOT_FOUND)
      return
    }
    const key = keyOf(request.socket)
    const address = addressOf(request.socket)
    this.#slots.spoke(key)
    this.#upgrader.handleUpgrade(request, socket, head, (webSocket) => {
      this.#events.onNewcomer({
        socket: webSocket,
        purpose,
        address,
        tls,
        settle: () => this.#settle(key),
      })
    })
  }

  #settle(key: string): void {
    clearTimeout(this.#deadlines.get(key))
    this.#deadlines.delete(key)
    this.#slots.leave(key)
  }
}

function purposeOf(url: string | undefined): Purpose | null {
  if (url === PATHS.link) return 'link'
  return url === PATHS.stream ? 'stream' : null
}

function keyOf(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort}`
}

function addressOf({ remoteAddress, remotePort }: Socket): string {
  return formatHostPort(remoteAddress ?? 'unknown', remotePort ?? 0)
}
