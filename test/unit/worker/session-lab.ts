import { vi } from 'vitest'
import { h2LimitsOf } from '../../../src/http/h2/h2-limits.ts'
import { chunkLimitsOf, headLimitsOf } from '../../../src/http/limits.ts'
import { ResponseHead } from '../../../src/http/response-head.ts'
import type { CounterName } from '../../../src/memory/counters.ts'
import { ProcessVariables, reserveProcessVariables } from '../../../src/memory/process-variables.ts'
import { SERVER_STATE, ServerTable } from '../../../src/memory/server-table.ts'
import type { FrontendTimeouts, TuneConfig } from '../../../src/model/config.ts'
import type {
  Plan,
  PlannedBackend,
  PlannedFrontend,
  PlannedServer,
} from '../../../src/model/plan.ts'
import type { OnShortage, OwnFailure } from '../../../src/model/shortage.ts'
import type { NetEngine } from '../../../src/net/conn.ts'
import { DeadlineWheel } from '../../../src/net/deadline-wheel.ts'
import { DescriptorGauge } from '../../../src/net/descriptor-gauge.ts'
import { ClientTlsContexts } from '../../../src/net/tls/client-tls.ts'
import { sharedScope } from '../../../src/rules/rule-scope.ts'
import { linearPatterns } from '../../../src/rules-host/linear-patterns.ts'
import type { AccessLogWriter } from '../../../src/telemetry/access-log-writer.ts'
import { Places } from '../../../src/worker/accept/place.ts'
import type { Door } from '../../../src/worker/clients/client-services.ts'
import { H1Client } from '../../../src/worker/clients/h1-client.ts'
import type { OpenExchange } from '../../../src/worker/clients/h1-client-stream.ts'
import { HangUpWatch } from '../../../src/worker/clients/hang-up-watch.ts'
import { compileRuntime, enterRuntime, type Runtime } from '../../../src/worker/compilation.ts'
import type { DataPlaneServices } from '../../../src/worker/data-plane.ts'
import { SessionQueues } from '../../../src/worker/dispatch/session-queue.ts'
import { TableBuilds } from '../../../src/worker/dispatch/table-builds.ts'
import { HttpExchange } from '../../../src/worker/exchange/http-exchange.ts'
import { ResponseRewrite } from '../../../src/worker/exchange/rewriting/rewrite.ts'
import { RequestHeads } from '../../../src/worker/exchange/routing/request-heads.ts'
import { HandshakeFailures } from '../../../src/worker/servers/handshake-failures.ts'
import { Shortages } from '../../../src/worker/servers/shortages.ts'
import { someTicketKeys } from '../../fixtures/ticket-keys.ts'
import { acceptFakeTls, connectFakeTls, FakeConn, FakeEngine } from './fake-network.ts'

/** `timeout client` and `timeout client-fin` of the lab. */
export const CLIENT_MS = 10_000
/** `timeout http-request` of the lab. */
export const HTTP_REQUEST_MS = 5000
/** `timeout connect` of the lab. */
export const CONNECT_MS = 1000
/** `timeout server` of the lab. */
export const SERVER_MS = 20_000
/** Row of the lab's frontend in the server table. */
export const FRONTEND = 0
/** Row of its backend. */
export const BACKEND = 1
/** Row of its first server; the others have the rows after it. */
export const SERVER = 2

/** The limits of its parsers. */
export const TUNE: TuneConfig = {
  bufsizeBytes: 16_384,
  maxrewriteBytes: 1024,
  httpMaxhdr: 101,
  httpRequestLineBytesMax: 8192,
  httpChunkExtensionBytesMax: 16_384,
  httpTrailerBytesMax: 15_360,
  httpPipelinedMax: 1000,
  httpRetryBodyBytesMax: 16_384,
  h2Backend: { maxConcurrentStreams: 100, initialWindowSize: 65_536, glitchesMax: 1_000 },
  h2Frontend: { maxConcurrentStreams: 100, initialWindowSize: 65_536, glitchesMax: 1_000 },
  sslLifetimeMs: 300_000,
  sslTicketKeyRotationMs: 7_200_000,
  sslTicketKeys: 3,
}

