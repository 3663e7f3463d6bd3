import { beforeEach, describe, expect, it } from 'vitest'
import {
  COUNTER,
  COUNTER_STRIDE,
  type CounterName,
  DURATION_BUCKETS_MS,
} from '../../../src/memory/counters.ts'
import { SERVER_STATE, ServerTable } from '../../../src/memory/server-table.ts'
import type { Mode } from '../../../src/model/config.ts'
import type { EjectionState } from '../../../src/model/ejection.ts'
import type { Plan } from '../../../src/model/plan.ts'
import type { ProbeState } from '../../../src/model/probe-state.ts'
import { Exposition, type ExpositionSource } from '../../../src/telemetry/exposition.ts'
import type { ServerPast } from '../../../src/telemetry/server-families.ts'
import { type ParsedFamily, parseExposition } from './prometheus-text.ts'

const WORKERS = 2
const WEB = 0
const APP = 1
const APP1 = 2
const APP2 = 3
const APP3 = 4
const TCP_IN = 5
const DB = 6

const CHECK: ProbeState = {
  health: 0,
  up: false,
  status: 'L7STS',
  code: 503,
  info: 'Service Unavailable',
  durationMs: 12,
  sinceChangeMs: 3500,
  failuresTotal: 3,
  downTransitionsTotal: 1,
  downtimeMs: 4500,
}

const PAST: ServerPast = { changesTotal: 7, downsTotal: 2, downtimeMs: 6500 }

const EJECTION: EjectionState = {
  isEjected: true,
  ejectionsTotal: {
    'consecutive-errors': 2,
    'consecutive-gateway-errors': 0,
    'success-rate': 1,
    'latency': 0,
  },
}

/** Only what the exposition reads of a plan. */
function planOf(
  frontends: readonly [name: string, row: number, mode: Mode][],
  backends: readonly [
    name: string,
    row: number,
    mode: Mode,
    servers: readonly [string, number][],
  ][],
): Plan {
  return {
    serial: 1,
    maxconn: 5000,
    frontends: frontends.map(([name, row, mode]) => {
      const certificates = [{ path: '/c/a.pem', notAfterMs: 1_900_000_000_000 }]
      const listeners = [{ tls: { certificates } }, { tls: null }, { tls: { certificates } }]
      return { name, row, mode, maxconn: 4000, listeners }
    }),
    backends: backends.map(([name, row, mode, servers]) => ({
      name,
      row,
      mode,
      servers: servers.map(([server, serverRow]) => ({
        name: server,
        row: serverRow,
        maxconn: serverRow * 10,
        maxqueue: serverRow,
      })),
    })),
  } as unknown as Plan
}

const PLAN = planOf(
  [
    ['web', WEB, 'http'],
    ['tcp-in', TCP_IN, 'tcp'],
  ],
  [
    [
      'app',
      APP,
      'http',
      [
        ['app1', APP1],
        ['app2', APP2],
        ['app3', APP3],
      ],
    ],
    ['db', DB, 'tcp', []],
  ],
)

let table: ServerTable
let exposition: Exposition

function sourceOf(changes: Partial<ExpositionSource> = {}): ExpositionSource {
  return {
    table,
    plan: () => PLAN,
    check: (key) => (key === 'app/app2' ? CHECK : undefined),
    past: (key) => (key === 'app/app2' ? PAST : undefined),
    ejection: (key) => (key === 'app/app2' ? EJECTION : undefined),
    cluster: async () => null,
    process: () => ({
      version: '0.1.0',
      configVersion: 7,
      startedAtMs: 1_700_000_000_000,
      uptimeMs: 90_500,
      isStopping: false,
      droppedLogsTotal: 3,
      workerDeathsTotal: 0,
    }),
    ...changes,
  }
}

function count(worker: number, row: number, name: CounterName, by: number): void {
  const cell = row * COUNTER_STRIDE + COUNTER[name]
  const cells = table.counters(worker)
  cells[cell] = (cells[cell] as number) + by
}

