import type { Clock } from '../../base/clock.ts'
import type { ServerTable } from '../../memory/server-table.ts'
import type { BackendTerms, PlannedFrontend } from '../../model/plan.ts'
import type { HttpLogRecord, TcpLogRecord } from '../../telemetry/access-log.ts'
import type { AccessLogWriter } from '../../telemetry/access-log-writer.ts'
import type { Dispatch } from '../dispatch/dispatch.ts'
import type { Termination } from '../dispatch/termination.ts'
import type { ClientConnection } from '../streams/client-stream.ts'
import type { ExchangeRecord } from './exchange-record.ts'

/** What counting and logging take of the worker. */
export interface SettleServices {
  readonly clock: Clock
  readonly table: ServerTable
  /** This worker's counter cells. */
  readonly cells: Float64Array
  readonly accessLog: AccessLogWriter
}

/** What the log of a session needs to know about its parties. */
export interface SessionParties {
  readonly client: Pick<ClientConnection, 'remote' | 'tls'>
  readonly frontend: PlannedFrontend
  readonly backend: BackendTerms | null
  readonly dispatch: Dispatch<unknown>
}

/** What is known of a TCP session at its end. Moments are the services' clock, -1: never came. */
export interface TcpSessionFacts extends SessionParties {
  readonly startMs: number
  readonly connectedMs: number
  readonly bytesIn: number
  readonly bytesOut: number
  readonly termination: Termination
}

const NO_CAPTURES: readonly string[] = []

/** One record a thread: the writer reads it during the call only. */
const record: HttpLogRecord = {
  clientAddress: '',
  clientPort: 0,
  startedAtMs: 0,
  frontend: '',
  isTls: false,
  backend: '',
  server: '',
  requestMs: -1,
  queueMs: -1,
  connectMs: -1,
  responseMs: -1,
  totalMs: 0,
  status: -1,
  bytes: 0,
  termination: '--',
  cookies: '--',
  actconn: 0,
  feconn: 0,
  beconn: 0,
  srvConn: 0,
  retries: 0,
  redispatched: false,
  srvQueue: 0,
  backendQueue: 0,
  requestCaptures: NO_CAPTURES,
  responseCaptures: NO_CAPTURES,
  request: '',
}

/** Writes the access-log line of a TCP session. Call before its places are given up. */
export function logTcpSession(services: SettleServices, facts: TcpSessionFacts): void {
  const { frontend, startMs, connectedMs, bytesIn, bytesOut } = facts
  if (services.accessLog.isOff || !frontend.log) return
  if (frontend.dontlognull && bytesIn + bytesOut === 0) return
  const nowMs = services.clock()
  describeParties(record, services, facts, startMs, nowMs)
  const { queuedMs } = facts.dispatch
  record.queueMs = queuedMs
  record.connectMs = connectedMs < 0 ? -1 : connectedMs - startMs - queuedMs
  record.totalMs = nowMs - startMs
  record.bytes = bytesOut
  record.termination = facts.termination
  services.accessLog.tcp(record)
}

/** Counts and logs an HTTP exchange at its end. Call before its places are given up. */
export function settleExchange(
  services: SettleServices,
  parties: SessionParties,
  exchange: ExchangeRecord,
  termination: Termination,
): void {
  const { cells, clock } = services
  const nowMs = clock()
  exchange.termination = termination
  const isNothing = exchange.isNull && exchange.status === 0
  if (!isNothing) countExchange(cells, parties, exchange, nowMs)
  logExchange(services, parties, exchange, nowMs)
}

function countExchange(
  cells: Float64Array,
  { frontend, backend, dispatch }: SessionParties,
  exchange: ExchangeRecord,
  nowMs: number,
): void {
  exchange.count(cells, frontend.row, nowMs)
  if (backend !== null) exchange.count(cells, backend.row, nowMs)
  if (dispatch.upstream !== null) exchange.count(cells, dispatch.upstream.plan.row, nowMs)
}

function logExchange(
  services: SettleServices,
  parties: SessionParties,
  exchange: ExchangeRecord,
  nowMs: number,
): void {
  if (services.accessLog.isOff || !parties.frontend.log) return
  if (exchange.isNull && parties.frontend.dontlognull) return
  const { startMs, headMs, heldMs, queuedMs, connectedMs, responseMs, method } = exchange
  describeParties(record, services, parties, startMs, nowMs)
  record.requestMs = method === '' || headMs < 0 ? -1 : headMs - startMs
  record.queueMs = heldMs < 0 ? parties.dispatch.queuedMs : heldMs
  record.connectMs = connectedMs < 0 ? -1 : connectedMs - headMs - queuedMs
  record.responseMs = responseMs < 0 ? -1 : responseMs - connectedMs
  record.totalMs = nowMs - startMs
  record.status = exchange.status === 0 ? -1 : exchange.status
  record.bytes = exchange.bytesOut
  record.termination = exchange.termination
  record.cookies = parties.dispatch.stickiness?.letters ?? '--'
  const { captures } = exchange.scope
  record.requestCaptures = method === '' ? NO_CAPTURES : captures.request
  record.responseCaptures = method === '' ? NO_CAPTURES : captures.response
  record.request = method === '' ? '' : `${method} ${exchange.target} HTTP/${exchange.version}`
  services.accessLog.http(record)
}

function describeParties(
  into: TcpLogRecord,
  services: SettleServices,
  { client, frontend, backend, dispatch }: SessionParties,
  startMs: number,
  nowMs: number,
): void {
  const { table } = services
  const server = dispatch.upstream?.plan
  into.clientAddress = client.remote.address
  into.clientPort = client.remote.port
  into.startedAtMs = Date.now() - (nowMs - startMs)
  into.frontend = frontend.name
  into.isTls = client.tls !== null
  into.backend = backend?.name ?? ''
  into.server = server?.name ?? ''
  into.actconn = table.connections()
  into.feconn = table.sessions(frontend.row)
  // HAProxy has given up the session's own places at backend and server by then.
  into.beconn = backend === null ? 0 : table.sessions(backend.row) - Number(dispatch.holdsBackend)
  into.srvConn =
    server === undefined ? 0 : table.sessions(server.row) - Number(dispatch.holdsServer)
  into.srvQueue = dispatch.place.positionAtServer
  into.backendQueue = dispatch.place.positionAtBackend
  into.retries = dispatch.retries
  into.redispatched = dispatch.redispatched
}
