import { createServer, type IncomingMessage, type Server, type ServerOptions } from 'node:http'
import { createServer as createTlsServer, Server as TlsServer } from 'node:https'
import { type AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import { type WebSocket, WebSocketServer } from 'ws'
import { SluiceError } from '../../base/errors.ts'
import { acceptingTls, hasShownName } from './handshake/certificates.ts'
import type { Purpose } from './handshake/handshake.ts'
import { HandshakeSlots } from './handshake/handshake-slots.ts'
import { commonFormat, formatsIn, knownFormats } from './handshake/link-format.ts'
import { acceptingKeyTls } from './handshake/shared-key.ts'
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
/** Of one that knows none of the caller's formats (RFC 9110, section 15.5.22). */
const NO_FORMAT = 'HTTP/1.1 426 Upgrade Required\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'
/** What OpenSSL calls a certificate that is missing or is not the authority's. */
const CERTIFICATE_FAILURE = /CERT|VERIFY|ISSUER|SELF_SIGNED/i
/** What it calls a key that is of another secret, */
const KEY_FAILURE = 'ERR_SSL_BINDER_DOES_NOT_VERIFY'
/** and a caller that has shown no key, so that only a certificate would be left. */
const KEY_MISSING = 'ERR_SSL_NO_SUITABLE_SIGNATURE_ALGORITHM'
/** What it calls all that it finds wrong, but for what the other end says that it finds. */
const TLS_BREACH = /^ERR_SSL_(?!.*ALERT)/
/** What it calls HTTP. */
const NO_TLS = 'ERR_SSL_HTTP_REQUEST'
/** What a connection of TLS begins with (RFC 8446, section 5.1). */
const TLS_HANDSHAKE = 22
/** `handshake_failure`, for who speaks TLS where none is spoken (section 6). */
const TLS_ALERT = Buffer.from([21, 3, 3, 0, 2, 2, 40])

/** A connection that has become a WebSocket and has not said anything yet. */
export interface Newcomer {
  readonly socket: WebSocket
  readonly purpose: Purpose
  readonly address: string
  /**
   * What there is against its being the node of a name, by what it has proved; null: nothing.
   */
  readonly denies: (name: string) => string | null
  /** It is admitted: it counts no longer among those that are not, and has no deadline. */
  settle(): void
}

/** What the server tells. */
export interface ServerEvents {
  /** Whether a member is known to be at an address. */
  isMemberHost(host: string): boolean
  onNewcomer(newcomer: Newcomer): void
  /** @param name that the caller gives; null: it has given none */
  onRefused(objection: Objection, name: string | null, address: string): void
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
  /** The names under which callers have shown, or tried to show, that they know the secret. */
  readonly #claims = new WeakMap<TLSSocket, string>()

  constructor(options: PeerTransportOptions, events: ServerEvents) {
    this.#options = options
    this.#events = events
    const { limits } = options
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
    this.#server = this.#makeServer(http)
    this.#server.maxConnections = CONNECTIONS_MAX
    this.#upgrader = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      handleProtocols: (offered) => commonFormat([...offered]) ?? false,
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

  #makeServer(http: ServerOptions): Server | TlsServer {
    const { secret, tls } = this.#options
    if (tls !== null) return createTlsServer({ ...http, ...acceptingTls(tls) })
    if (secret === null) return createServer(http)
    const key = acceptingKeyTls(secret, (socket, name) => this.#claims.set(socket, name))
    return createTlsServer({ ...http, ...key })
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
    server.on('clientError', (error, socket) => this.#clientFailed(error, socket))
    server.on('tlsClientError', (error: NodeJS.ErrnoException, socket: TLSSocket) => {
      const name = this.#claims.get(socket) ?? null
      const objection = this.#objectionTo(error, name, socket.authorizationError != null)
      if (objection !== null) this.#events.onRefused(objection, name, addressOf(socket))
    })
    this.#upgrader.on('wsClientError', (_error, socket) => socket.end(NOT_FOUND))
  }

  /** A node that has a secret or certificates is told that this one has none, as TLS would. */
  #clientFailed(error: Error & { readonly rawPacket?: Buffer }, socket: Duplex): void {
    const isTls = error.rawPacket?.[0] === TLS_HANDSHAKE && !(this.#server instanceof TlsServer)
    if (!isTls || !(socket instanceof Socket)) {
      socket.destroy()
      return
    }
    const message = 'it speaks TLS, and this node has neither a secret nor certificates'
    this.#events.onRefused({ reason: 'credentials', message }, null, addressOf(socket))
    socket.end(TLS_ALERT)
  }

  /** @returns null: the caller has only gone */
  #objectionTo(
    { code = '' }: NodeJS.ErrnoException,
    name: string | null,
    isUnauthorized: boolean,
  ): Objection | null {
    const { hello } = this.#options
    // A caller whose certificate does not do is cut off too.
    if (code === 'ECONNRESET' && !isUnauthorized) return null
    if (name !== null) {
      const failing = code === KEY_FAILURE ? 'has another secret than' : 'proves no secret to'
      return { reason: 'credentials', message: `${name} ${failing} ${hello.name}` }
    }
    if (code === KEY_MISSING) {
      return { reason: 'credentials', message: 'it does not show that it has the secret' }
    }
    if (isUnauthorized || CERTIFICATE_FAILURE.test(code)) {
      return { reason: 'credentials', message: 'no valid certificate' }
    }
    const message =
      code === NO_TLS
        ? 'it speaks no TLS: a node would have neither a secret nor certificates, or be of a version that used none for a secret'
        : 'no TLS that both know'
    return { reason: 'garbage', message }
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
      this.#events.onRefused({ reason, message }, null, address)
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
    const address = addressOf(request.socket)
    const purpose = purposeOf(request.url)
    const isFromPage = request.headers.origin !== undefined
    socket.on('error', (error) => this.#broke(error, tls, address))
    if (purpose === null || isFromPage || (tls !== null && !this.#isProved(tls))) {
      socket.end(NOT_FOUND)
      return
    }
    const key = keyOf(request.socket)
    const offered = formatsIn(request.headers['sec-websocket-protocol'])
    if (commonFormat(offered) === undefined) {
      const message = `it knows the formats ${offered.join(', ')}, this node ${knownFormats()}`
      this.#events.onRefused({ reason: 'version', message }, null, address)
      socket.end(NO_FORMAT)
      return
    }
    this.#slots.spoke(key)
    this.#upgrader.handleUpgrade(request, socket, head, (webSocket) => {
      this.#events.onNewcomer({
        socket: webSocket,
        purpose,
        address,
        denies: (name) => this.#denial(tls, name),
        settle: () => this.#settle(key),
      })
    })
  }

  /** What TLS finds on an open connection: somebody on the way has changed it. */
  #broke({ code = '' }: NodeJS.ErrnoException, tls: TLSSocket | null, address: string): void {
    if (!TLS_BREACH.test(code)) return
    const name = tls === null ? null : (this.#claims.get(tls) ?? null)
    const message = 'what it says is not as it was sent'
    this.#events.onRefused({ reason: 'garbage', message }, name, address)
  }

  /** Whether the handshake of TLS has shown that the other end belongs to the cluster. */
  #isProved(tls: TLSSocket): boolean {
    return this.#options.tls === null ? this.#claims.has(tls) : tls.authorized
  }

  #denial(tls: TLSSocket | null, name: string): string | null {
    if (tls === null) return null
    if (this.#options.tls !== null) {
      return hasShownName(tls, name) ? null : `the certificate is not in the name ${name}`
    }
    const claim = this.#claims.get(tls)
    return claim === name ? null : `${name} has called under the name ${claim}`
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