/** The timeouts of its frontend. */
export const FRONTEND_TIMEOUTS: FrontendTimeouts = {
  clientMs: CLIENT_MS,
  clientFinMs: CLIENT_MS,
  httpRequestMs: HTTP_REQUEST_MS,
  httpKeepAliveMs: 60_000,
  tarpitMs: CONNECT_MS,
  tcpIdleMs: CLIENT_MS,
}

const FRONTEND_PLAN: PlannedFrontend = {
  name: 'web',
  row: FRONTEND,
  mode: 'http',
  maxconn: 100,
  timeouts: FRONTEND_TIMEOUTS,
  forwardfor: null,
  forwarded: null,
  errorAnswers: [],
  acceptConnect: false,
  dontlognull: false,
  ignoreProbes: false,
  log: false,
  acls: [],
  captures: [],
  httpRequest: [],
  httpResponse: [],
  tcpRequest: [],
  useBackend: [],
  defaultBackend: 'app',
  listeners: [],
}

const BACKEND_PLAN: PlannedBackend = {
  name: 'app',
  row: BACKEND,
  mode: 'http',
  balance: 'roundrobin',
  hashType: { method: 'map-based', function: 'sdbm', avalanche: false },
  hashBalanceFactor: null,
  timeouts: {
    connectMs: CONNECT_MS,
    serverMs: SERVER_MS,
    serverFinMs: SERVER_MS,
    queueMs: 1000,
    checkMs: 1000,
    tarpitMs: CONNECT_MS,
    tunnelMs: SERVER_MS,
    tcpIdleMs: SERVER_MS,
    tcpTunnelMs: null,
  },
  retries: 3,
  httpReuse: 'always',
  retryOn: ['conn-failure'],
  retryOnStatuses: [],
  retryBudget: { percent: 20, minPerSec: 10 },
  outlierDetection: null,
  circuitBreaker: { maxRequests: 0, maxPending: null },
  localVeto: false,
  fullconn: 1000,
  acceptInvalidResponse: false,
  allbackups: false,
  redispatch: false,
  persistence: null,
  stickMemory: null,
  forwardfor: null,
  forwarded: null,
  errorAnswers: [],
  acls: [],
  httpRequest: [],
  httpResponse: [],
  servers: [],
}

/** What differs from the lab's standard plan: one server, and the defaults of a config. */
export interface LabPlan {
  readonly frontend?: Partial<PlannedFrontend>
  readonly backend?: Partial<PlannedBackend>
  /** Of every server. */
  readonly server?: Partial<PlannedServer>
  /** How many there are: `10.0.0.1`, `10.0.0.2` ... Default 1. */
  readonly servers?: number
}

function serverOf(index: number, changes: Partial<PlannedServer> = {}): PlannedServer {
  return {
    name: `s${index + 1}`,
    row: SERVER + index,
    address: { kind: 'inet', host: `10.0.0.${index + 1}`, port: 80 },
    weight: 1,
    maxconn: 0,
    minconn: 0,
    maxqueue: 0,
    slowStartMs: 0,
    backup: false,
    disabled: false,
    cookie: null,
    sendProxy: null,
    proto: null,
    tls: null,
    trafficTls: null,
    poolIdleMax: 4,
    poolPurgeDelayMs: 5000,
    check: null,
    observe: null,
    agent: null,
    track: null,
    ...changes,
  }
}

/** A plan with one frontend and one backend. */
export function planOf({ frontend, backend, server, servers = 1 }: LabPlan): Plan {
  const all = Array.from({ length: servers }, (_, index) => serverOf(index, server))
  return {
    serial: 1,
    maxconn: 100,
    trafficNumbersMax: Number.POSITIVE_INFINITY,
    tune: TUNE,
    frontends: [{ ...FRONTEND_PLAN, ...frontend }],
    backends: [{ ...BACKEND_PLAN, servers: all, ...backend }],
  }
}

