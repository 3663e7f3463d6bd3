import { formatAddress } from '../base/address.ts'
import { inSlices, type Steps } from '../base/work-slices.ts'
import type { CounterName } from '../memory/counters.ts'
import { SERVER_STATE, type ServerState, type ServerTable } from '../memory/server-table.ts'
import type { Plan, PlannedBackend, PlannedFrontend, PlannedServer } from '../model/plan.ts'
import { PROBE_STATUS, type ProbeState } from '../model/probe-state.ts'
import type { ServerStateName } from './contract/servers.ts'

/**
 * The columns of HAProxy's statistics, in its order (management manual, section 9.1), up to where
 * its modules add their own. Scripts find them by the names in the first line, or by position.
 */
const COLUMNS = `pxname svname qcur qmax scur smax slim stot bin bout dreq dresp ereq econ eresp
  wretr wredis status weight act bck chkfail chkdown lastchg downtime qlimit pid iid sid throttle
  lbtot tracked type rate rate_lim rate_max check_status check_code check_duration hrsp_1xx hrsp_2xx
  hrsp_3xx hrsp_4xx hrsp_5xx hrsp_other hanafail req_rate req_rate_max req_tot cli_abrt srv_abrt
  comp_in comp_out comp_byp comp_rsp lastsess last_chk last_agt qtime ctime rtime ttime agent_status
  agent_code agent_duration check_desc agent_desc check_rise check_fall check_health agent_rise
  agent_fall agent_health addr cookie mode algo conn_rate conn_rate_max conn_tot intercepted dcon
  dses wrew connect reuse cache_lookups cache_hits srv_icur src_ilim qtime_max ctime_max rtime_max
  ttime_max eint idle_conn_cur safe_conn_cur used_conn_cur need_conn_est uweight agg_server_status
  agg_server_check_status agg_check_status`.split(/\s+/)

/** Lines of a piece: some 60 KB. */
const LINES_PER_PIECE = 200

const POSITIONS: ReadonlyMap<string, number> = new Map(COLUMNS.map((name, i) => [name, i]))

/** The one column that is a time and has no unit in its name: milliseconds. */
const CHECK_TIME = 'check_duration'

/** Values of column `type`. */
const TYPES = { frontend: 0, backend: 1, server: 2 } as const

/** What HAProxy calls the states of a server. */
export const STATE_NAMES: Readonly<Record<ServerState, ServerStateName>> = {
  [SERVER_STATE.down]: 'DOWN',
  [SERVER_STATE.up]: 'UP',
  [SERVER_STATE.drain]: 'DRAIN',
  [SERVER_STATE.maint]: 'MAINT',
}

/** A part of a line by column. */
type Cells = Readonly<Record<string, string | number>>

/** The parts of a line; what is in none stays empty, and the last that has a column counts. */
type Line = readonly Cells[]

/** What is known of a server's life. */
export interface StatisticsLife {
  /** The weight before its agent's percentage. */
  readonly weight: number
  readonly sinceChangeMs: number
  /** Changes to down. */
  readonly downsTotal: number
  readonly downtimeMs: number
}

/** What statistics are read from. */
export interface StatisticsSource {
  readonly table: ServerTable
  readonly plan: Plan
  readonly isStopping: boolean
  /** @param key `backend/server` */
  check(key: string): ProbeState | undefined
  /** @param key `backend/server` */
  life(key: string): StatisticsLife | undefined
}

/**
 * The statistics as HAProxy's CSV: a line for every frontend, server and backend. Columns that it
 * has and we do not count stay empty; its averages are over the last 1024 requests, ours over all.
 * It is made in slices, and given in pieces.
 */
export function renderStatistics(source: StatisticsSource): Promise<readonly string[]> {
  return inSlices(rendering(source))
}

function* rendering(source: StatisticsSource): Steps<string[]> {
  const pieces: string[] = []
  let lines = [`# ${COLUMNS.join(',')},\n`]
  for (const line of linesOf(source)) {
    if (lines.push(`${render(line)}\n`) >= LINES_PER_PIECE) {
      pieces.push(lines.join(''))
      lines = []
    }
    yield
  }
  pieces.push(lines.join(''))
  return pieces
}

function* linesOf(source: StatisticsSource): Generator<Line> {
  let iid = 0
  for (const frontend of source.plan.frontends) yield frontendLine(source, frontend, ++iid)
  for (const backend of source.plan.backends) {
    iid++
    let sid = 0
    for (const server of backend.servers) yield serverLine(source, backend, server, [iid, ++sid])
    yield backendLine(source, backend, iid)
  }
}

function render(line: Line): string {
  const texts = new Array<string>(COLUMNS.length + 1).fill('')
  for (const cells of line) {
    for (const name in cells) {
      const value = cells[name] as string | number
      texts[POSITIONS.get(name) as number] = typeof value === 'number' ? `${value}` : quoted(value)
    }
  }
  return texts.join(',')
}

function frontendLine(
  { table, isStopping }: StatisticsSource,
  { name, row, mode, maxconn }: PlannedFrontend,
  iid: number,
): Line {
  const total = (column: CounterName): number => table.total(row, column)
  return [
    identity(name, 'FRONTEND', iid, 0, 'frontend'),
    traffic(total),
    {
      scur: table.sessions(row),
      slim: maxconn,
      stot: total('connectionsTotal'),
      dreq: total('requestsDenied'),
      ereq: total('requestErrors'),
      status: isStopping ? 'STOP' : 'OPEN',
      mode,
      conn_tot: total('connectionsTotal'),
    },
    mode === 'http' ? { req_tot: total('requestsTotal') } : {},
  ]
}

