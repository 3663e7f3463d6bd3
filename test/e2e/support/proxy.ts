import { type Daemon, startDaemon } from './daemon.ts'
import { freePort } from './ports.ts'

/** What a proxy is to do otherwise than the default. */
export interface ProxyOptions {
  /** Default: `http`. */
  readonly mode?: 'http' | 'tcp'
  /** Threads; default: 2. */
  readonly threads?: number
  /** More of section `defaults`. */
  readonly defaults?: Readonly<Record<string, unknown>>
}

/** A daemon with one frontend and one backend. */
export interface Proxy {
  readonly daemon: Daemon
  /** Of the frontend. */
  readonly port: number
  /** `http://127.0.0.1:PORT` of the frontend. */
  readonly url: string
}

/** Starts a daemon whose frontend `web` leads to backend `app` with one server at this address. */
export async function startProxy(address: string, options: ProxyOptions = {}): Promise<Proxy> {
  const { mode = 'http', threads = 2, defaults = {} } = options
  const port = await freePort()
  const daemon = await startDaemon({
    config: {
      global: { nbthread: threads },
      defaults: { mode, ...defaults },
      frontends: { web: { bind: `127.0.0.1:${port}`, default_backend: 'app' } },
      backends: { app: { servers: { s1: address } } },
    },
  })
  return { daemon, port, url: `http://127.0.0.1:${port}` }
}