/** What a worker of the lab works with: time passes as its wheel is advanced. */
export function servicesOf(
  tune: TuneConfig,
  table: ServerTable,
  engine: NetEngine,
  onShortage: OnShortage = () => {},
): DataPlaneServices {
  const limits = headLimitsOf(tune)
  const wheel = new DeadlineWheel(0)
  const responseHead = new ResponseHead(limits)
  const processVariables = new ProcessVariables(reserveProcessVariables())
  return {
    engine,
    acceptTls: acceptFakeTls,
    connectTls: connectFakeTls,
    tlsContexts: new ClientTlsContexts(),
    handshakeFailures: new HandshakeFailures(() => {}),
    descriptors: new DescriptorGauge(),
    shortages: new Shortages(onShortage),
    wheel,
    clock: () => wheel.nowMs,
    random: () => 0,
    patterns: linearPatterns,
    table,
    worker: 0,
    cells: table.counters(0),
    builds: new TableBuilds(() => wheel.nowMs),
    queues: new SessionQueues(table, 0),
    hangUps: new HangUpWatch(wheel),
    accessLog: { isOff: true } as AccessLogWriter,
    tune,
    processVariables,
    sharedScope: sharedScope(processVariables),
    ticketKeys: someTicketKeys().keys,
    chunkLimits: chunkLimitsOf(tune),
    h2Limits: h2LimitsOf(tune.h2Backend),
    h2ClientLimits: { ...h2LimitsOf(tune.h2Frontend), takesProtocol: true },
    requestHeads: new RequestHeads(limits, tune.bufsizeBytes),
    requestEdits: { added: '', target: '', hostless: false },
    responseHead,
    responseEdits: { added: '', connection: '', dechunked: false },
    responseRewrite: new ResponseRewrite(responseHead, tune.bufsizeBytes),
    draining: false,
  }
}

/** Lets time pass, as the worker's ticker does. */
export function passTime(wheel: DeadlineWheel, ms: number): void {
  for (const end = wheel.nowMs + ms; wheel.nowMs < end; ) {
    wheel.advance(Math.min(wheel.nowMs + 50, end))
  }
}

/**
 * A session of one client, or more, in front of servers, without network and clock.
 *
 * @param table for tests that start hundreds: each is 13 MB, and kept for good by the session queues
 *   that listen on it; one that all share counts on from lab to lab
 */
export function start(
  tuned: Partial<TuneConfig> = {},
  plan: LabPlan = {},
  table = ServerTable.create(1),
) {
  const tune = { ...TUNE, ...tuned }
  const engine = new FakeEngine()
  const shortages: OwnFailure[] = []
  const services = servicesOf(tune, table, engine, (failure) => shortages.push(failure))
  const { wheel, requestHeads } = services
  const open: OpenExchange = (stream, door) => new HttpExchange(stream, door, services)
  const connections = new Places(services, () => {})
  let runtime: Runtime | null = null
  const door = { frontend: runtime, closed: false } as unknown as Door
  /** Runs a plan from now on, as a reload does. */
  const apply = (changes: LabPlan): void => {
    const previous = runtime
    const planned = planOf(changes)
    const next = compileRuntime(planned, services, previous)
    runtime = next
    for (const { row } of planned.backends.flatMap(({ servers }) => servers)) {
      table.setState(row, SERVER_STATE.up)
      table.setWeight(row, 1)
    }
    Object.assign(door, { frontend: next.frontends.get('web') })
    enterRuntime(next, previous, table)
  }
  apply(plan)
  /** One more client connects. */
  const connectClient = (): FakeConn => {
    const conn = new FakeConn()
    new H1Client(conn, connections.take(door), services, open)
    return conn
  }
  return {
    client: connectClient(),
    connectClient,
    engine,
    table,
    /** Of clients. */
    connections,
    /** What was said to be lacking for connections. */
    shortages,
    apply,
    /** Lets time pass, as the worker's ticker does. */
    pass: (ms: number): void => passTime(wheel, ms),
    /** Opens the server connection that is being waited for. */
    connectServer: (): FakeConn => {
      const server = engine.opened.at(-1) as FakeConn
      server.handler.onConnect(server)
      return server
    },
    /** Sessions that the backend and its servers have now. */
    places: (): number[] => {
      const { servers = 1 } = plan
      return Array.from({ length: 1 + servers }, (_, n) => table.sessions(BACKEND + n))
    },
    /** A counter of the backend, or of another row. */
    counted: (name: CounterName, row = BACKEND): number => table.total(row, name),
    /** Called each time that a request head is parsed. */
    parsing: vi.spyOn(requestHeads.atHand.head.headers, 'clear'),
  }
}
