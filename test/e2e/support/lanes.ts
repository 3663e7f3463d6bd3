import { type Daemon, startDaemon } from './daemon.ts'
import { shared } from './lifetime.ts'
import { freePort } from './ports.ts'

/** How the daemon of lanes is started. */
export interface LanesOptions {
  /** Tests that take one. */
  readonly count: number
  /** Default: `http`. */
  readonly mode?: 'http' | 'tcp'
  /** Default: 2. */
  readonly threads?: number
  /** Servers of each backend: `s1`, `s2`, ... Default: 1. */
  readonly servers?: number
  /** More of section `defaults`. */
  readonly defaults?: Readonly<Record<string, unknown>>
}

/** A frontend and its backend in a daemon of many, which one test has to itself. */
export interface Lane {
  readonly daemon: Daemon
  /** The name of both. */
  readonly name: string
  /** Of the frontend. */
  readonly port: number
  /** Where the servers are looked for; nobody listens there yet. */
  readonly serverPorts: readonly [number, ...number[]]
}

/**
 * One daemon for many tests, each of which takes a lane of its own: what is started at its server
 * ports, asked through it and counted of it is no other test's.
 *
 * @returns the next lane, for use within a test
 */
export function sharedLanes(options: LanesOptions): () => Lane {
  const lanes = shared(() => startLanes(options))
  return () => {
    const lane = lanes().pop()
    if (lane === undefined) throw new Error(`more than ${options.count} lanes are taken`)
    return lane
  }
}

async function startLanes(options: LanesOptions): Promise<Lane[]> {
  const { count, mode = 'http', threads = 2, servers = 1, defaults = {} } = options
  const ways: Omit<Lane, 'daemon'>[] = []
  for (let n = 1; n <= count; n++) {
    const serverPorts: [number, ...number[]] = [await freePort()]
    while (serverPorts.length < servers) serverPorts.push(await freePort())
    ways.push({ name: `lane${n}`, port: await freePort(), serverPorts })
  }
  const frontends = ways.map(({ name, port }) => {
    return [name, { bind: `127.0.0.1:${port}`, default_backend: name }]
  })
  const backends = ways.map(({ name, serverPorts }) => {
    const addresses = serverPorts.map((port, n) => [`s${n + 1}`, `127.0.0.1:${port}`])
    return [name, { servers: Object.fromEntries(addresses) }]
  })
  const daemon = await startDaemon({
    config: {
      global: { nbthread: threads },
      defaults: { mode, ...defaults },
      frontends: Object.fromEntries(frontends),
      backends: Object.fromEntries(backends),
    },
  })
  return ways.map((way) => ({ ...way, daemon }))
}