beforeEach(() => {
  table = ServerTable.create(WORKERS)
  exposition = new Exposition(sourceOf())
})

async function scrape(): Promise<Map<string, ParsedFamily>> {
  return parseExposition((await exposition.render()).join(''))
}

/** The value of the one sample of a family that has these labels. */
async function valueIn(family: string, labels: Record<string, string> = {}): Promise<unknown> {
  const samples = (await scrape()).get(family)?.samples ?? []
  const wanted = JSON.stringify(labels)
  return samples.find((sample) => JSON.stringify(sample.labels) === wanted)?.value
}

describe('the text', () => {
  it('is well formed, and every family has samples', async () => {
    table.setState(APP1, SERVER_STATE.up)
    table.setSteps(APP1, 4, 4)
    const families = await scrape()
    expect([...families.values()].filter(({ samples }) => samples.length === 0)).toEqual([])
    for (const { name, type } of families.values()) {
      expect(name).toMatch(/^sluice_/)
      expect(name.endsWith('_total')).toBe(type === 'counter')
    }
  })

  it('tells once for each frontend and file when a certificate ends', async () => {
    const families = await scrape()
    const ends = families.get('sluice_frontend_ssl_certificate_expiry_timestamp_seconds')
    const shown = ends?.samples.filter(({ labels }) => labels['proxy'] === 'web')
    expect(shown).toMatchObject([{ labels: { file: '/c/a.pem' }, value: 1_900_000_000 }])
  })

  it('is well formed when nothing is configured', async () => {
    exposition = new Exposition(sourceOf({ plan: () => planOf([], []) }))
    const families = await scrape()
    expect(families.get('sluice_server_status')?.samples).toEqual([])
    expect(families.get('sluice_process_nbthread')?.samples).toHaveLength(1)
  })

  it('names the families as HAProxy does, under its prefix', async () => {
    const ours = [...(await scrape()).keys()]
    const theirs = [...parseExposition((await exposition.render('haproxy')).join('')).keys()]
    expect(theirs).toEqual(ours.map((name) => name.replace(/^sluice_/, 'haproxy_')))
    // Names that HAProxy 2.6 was seen to export; the others are ours.
    const ownNames = theirs.filter((name) => !HAPROXY_NAMES.has(name))
    expect(ownNames).toEqual([
      'haproxy_process_worker_deaths_total',
      'haproxy_process_cpu_seconds_total',
      'haproxy_process_resident_memory_bytes',
      'haproxy_config_version',
      'haproxy_frontend_ssl_sess_total',
      'haproxy_frontend_ssl_reused_sess_total',
      'haproxy_frontend_ssl_failed_handshake_total',
      'haproxy_frontend_ssl_certificate_expiry_timestamp_seconds',
      'haproxy_backend_connection_shortages_total',
      'haproxy_backend_ssl_sess_total',
      'haproxy_backend_ssl_reused_sess_total',
      'haproxy_backend_ssl_failed_handshake_total',
      'haproxy_backend_retry_budget_exhausted_total',
      'haproxy_backend_refused_sessions_total',
      'haproxy_backend_response_duration_seconds',
      'haproxy_server_connection_shortages_total',
      'haproxy_server_ssl_sess_total',
      'haproxy_server_ssl_reused_sess_total',
      'haproxy_server_ssl_failed_handshake_total',
      'haproxy_server_ejected',
      'haproxy_server_ejections_total',
      'haproxy_server_state_changes_total',
    ])
  })

  it('is made once for those who ask at the same time', async () => {
    const [first, second, other] = await Promise.all([
      exposition.render(),
      exposition.render('sluice'),
      exposition.render('haproxy'),
    ])
    expect(second).toBe(first)
    expect(other).not.toBe(first)
    count(0, WEB, 'requestsTotal', 1)
    expect(await exposition.render()).not.toBe(first)
  })

  it('is made in slices of time, and in pieces of text', async () => {
    const names = Array.from({ length: 1_500 }, (_, n) => `s${n}`)
    const servers = names.map((name): [string, number] => [name, APP1])
    const plan = planOf([], [['app', APP, 'http', servers]])
    exposition = new Exposition(sourceOf({ plan: () => plan }))
    let turns = 0
    let next = setImmediate(function again() {
      turns++
      next = setImmediate(again)
    })
    const beganMs = performance.now()
    const pieces = await exposition.render()
    const tookMs = performance.now() - beganMs
    clearImmediate(next)
    // A slice is 8 ms and a step, and steps take as long as the machine is busy.
    expect(turns).toBeGreaterThanOrEqual(Math.min(3, tookMs / 100))
    expect(Math.max(...pieces.map((piece) => piece.length))).toBeLessThan(1_000_000)
    expect(pieces.length).toBeGreaterThan(10)
    const families = parseExposition(pieces.join(''))
    const weights = families.get('sluice_server_weight')?.samples
    expect(weights?.map(({ labels }) => labels['server'])).toEqual(names)
  })
})

