import { createServer, type Server, type Socket } from 'node:net'
import type { Address } from '../../../src/base/address.ts'
import type { ProbeConfig } from '../../../src/model/config.ts'
import type { ConnectStep, HttpProbeConfig } from '../../../src/model/probe-protocol.ts'

/** A server to be checked: what it does with a connection may change while it runs. */
export interface CheckedServer {
  readonly address: Address
  behave(onConnection: (socket: Socket) => void): void
  /** Connections that are open now. */
  open(): number
  close(): Promise<void>
}

/** Listens on a free port of the loopback address. */
export async function startServer(onConnection: (socket: Socket) => void): Promise<CheckedServer> {
  let behaviour = onConnection
  const sockets = new Set<Socket>()
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
    behaviour(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    address: { kind: 'inet', host: '127.0.0.1', port: address.port },
    behave(onNext) {
      behaviour = onNext
    },
    open: () => sockets.size,
    close: () =>
      new Promise<void>((resolve) => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resolve())
      }),
  }
}

/** A behaviour: collects the request into `requests` and answers it. */
export function answering(response: string, requests: string[] = []): (socket: Socket) => void {
  return (socket) => {
    socket.on('data', (data) => {
      requests.push(data.toString('latin1'))
      socket.end(response, 'latin1')
    })
  }
}

/** A behaviour: takes the connection and says nothing. */
export function silent(socket: Socket): void {
  socket.resume()
}

export const HTTP_CHECK: HttpProbeConfig = {
  kind: 'http',
  method: 'OPTIONS',
  uri: '/',
  version: 'HTTP/1.0',
  headers: [],
  body: '',
  expect: [{ kind: 'status', negated: false, ranges: [[200, 399]] }],
  response: { acceptInvalid: false, headBytesMax: 15_360, headersMax: 101 },
}

/** HAProxy's defaults, faster. */
export function checksumOf(address: Address, changes: Partial<ProbeConfig> = {}): ProbeConfig {
  const interMs = changes.interMs ?? 1000
  return {
    interMs,
    fastInterMs: interMs,
    downInterMs: interMs,
    spreadPercent: 0,
    rise: 2,
    fall: 3,
    timeoutMs: 1000,
    address,
    sendProxy: null,
    tls: null,
    protocol: null,
    ...changes,
  }
}

/** A `connect` of `tcp-check` without arguments, or as given. */
export function connectStep(changes: Partial<ConnectStep> = {}): ConnectStep {
  return { kind: 'connect', port: null, isDefault: false, sendProxy: false, tls: null, ...changes }
}

/** A promise and the function that fulfils it. */
export function signal<T = void>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {}
  const promise = new Promise<T>((fulfil) => {
    resolve = fulfil
  })
  return { promise, resolve }
}
