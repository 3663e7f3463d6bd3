import { describe, expect, it } from 'vitest'
import { SERVER_STATE, ServerTable } from '../../../src/memory/server-table.ts'
import type { BackendTimeouts, FrontendTimeouts, Mode } from '../../../src/model/config.ts'
import type { Conn, NetEngine } from '../../../src/net/conn.ts'
import { WHEEL_TICK_MS } from '../../../src/net/deadline-wheel.ts'
import { DataPlane } from '../../../src/worker/data-plane.ts'
import { Dice } from '../../simulation/dice.ts'
import { ChaosConn } from './chaos-conn.ts'
import { ChaosClient, ChaosServer, type Peer } from './chaos-peers.ts'
import { BACKEND, FRONTEND, planOf, SERVER, servicesOf, TUNE } from './session-lab.ts'

const SEED = Number(process.env['CHAOS_SEED'] ?? Date.now() % 2 ** 31)
/** Worlds that each kind of session is played in, one a seed; one where a seed is given. */
const RUNS = Number(
  process.env['CHAOS_RUNS'] ?? (process.env['CHAOS_SEED'] === undefined ? 200 : 1),
)
/** A world takes about 15 ms; so much on a busy machine. */
const RUN_MS_MAX = 1000

/**
 * The table of the world before, which all have left. Each is megabytes, and kept for good by who
 * listens for its rings.
 */
let spareTable: ServerTable | null = null

/** All alike and short, so that many fall due in one tick. */
const SHORT_MS = 4 * WHEEL_TICK_MS
const FRONTEND_TIMEOUTS: FrontendTimeouts = {
  clientMs: SHORT_MS,
  clientFinMs: SHORT_MS,
  httpRequestMs: SHORT_MS,
  httpKeepAliveMs: SHORT_MS,
  tarpitMs: SHORT_MS,
  tcpIdleMs: SHORT_MS,
}
const BACKEND_TIMEOUTS: BackendTimeouts = {
  connectMs: SHORT_MS,
  serverMs: SHORT_MS,
  serverFinMs: SHORT_MS,
  queueMs: SHORT_MS,
  checkMs: SHORT_MS,
  tarpitMs: SHORT_MS,
  tunnelMs: SHORT_MS,
  tcpIdleMs: SHORT_MS,
  tcpTunnelMs: null,
}
const SERVERS = 2
const CLIENTS_MAX = 12
const STEPS = 600
/** Everything that anybody may still be given time for has run out by then. */
const REST_MS = 200 * SHORT_MS

/** A data plane between clients and servers that do everything that peers can do. */
class ChaosWorld {
  readonly clients: ChaosClient[] = []
  readonly #peers: Peer[] = []
  readonly #dice: Dice
  readonly #table = spareTable ?? ServerTable.create(1)
  readonly #services
  readonly #dataPlane: DataPlane
  #accept: ((conn: Conn) => void) | null = null