describe('the numbers', () => {
  it('are summed over the workers', async () => {
    count(0, WEB, 'requestsTotal', 40)
    count(1, WEB, 'requestsTotal', 2)
    count(1, WEB, 'connectionsTotal', 5)
    count(0, WEB, 'responses2xx', 30)
    count(1, WEB, 'responses2xx', 1)
    count(1, WEB, 'responsesOther', 1)
    expect(await valueIn('sluice_frontend_http_requests_total', { proxy: 'web' })).toBe(42)
    expect(await valueIn('sluice_frontend_connections_total', { proxy: 'web' })).toBe(5)
    const responses = (await scrape()).get('sluice_frontend_http_responses_total')?.samples
    expect(responses?.map(({ labels, value }) => [labels, value])).toEqual([
      [{ code: '1xx', proxy: 'web' }, 0],
      [{ code: '2xx', proxy: 'web' }, 31],
      [{ code: '3xx', proxy: 'web' }, 0],
      [{ code: '4xx', proxy: 'web' }, 0],
      [{ code: '5xx', proxy: 'web' }, 0],
      [{ code: 'other', proxy: 'web' }, 1],
    ])
  })

  it('are those of the row that they are named after', async () => {
    const rows = { app1: APP1, app2: APP2, app3: APP3 }
    for (const [server, row] of Object.entries(rows)) {
      count(0, row, 'sessionsTotal', row * 10)
      count(0, row, 'connectionReuses', row * 100)
      table.setWeight(row, row * 7)
      expect(await valueIn('sluice_server_sessions_total', { proxy: 'app', server })).toBe(row * 10)
      expect(await valueIn('sluice_server_connection_reuses_total', { proxy: 'app', server })).toBe(
        row * 100,
      )
      expect(await valueIn('sluice_server_weight', { proxy: 'app', server })).toBe(row * 7)
    }
  })

  it('tell what the retry budget of a backend did not grant', async () => {
    count(0, APP, 'retriesDenied', 3)
    count(1, APP, 'retriesDenied', 4)
    count(1, APP1, 'retriesDenied', 100)
    const families = await scrape()
    const samples = families.get('sluice_backend_retry_budget_exhausted_total')?.samples
    expect(samples?.map(({ labels, value }) => [labels, value])).toEqual([[{ proxy: 'app' }, 7]])
    expect([...families.keys()].filter((name) => name.includes('budget'))).toHaveLength(1)
  })

  it('tell sessions and connections of this moment', async () => {
    table.acquire(0, WEB)
    table.acquire(1, APP1)
    table.acquire(1, APP1)
    table.addConnections(0, 1)
    expect(await valueIn('sluice_frontend_current_sessions', { proxy: 'web' })).toBe(1)
    expect(await valueIn('sluice_server_current_sessions', { proxy: 'app', server: 'app1' })).toBe(
      2,
    )
    expect(await valueIn('sluice_process_current_connections')).toBe(1)
    table.release(1, APP1)
    expect(await valueIn('sluice_server_current_sessions', { proxy: 'app', server: 'app1' })).toBe(
      1,
    )
  })

  it('tell the process', async () => {
    expect(await valueIn('sluice_config_version')).toBe(7)
    expect(await valueIn('sluice_process_uptime_seconds')).toBe(90.5)
    expect(await valueIn('sluice_process_dropped_logs_total')).toBe(3)
    expect(await valueIn('sluice_process_nbthread')).toBe(WORKERS)
    expect(await valueIn('sluice_process_max_connections')).toBe(5000)
    expect(await valueIn('sluice_process_build_info', { version: '0.1.0' })).toBe(1)
    expect(await valueIn('sluice_process_resident_memory_bytes')).toBeGreaterThan(1e6)
    expect(await valueIn('sluice_process_cpu_seconds_total')).toBeGreaterThan(0)
  })

  it('leave HTTP out where there is none', async () => {
    const proxies = async (family: string): Promise<unknown> =>
      (await scrape()).get(family)?.samples.map(({ labels }) => labels['proxy'])
    expect(await proxies('sluice_frontend_http_requests_total')).toEqual(['web'])
    expect(await proxies('sluice_frontend_connections_total')).toEqual(['web', 'tcp-in'])
    expect(await proxies('sluice_backend_http_requests_total')).toEqual(['app'])
    expect(await proxies('sluice_backend_sessions_total')).toEqual(['app', 'db'])
  })

  it('average times over the requests that were timed', async () => {
    count(0, APP, 'timedRequests', 3)
    count(1, APP, 'timedRequests', 1)
    count(0, APP, 'totalTime', 900)
    count(1, APP, 'totalTime', 100)
    expect(await valueIn('sluice_backend_total_time_average_seconds', { proxy: 'app' })).toBe(0.25)
    expect(await valueIn('sluice_backend_connect_time_average_seconds', { proxy: 'app' })).toBe(0)
  })
})

