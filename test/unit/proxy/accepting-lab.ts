import { chunkLimitsOf, headLimitsOf } from '../../../src/http/limits.ts'
import { RequestHead } from '../../../src/http/request-head.ts'
import { ResponseHead } from '../../../src/http/response-head.ts'
import type { Mode } from '../../../src/model/config.ts'
import { COUNTER_COLUMNS, type CounterName } from '../../../src/model/counters.ts'
import type { Plan } from '../../../src/model/plan.ts'
import { SERVER_STATE, ServerTable } from '../../../src/model/server-table.ts'
import type { Conn, NetEngine } from '../../../src/net/conn.ts'
import { DeadlineWheel } from '../../../src/net/deadline-wheel.ts'
import { DataPlane } from '../../../src/proxy/data-plane.ts'
import { RequestRewrite, ResponseRewrite } from '../../../src/proxy/rewrite.ts'
import type { Services } from '../../../src/proxy/services.ts'
import type { AccessLogWriter } from '../../../src/telemetry/access-log-writer.ts'
import { SessionQueues } from '../../../src/upstream/session-queue.ts'
import { FakeConn, FakeEngine } from './fake-network.ts'

/** `timeout client` of the lab, which a header may take in `mode tcp`. */
export const CLIENT_MS = 10_000
/** `timeout http-request` of the lab. */
export const HTTP_REQUEST_MS = 5000
/** `maxconn` of its frontend. */
export const MAXCONN = 3

const [FRONTEND, BACKEND, SERVER] = [0, 1, 2]
const TUNE = {
  bufsizeBytes: 16_384,
  maxrewriteBytes: 1024,
  httpMaxhdr: 101,
  httpRequestLineBytesMax: 8192,
  httpChunkExtensionBytesMax: 16_384,
  httpTrailerBytesMax: 15_360,
  httpPipelinedMax: 1000,
  httpRetryBodyBytesMax: 16_384,
}

function planOf(mode: Mode): Plan {
  const ofBoth = { mode, forwardfor: null, forwarded: null, errorAnswers: [], acls: [] }
  const address = { kind: 'inet', host: '192.0.2.9', port: 80 } as const
  return {
    serial: 1,
    maxconn: 100,
    tune: TUNE,
    frontends: [
      {
        ...ofBoth,
        name: 'web',
        row: FRONTEND,
        maxconn: MAXCONN,
        timeouts: {
          clientMs: CLIENT_MS,
          clientFinMs: CLIENT_MS,
          httpRequestMs: HTTP_REQUEST_MS,
          httpKeepAliveMs: 60_000,
          tcpIdleMs: CLIENT_MS,
        },
        acceptConnect: false,
        dontlognull: false,
        ignoreProbes: false,
        log: false,
        httpRequest: [],
        httpResponse: [],
        useBackend: [],
        defaultBackend: 'app',
        listeners: [{ key: 'only', fd: 0, kind: 'inet', backlog: 10, acceptProxy: true }],
      },
    ],
    backends: [
      {
        ...ofBoth,
        name: 'app',
        row: BACKEND,
        balance: 'roundrobin',
        hashType: { method: 'map-based', function: 'sdbm', avalanche: false },
        hashBalanceFactor: null,
        timeouts: {
          connectMs: 1000,
          serverMs: 20_000,
          serverFinMs: 20_000,
          queueMs: 1000,
          checkMs: 1000,
          tunnelMs: 20_000,
          tcpIdleMs: 20_000,
          tcpTunnelMs: null,
        },
        retries: 3,
        httpReuse: 'always',
        retryOn: ['conn-failure'],
        retryOnStatuses: [],
        retryBudget: { percent: 20, minPerSec: 10 },
        outlierDetection: null,
        circuitBreaker: { maxRequests: 0, maxPending: null },
        fullconn: 1000,
        allbackups: false,
        redispatch: false,
        persistence: null,
        stickMemory: null,
        httpRequest: [],
        httpResponse: [],
        servers: [
          {
            name: 's1',
            row: SERVER,
            address,
            weight: 1,
            maxconn: 0,
            minconn: 0,
            backup: false,
            disabled: false,
            cookie: null,
            sendProxy: null,
            poolIdleMax: 4,
            poolPurgeDelayMs: 5000,
            check: null,
            observe: null,
            agent: null,
            track: null,
          },
        ],
      },
    ],
  }
}

/** A data plane that accepts with `accept-proxy`, without network and clock. */
export function startAccepting(mode: Mode) {
  const table = ServerTable.create(1)
  table.setState(SERVER, SERVER_STATE.up)
  table.setWeight(SERVER, 1)
  const servers = new FakeEngine()
  const listening: ((conn: Conn) => void)[] = []
  const engine: NetEngine = {
    name: 'node',
    connect: (address, handler) => servers.connect(address, handler),
    listen: (_fd, _kind, onAccept) => {
      listening.push(onAccept)
      return { close: () => listening.splice(listening.indexOf(onAccept), 1) }
    },
  }
  const wheel = new DeadlineWheel(0)
  const requestHead = new RequestHead(headLimitsOf(TUNE))
  const responseHead = new ResponseHead(headLimitsOf(TUNE))
  const services: Services = {
    engine,
    wheel,
    clock: () => wheel.nowMs,
    random: () => 0,
    table,
    worker: 0,
    cells: table.counters(0),
    queues: new SessionQueues(table, 0),
    accessLog: { isOff: true } as AccessLogWriter,
    tune: TUNE,
    chunkLimits: chunkLimitsOf(TUNE),
    requestHead,
    requestEdits: { added: '', target: '', defaultHost: '', close: false, upgrade: false },
    requestRewrite: new RequestRewrite(requestHead, TUNE.bufsizeBytes),
    responseHead,
    responseEdits: { added: '', connection: '', dechunked: false },
    responseRewrite: new ResponseRewrite(responseHead, TUNE.bufsizeBytes),
    draining: false,
  }
  const dataPlane = new DataPlane(services)
  dataPlane.apply(planOf(mode))
  return {
    dataPlane,
    table,
    /** Connections to the server, in the order in which they were opened. */
    opened: servers.opened,
    isAccepting: () => listening.length > 0,
    /** A client connects. */
    accept: (): FakeConn => {
      const client = new FakeConn()
      listening[0]?.(client)
      return client
    },
    /** Client connections as the process and the frontend count them. */
    counted: () => [table.connections(), table.sessions(FRONTEND)],
    /** The counters of the frontend that are not zero. */
    counters: (): Partial<Record<CounterName, number>> => {
      const entries = COUNTER_COLUMNS.map((name) => [name, table.total(FRONTEND, name)] as const)
      return Object.fromEntries(entries.filter(([, total]) => total !== 0))
    },
    /** Lets time pass, as the worker's ticker does. */
    pass: (ms: number): void => {
      for (const end = wheel.nowMs + ms; wheel.nowMs < end; ) {
        wheel.advance(Math.min(wheel.nowMs + 50, end))
      }
    },
  }
}