  constructor(seed: number, mode: Mode) {
    const dice = new Dice(seed)
    this.#dice = dice
    spareTable = null
    const engine: NetEngine = {
      name: 'node',
      listen: (_fd, _kind, onAccept) => {
        this.#accept = onAccept
        const close = (): void => {
          this.#accept = null
        }
        const drain = (onDrained: () => void): void => {
          close()
          onDrained()
        }
        return { close, drain, pause() {}, resume: () => true }
      },
      connect: (_address, handler) => {
        const conn = new ChaosConn(dice, true)
        conn.handler = handler
        this.#peers.push(new ChaosServer(dice, conn))
        return conn
      },
    }
    this.#services = servicesOf(TUNE, this.#table, engine)
    for (let n = 0; n < SERVERS; n++) {
      this.#table.setState(SERVER + n, SERVER_STATE.up)
      this.#table.setWeight(SERVER + n, 1)
    }
    this.#dataPlane = new DataPlane(this.#services)
    const acceptProxy = dice.chance(0.1)
    const bind = { key: 'only', fd: 0, kind: 'inet', backlog: 10 } as const
    const listener = { ...bind, acceptProxy, proto: null, tls: null }
    this.#dataPlane.apply(
      planOf({
        frontend: {
          mode,
          timeouts: FRONTEND_TIMEOUTS,
          httpRequest: [
            'tarpit if { path /held }',
            `wait-for-body time ${SHORT_MS} at-least 100 if { path /read }`,
          ],
          listeners: [listener],
        },
        backend: {
          mode,
          timeouts: BACKEND_TIMEOUTS,
          redispatch: dice.chance(0.5),
          retryOn: ['conn-failure', 'empty-response', 'junk-response', 'response-timeout'],
        },
        server: { maxconn: dice.chance(0.5) ? 2 : 0 },
        servers: SERVERS,
      }),
      () => {},
    )
  }

  /** Lets them all play, then stand still until every time has run out. */
  async play(): Promise<void> {
    const dice = this.#dice
    for (let step = 0; step < STEPS; step++) {
      if (dice.chance(0.05)) this.#connectClient()
      if (dice.chance(0.1)) this.#passTick()
      if (dice.chance(0.002)) this.#dataPlane.cut()
      const peer = this.#peers[dice.below(this.#peers.length)]
      peer?.act()
      if (dice.chance(0.7)) peer?.conn.step()
      // Those who wait in line are served in microtasks.
      await Promise.resolve()
    }
    for (let restMs = 0; restMs < REST_MS; restMs += WHEEL_TICK_MS) {
      while (this.#peers.some(({ conn }) => conn.step())) await Promise.resolve()
      this.#passTick()
      await Promise.resolve()
    }
  }

  /** Leaves its table to the next world. */
  end(): void {
    spareTable = this.#table
  }

  /** Sessions that are still counted, anywhere. */
  sessions(): number[] {
    const rows = [FRONTEND, BACKEND, ...Array.from({ length: SERVERS }, (_, n) => SERVER + n)]
    return [this.#table.connections(), ...rows.map((row) => this.#table.sessions(row))]
  }

  #connectClient(): void {
    if (this.clients.length >= CLIENTS_MAX || this.#accept === null) return
    const conn = new ChaosConn(this.#dice, false)
    const client = new ChaosClient(this.#dice, conn)
    this.clients.push(client)
    this.#peers.push(client)
    this.#accept(conn)
  }

  #passTick(): void {
    const { wheel } = this.#services
    wheel.advance(wheel.nowMs + WHEEL_TICK_MS)
  }
}

/** What is wrong with what a client was sent; null where it is the beginning of whole answers. */
function faultIn(text: string): string | null {
  let rest = text
  while (rest !== '') {
    const end = rest.indexOf('\r\n\r\n')
    if (end < 0) return /^HTTP\/1\.1/.test(rest) ? null : `no head: ${rest}`
    const head = rest.slice(0, end)
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1])
    if (Number.isNaN(status)) return `no head: ${rest}`
    rest = rest.slice(end + 4)
    // A body that is cut off, or ends with its connection, has no answer behind it.
    if (status === 101 || status < 200) {
      if (status === 101) return null
      continue
    }
    const length = /^Content-Length: (\d+)/m.exec(head)?.[1]
    const bytes = length === undefined ? chunkedLength(head, rest) : Number(length)
    const body = rest.slice(0, bytes)
    if (/HTTP\/1/.test(body)) return `an answer within an answer: ${text}`
    rest = rest.slice(bytes)
  }
  return null
}

function chunkedLength(head: string, rest: string): number {
  const isChunked = /^Transfer-Encoding: chunked/m.test(head)
  const end = isChunked ? rest.indexOf('0\r\n\r\n') : -1
  return end < 0 ? rest.length : end + 5
}

describe.each(['http', 'tcp'] as const)('mode %s, with peers that do anything', (mode) => {
  it(`ends every session once, from seed ${SEED} on`, { timeout: RUNS * RUN_MS_MAX }, async () => {
    for (let seed = SEED; seed < SEED + RUNS; seed++) {
      const world = new ChaosWorld(seed, mode)
      const where = `CHAOS_SEED=${seed}`
      await world.play().catch((cause: unknown) => {
        throw new Error(where, { cause })
      })
      expect(world.sessions(), where).toEqual([0, 0, 0, 0, 0])
      for (const { conn } of world.clients) {
        expect(conn.isClosed, where).toBe(true)
        if (mode === 'http') expect(faultIn(conn.written), where).toBeNull()
      }
      world.end()
    }
  })
})