describe('states', () => {
  async function statesOf(family: string, labels: Record<string, string>): Promise<unknown> {
    const wanted = Object.entries(labels)
    const samples = (await scrape()).get(family)?.samples ?? []
    return Object.fromEntries(
      samples
        .filter((sample) => wanted.every(([label, value]) => sample.labels[label] === value))
        .map((sample) => [sample.labels['state'], sample.value]),
    )
  }

  it.each([
    ['down', { DOWN: 1, UP: 0, DRAIN: 0, MAINT: 0 }],
    ['up', { DOWN: 0, UP: 1, DRAIN: 0, MAINT: 0 }],
    ['drain', { DOWN: 0, UP: 0, DRAIN: 1, MAINT: 0 }],
    ['maint', { DOWN: 0, UP: 0, DRAIN: 0, MAINT: 1 }],
  ] as const)('of a server that is %s', async (state, expected) => {
    table.setState(APP1, SERVER_STATE[state])
    expect(await statesOf('sluice_server_status', { server: 'app1' })).toEqual(expected)
  })

  it('of a backend follow its servers', async () => {
    const statusOf = (proxy: string): Promise<unknown> =>
      statesOf('sluice_backend_status', { proxy })
    expect(await statusOf('app')).toEqual({ DOWN: 1, UP: 0 })
    expect(await statusOf('db')).toEqual({ DOWN: 0, UP: 1 })
    table.setState(APP2, SERVER_STATE.up)
    expect(await statusOf('app')).toEqual({ DOWN: 1, UP: 0 })
    table.setWeight(APP2, 1)
    table.setState(APP3, SERVER_STATE.drain)
    expect(await statusOf('app')).toEqual({ DOWN: 0, UP: 1 })
    expect(await valueIn('sluice_backend_active_servers', { proxy: 'app' })).toBe(1)
    expect(await statesOf('sluice_backend_agg_server_status', { proxy: 'app' })).toEqual({
      DOWN: 1,
      UP: 1,
      DRAIN: 1,
      MAINT: 0,
    })
  })

  it('of a frontend follow the process', async () => {
    expect(await statesOf('sluice_frontend_status', { proxy: 'web' })).toEqual({ DOWN: 0, UP: 1 })
    const { process } = sourceOf()
    const stopping = { process: () => ({ ...process(), isStopping: true }) }
    exposition = new Exposition(sourceOf(stopping))
    expect(await statesOf('sluice_frontend_status', { proxy: 'web' })).toEqual({ DOWN: 1, UP: 0 })
    expect(await valueIn('sluice_process_stopping')).toBe(1)
  })

  it('of checks are told for the servers that are checked', async () => {
    const labels = { proxy: 'app', server: 'app2' }
    expect(await statesOf('sluice_server_check_status', labels)).toEqual({
      SOCKERR: 0,
      L4OK: 0,
      L4TOUT: 0,
      L4CON: 0,
      L6OK: 0,
      L6TOUT: 0,
      L6RSP: 0,
      L7OK: 0,
      L7TOUT: 0,
      L7RSP: 0,
      L7STS: 1,
    })
    expect(await statesOf('sluice_server_check_status', { server: 'app1' })).toEqual({})
    expect(await valueIn('sluice_server_check_code', labels)).toBe(503)
    expect(await valueIn('sluice_server_check_duration_seconds', labels)).toBe(0.012)
    expect(await valueIn('sluice_server_check_last_change_seconds', labels)).toBe(3.5)
    expect(await valueIn('sluice_server_check_failures_total', labels)).toBe(3)
    expect(await statesOf('sluice_backend_agg_check_status', { proxy: 'app' })).toMatchObject({
      L7STS: 1,
      L7OK: 0,
    })
  })
})

