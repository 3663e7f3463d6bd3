import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http'
import type { Socket } from 'node:net'
import { formatAddress, type InetAddress } from '../base/address.ts'
import { SluiceError } from '../base/errors.ts'
import type { AcceptPauses } from '../net/accept-pauses.ts'
import type { DaemonLog } from '../telemetry/daemon-log.ts'
import type { AdminTls } from './admin-tls.ts'
import { ConnectionSlots } from './connection-slots.ts'
import { listenOnSocket, type SocketAccess, type SocketFile } from './socket-file.ts'

/** Connections to one address at once; for more, others are cut that have proven less. */
export const ADMIN_CONNECTIONS_MAX = 128

/** How many of them may have a request under way that is no probe and no scrape. */
const ASKING_MAX = 96

/** What needs no token and is asked all the time. */
const PROBE = /^\/(?:healthz|readyz|metrics)(?:\?|$)/

/** Bytes of a request head. Node's own default. */
const HEAD_BYTES_MAX = 16_384

/**
 * For a whole request to arrive, and for its head. Node counts from the moment the connection is
 * accepted, also while this thread was held and the request lay unread, so that a short time would
 * refuse those who were in time. A slow one keeps nobody out: see {@link ConnectionSlots}.
 */
const REQUEST_TIMEOUT_MS = 10_000

/** Without a byte in either direction, as when a scraper stops reading. */
export const IDLE_TIMEOUT_MS = 30_000

/** How often Node looks for requests that are late. */
const LATE_CHECK_MS = 1000

/** How long `close` waits for answers that are on their way. */
const CLOSE_WAIT_MS = 1000

/** One address that the admin server listens on, with connections of its own. */
export class AdminListener {
  readonly #log: DaemonLog
  readonly #pauses: AcceptPauses
  readonly #server: Server
  readonly #slots = new ConnectionSlots(ADMIN_CONNECTIONS_MAX, ASKING_MAX)
  /** What a connection with TLS stands on; null: none has it. */
  readonly #carriers: WeakMap<Socket, Socket> | null
  /** Of a Unix socket that listens. */
  #file: SocketFile | null = null
  #isOpened = false

  /**
   * @param onRequest answers a request, whatever becomes of it
   * @param pauses has it wait while no descriptor is left
   * @param tls is spoken with everybody; null: with nobody
   */
  constructor(
    onRequest: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
    log: DaemonLog,
    pauses: AcceptPauses,
    tls: AdminTls | null = null,
  ) {
    this.#log = log
    this.#pauses = pauses
    const limits: ServerOptions = { maxHeaderSize: HEAD_BYTES_MAX }
    limits.connectionsCheckingInterval = LATE_CHECK_MS
    this.#server = createServer(limits, (request, response) => {
      if (this.#admit(request, response)) void onRequest(request, response)
    })
    this.#carriers = tls === null ? null : new WeakMap()
    if (tls !== null) this.#secure(tls)
    this.#server.on('connection', (socket) => this.#slots.add(socket))
    this.#server.headersTimeout = REQUEST_TIMEOUT_MS
    this.#server.requestTimeout = REQUEST_TIMEOUT_MS
    this.#server.setTimeout(IDLE_TIMEOUT_MS)
  }

  /**
   * Listens on a TCP port.
   *
   * @returns the address that is bound: with the port that the system chose where it was 0
   * @throws SluiceError `address-in-use`, `bind-failed`
   */
  async listen(bind: InetAddress): Promise<InetAddress> {
    const server = this.#server
    await new Promise<void>((resolve, reject) => {
      const onError = (error: NodeJS.ErrnoException): void => reject(bindError(bind, error))
      server.once('error', onError)
      server.listen({ host: bind.host, port: bind.port }, () => {
        server.off('error', onError)
        resolve()
      })
    })
    this.#opened(formatAddress(bind))
    const bound = server.address()
    if (bound === null || typeof bound === 'string') return bind
    return { kind: 'inet', host: bound.address, port: bound.port }
  }

  /**
   * Listens on a Unix socket.
   *
   * @throws SluiceError as {@link listenOnSocket}
   */
  async listenOnSocket(path: string, access: SocketAccess): Promise<void> {
    this.#file = await listenOnSocket(this.#server, path, access)
    this.#opened(path)
  }

  /** Stops listening; answers on their way have a second to arrive. */
  async close(): Promise<void> {
    this.#file?.remove()
    if (!this.#isOpened) return
    this.#pauses.remove(this.#server)
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    this.#server.closeIdleConnections()
    const cut = setTimeout(() => this.#server.closeAllConnections(), CLOSE_WAIT_MS)
    await closed
    clearTimeout(cut)
  }

  /** Has requests be read of what TLS gives, once a handshake is complete. */
  #secure(tls: AdminTls): void {
    const server = this.#server
    const readers = server.listeners('connection') as ((socket: Socket) => void)[]
    server.removeAllListeners('connection')
    server.on('connection', (carrier) => {
      const secured = tls.accept(carrier)
      this.#carriers?.set(secured, carrier)
      const isLate = setTimeout(() => carrier.destroy(), REQUEST_TIMEOUT_MS)
      secured.once('close', () => clearTimeout(isLate))
      // Whoever is refused has seen why in an alert.
      secured.on('error', () => carrier.destroy())
      secured.once('secure', () => {
        clearTimeout(isLate)
        for (const read of readers) read.call(server, secured)
      })
    })
  }

  /** Whether a request finds a place; otherwise it is answered. */
  #admit(request: IncomingMessage, response: ServerResponse): boolean {
    const socket = this.#carriers?.get(request.socket) ?? request.socket
    const stage = PROBE.test(request.url ?? '') ? 'probing' : 'asking'
    if (this.#slots.move(socket, stage)) {
      response.once('close', () => this.#slots.move(socket, 'idle'))
      return true
    }
    response.writeHead(503, { 'Connection': 'close', 'Retry-After': '1' }).end()
    return false
  }

  #opened(address: string): void {
    this.#isOpened = true
    this.#pauses.add(this.#server)
    this.#server.on('error', (error) => {
      this.#log.error('admin-failed', `the admin address ${address} has failed`, { error })
    })
  }
}

function bindError(bind: InetAddress, error: NodeJS.ErrnoException): SluiceError {
  const code = error.code === 'EADDRINUSE' ? 'address-in-use' : 'bind-failed'
  const message = `cannot bind the admin address ${formatAddress(bind)}: ${error.message}`
  return new SluiceError(code, message, error)
}