function backendLine({ table }: StatisticsSource, backend: PlannedBackend, iid: number): Line {
  const { name, row, mode, servers } = backend
  const total = (column: CounterName): number => table.total(row, column)
  const active = servers.filter(
    (server) => table.state(server.row) === SERVER_STATE.up && table.weight(server.row) > 0,
  )
  return [
    identity(name, 'BACKEND', iid, 0, 'backend'),
    traffic(total),
    upstream(total),
    {
      ...queue(table, row),
      scur: table.sessions(row),
      dreq: total('requestsDenied'),
      status: servers.length === 0 || active.length > 0 ? 'UP' : 'DOWN',
      weight: active.reduce((sum, server) => sum + table.presentWeight(server.row), 0),
      act: active.filter(({ backup }) => !backup).length,
      bck: active.filter(({ backup }) => backup).length,
      mode,
      algo: backend.balance,
    },
    mode === 'http' ? { req_tot: total('requestsTotal') } : {},
  ]
}

function serverLine(
  source: StatisticsSource,
  { name: backend, mode }: PlannedBackend,
  server: PlannedServer,
  [iid, sid]: readonly [number, number],
): Line {
  const { table } = source
  const { name, row, maxqueue, track, agent } = server
  const total = (column: CounterName): number => table.total(row, column)
  const key = `${backend}/${name}`
  const check = source.check(track ?? key)
  const state = table.state(row)
  const maxconn = table.agentMaxconn(row) || server.maxconn
  const throttle = table.throttlePercent(row)
  const isJudged = check !== undefined || agent !== null
  return [
    identity(backend, name, iid, sid, 'server'),
    traffic(total),
    upstream(total),
    {
      scur: table.sessions(row),
      status: state === SERVER_STATE.up && !isJudged ? 'no check' : STATE_NAMES[state],
      weight: table.presentWeight(row),
      act: Number(!server.backup),
      bck: Number(server.backup),
      srv_icur: total('idleConnections'),
      addr: formatAddress(server.address),
      mode,
    },
    queue(table, row),
    maxconn === 0 ? {} : { slim: maxconn },
    maxqueue === 0 ? {} : { qlimit: maxqueue },
    throttle === null ? {} : { throttle },
    track === null ? {} : { tracked: track },
    lifeCells(source.life(key)),
    check === undefined ? {} : probeCells(check),
    server.check === null ? {} : { check_rise: server.check.rise, check_fall: server.check.fall },
  ]
}

function identity(
  pxname: string,
  svname: string,
  iid: number,
  sid: number,
  type: keyof typeof TYPES,
): Cells {
  return { pxname, svname, pid: 1, iid, sid, type: TYPES[type] }
}

/** Who waits, in the line of a backend or of a server. */
function queue({ lines }: ServerTable, row: number): Cells {
  return { qcur: lines.length(row), qmax: lines.longest(row) }
}

/** What all lines count. */
function traffic(total: (column: CounterName) => number): Cells {
  return {
    bin: total('bytesIn'),
    bout: total('bytesOut'),
    hrsp_1xx: total('responses1xx'),
    hrsp_2xx: total('responses2xx'),
    hrsp_3xx: total('responses3xx'),
    hrsp_4xx: total('responses4xx'),
    hrsp_5xx: total('responses5xx'),
    hrsp_other: total('responsesOther'),
    wrew: total('failedRewrites'),
  }
}

/** What backends and servers count. */
function upstream(total: (column: CounterName) => number): Cells {
  const requests = total('timedRequests')
  const mean = (column: CounterName): number =>
    requests === 0 ? 0 : Math.round(total(column) / requests)
  return {
    stot: total('sessionsTotal'),
    lbtot: total('sessionsTotal'),
    econ: total('connectionErrors'),
    eresp: total('responseErrors'),
    wretr: total('retries'),
    wredis: total('redispatches'),
    cli_abrt: total('clientAborts'),
    srv_abrt: total('serverAborts'),
    connect: total('connectionAttempts'),
    reuse: total('connectionReuses'),
    qtime: mean('queueTime'),
    ctime: mean('connectTime'),
    rtime: mean('responseTime'),
    ttime: mean('totalTime'),
  }
}

function lifeCells(life: StatisticsLife | undefined): Cells {
  if (life === undefined) return {}
  return {
    uweight: life.weight,
    chkdown: life.downsTotal,
    lastchg: Math.floor(life.sinceChangeMs / 1000),
    downtime: Math.floor(life.downtimeMs / 1000),
  }
}

function probeCells({ status, code, durationMs, ...check }: ProbeState): Cells {
  return {
    chkfail: check.failuresTotal,
    check_status: status,
    ...(code === 0 ? {} : { check_code: code }),
    [CHECK_TIME]: Math.round(durationMs),
    last_chk: check.info,
    check_desc: PROBE_STATUS[status],
    check_health: check.health,
  }
}

/** Quoted where it has to be (RFC 4180 section 2). */
function quoted(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