describe('the life of a server', () => {
  const labels = { proxy: 'app', server: 'app2' }

  it('is told in changes and time, checked or not', async () => {
    expect(await valueIn('sluice_server_check_up_down_total', labels)).toBe(2)
    expect(await valueIn('sluice_server_downtime_seconds_total', labels)).toBe(6.5)
    expect(await valueIn('sluice_server_state_changes_total', labels)).toBe(7)
  })

  it('is told while it starts slowly', async () => {
    const throttle = (): Promise<unknown> => valueIn('sluice_server_current_throttle', labels)
    table.setWeight(APP2, 40)
    table.setState(APP2, SERVER_STATE.up)
    expect(await throttle()).toBeUndefined()
    table.setSteps(APP2, 3, 3)
    expect(await throttle()).toBe(19)
    expect(await valueIn('sluice_server_weight', labels)).toBe(8)
    table.setSteps(APP2, 16, 3)
    expect(await valueIn('sluice_server_weight', labels)).toBe(40)
    expect(await throttle()).toBe(19)
    table.setState(APP2, SERVER_STATE.drain)
    expect(await throttle()).toBeUndefined()
  })

  it('is told by its limits, which its agent may change, and by who waits', async () => {
    expect(await valueIn('sluice_server_limit_sessions', labels)).toBe(APP2 * 10)
    expect(await valueIn('sluice_server_queue_limit', labels)).toBe(APP2)
    table.setAgentMaxconn(APP2, 5)
    expect(await valueIn('sluice_server_limit_sessions', labels)).toBe(5)
    for (const worker of [0, 1, 1]) table.lines.join(worker, APP2, APP)
    table.lines.leave(1, APP2)
    table.lines.join(0, APP)
    expect(await valueIn('sluice_server_current_queue', labels)).toBe(2)
    expect(await valueIn('sluice_server_max_queue', labels)).toBe(3)
    expect(await valueIn('sluice_backend_current_queue', { proxy: 'app' })).toBe(1)
    expect(await valueIn('sluice_backend_max_queue', { proxy: 'app' })).toBe(1)
  })
})

describe('ejections', () => {
  const labels = { proxy: 'app', server: 'app2' }

  it('are told by cause for the servers that are observed', async () => {
    expect(await valueIn('sluice_server_ejected', labels)).toBe(1)
    const total = async (cause: string): Promise<unknown> =>
      valueIn('sluice_server_ejections_total', { cause, ...labels })
    expect(await total('consecutive-errors')).toBe(2)
    expect(await total('success-rate')).toBe(1)
    expect(await total('latency')).toBe(0)
    expect(await valueIn('sluice_server_ejected', { ...labels, server: 'app1' })).toBeUndefined()
  })
})

describe('the histogram', () => {
  it('counts each request in every bucket that it fits in', async () => {
    const perBucket = [5, 4, 0, 3, 0, 0, 2, 0, 0, 1, 0, 6]
    for (const [bucket, requests] of perBucket.entries()) {
      count(bucket % WORKERS, APP, `duration${bucket}` as CounterName, requests)
    }
    count(1, APP, 'totalTime', 61_500)
    const family = (await scrape()).get('sluice_backend_response_duration_seconds')
    expect(family?.type).toBe('histogram')
    const samples = family?.samples ?? []
    const buckets = samples.filter(({ name }) => name.endsWith('_bucket'))
    expect(buckets.map(({ labels }) => labels['le'])).toEqual([
      ...DURATION_BUCKETS_MS.map((ms) => String(ms / 1000)),
      '+Inf',
    ])
    expect(buckets.map(({ value }) => value)).toEqual([5, 9, 9, 12, 12, 12, 14, 14, 14, 15, 15, 21])
    const rest = samples.filter(({ name }) => !name.endsWith('_bucket'))
    expect(rest.map(({ name, value }) => [name, value])).toEqual([
      ['sluice_backend_response_duration_seconds_sum', 61.5],
      ['sluice_backend_response_duration_seconds_count', 21],
    ])
  })
})

/** What `haproxy -v` 2.6.12 exported, as far as we have it. */
const HAPROXY_NAMES: ReadonlySet<string> = new Set(
  `process_build_info process_start_time_seconds process_uptime_seconds process_stopping
  process_nbthread process_max_connections process_current_connections process_dropped_logs_total
  frontend_status
  frontend_current_sessions frontend_limit_sessions frontend_connections_total
  frontend_sessions_total frontend_bytes_in_total frontend_bytes_out_total
  frontend_request_errors_total frontend_requests_denied_total
  frontend_failed_header_rewriting_total
  frontend_http_requests_total frontend_http_responses_total
  backend_status backend_active_servers backend_agg_server_status backend_agg_check_status
  backend_current_sessions backend_sessions_total backend_bytes_in_total backend_bytes_out_total
  backend_connection_attempts_total backend_connection_reuses_total
  backend_connection_errors_total backend_response_errors_total backend_retry_warnings_total
  backend_redispatch_warnings_total backend_client_aborts_total backend_server_aborts_total
  backend_http_responses_total backend_connect_time_average_seconds
  backend_response_time_average_seconds backend_total_time_average_seconds
  backend_requests_denied_total backend_failed_header_rewriting_total
  backend_current_queue backend_max_queue server_current_queue server_max_queue
  server_queue_limit server_limit_sessions server_current_throttle backend_queue_time_average_seconds server_queue_time_average_seconds
  backend_http_requests_total server_status server_weight server_idle_connections_current
  server_current_sessions server_sessions_total server_bytes_in_total server_bytes_out_total
  server_connection_attempts_total server_connection_reuses_total server_connection_errors_total
  server_response_errors_total server_retry_warnings_total server_redispatch_warnings_total
  server_client_aborts_total server_server_aborts_total server_http_responses_total
  server_connect_time_average_seconds server_response_time_average_seconds
  server_total_time_average_seconds server_check_status server_check_code
  server_check_duration_seconds server_check_last_change_seconds server_check_failures_total
  server_check_up_down_total server_downtime_seconds_total`
    .split(/\s+/)
    .map((name) => `haproxy_${name}`),
)
