import { describe, expect, it } from 'vitest'
import { COUNTER, COUNTER_STRIDE, type CounterName } from '../../../src/memory/counters.ts'
import { SERVER_STATE, ServerTable } from '../../../src/memory/server-table.ts'
import type { Plan } from '../../../src/model/plan.ts'
import type { ProbeState } from '../../../src/model/probe-state.ts'
import { renderStatistics, type StatisticsSource } from '../../../src/operations/statistics-csv.ts'
import { checksumOf } from '../health/check-servers.ts'

const address = { kind: 'inet', host: '10.0.0.1', port: 80 } as const
const server = {
  address,
  maxconn: 0,
  maxqueue: 0,
  track: null,
  agent: null,
  check: null,
  backup: false,
}

const PLAN = {
  frontends: [{ name: 'web', row: 0, mode: 'http', maxconn: 100 }],
  backends: [
    {
      name: 'app',
      row: 1,
      mode: 'http',
      balance: 'hdr(a,b)',
      servers: [
        { ...server, name: 'a', row: 2, maxconn: 7, maxqueue: 4, check: checksumOf(address) },
        { ...server, name: 'b', row: 3, backup: true },
        { ...server, name: 'c', row: 4, track: 'app/a' },
      ],
    },
  ],
} as unknown as Plan

const CHECK: ProbeState = {
  health: 0,
  up: false,
  status: 'L7STS',
  code: 503,
  info: 'Service "x", down',
  durationMs: 1.6,
  sinceChangeMs: 0,
  failuresTotal: 4,
  downTransitionsTotal: 2,
  downtimeMs: 0,
}

/** Reads CSV with quotes (RFC 4180 section 2). */
function cells(line: string): string[] {
  return [...line.matchAll(/(?:"((?:[^"]|"")*)"|([^,]*)),/g)].map(
    ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? '',
  )
}

function read(text: string): Map<string, Record<string, string>> {
  const [head = '', ...lines] = text.trimEnd().split('\n')
  const names = cells(head.replace(/^# /, ''))
  return new Map(
    lines.map((line) => {
      const row = Object.fromEntries(cells(line).map((cell, i) => [names[i], cell]))
      return [`${row['pxname']}/${row['svname']}`, row] as const
    }),
  )
}

function sourceOf(table: ServerTable, changes: Partial<StatisticsSource> = {}): StatisticsSource {
  return {
    table,
    plan: PLAN,
    isStopping: false,
    check: (key) => (key === 'app/a' ? CHECK : undefined),
    life: () => ({ weight: 20, sinceChangeMs: 5900, downsTotal: 3, downtimeMs: 1900 }),
    ...changes,
  }
}

function tableWith(counts: readonly (readonly [number, CounterName, number])[]): ServerTable {
  const table = ServerTable.create(2)
  const cellsOf = table.counters(1)
  for (const [row, name, value] of counts) cellsOf[row * COUNTER_STRIDE + COUNTER[name]] = value
  return table
}

describe('renderStatistics', () => {
  it('begins with the columns of HAProxy 2.6, at their positions', async () => {
    const text = (await renderStatistics(sourceOf(tableWith([])))).join('')
    const [head = ''] = text.split('\n')
    const names = head.split(',')
    expect(names[0]).toBe('# pxname')
    expect(names.at(-1)).toBe('')
    // HAProxy management manual, section 9.1: the numbers that it gives.
    const positions = { svname: 1, scur: 4, stot: 7, status: 17, weight: 18, type: 32, addr: 73 }
    for (const [name, position] of Object.entries(positions)) expect(names[position]).toBe(name)
    expect(names.indexOf('agg_check_status')).toBe(names.length - 2)
  })

  it('gives every line as many cells as there are columns, and the lines in order', async () => {
    const text = (await renderStatistics(sourceOf(tableWith([])))).join('')
    const lines = text.trimEnd().split('\n')
    const width = cells((lines[0] as string).slice(2)).length
    expect(lines.map((line) => cells(line).length)).toEqual(lines.map(() => width))
    expect([...read(text).keys()]).toEqual([
      'web/FRONTEND',
      'app/a',
      'app/b',
      'app/c',
      'app/BACKEND',
    ])
  })

  it('tells what is counted', async () => {
    const table = tableWith([
      [0, 'connectionsTotal', 9],
      [0, 'requestsTotal', 12],
      [0, 'requestErrors', 2],
      [1, 'bytesIn', 1000],
      [1, 'responses5xx', 3],
      [2, 'sessionsTotal', 5],
      [2, 'timedRequests', 4],
      [2, 'totalTime', 10],
      [2, 'connectionReuses', 3],
    ])
    const rows = read((await renderStatistics(sourceOf(table))).join(''))
    expect(rows.get('web/FRONTEND')).toMatchObject({
      stot: '9',
      req_tot: '12',
      ereq: '2',
      slim: '100',
      status: 'OPEN',
      type: '0',
      weight: '',
    })
    expect(rows.get('app/BACKEND')).toMatchObject({ bin: '1000', hrsp_5xx: '3', type: '1' })
    expect(rows.get('app/a')).toMatchObject({ stot: '5', ttime: '3', reuse: '3', type: '2' })
    expect(rows.get('app/BACKEND')).toMatchObject({ algo: 'hdr(a,b)', iid: '2', sid: '0' })
    expect(rows.get('app/b')).toMatchObject({ iid: '2', sid: '2', act: '0', bck: '1' })
  })

  it('tells of states, weights and checks', async () => {
    const table = tableWith([])
    for (const row of [2, 3, 4]) table.setWeight(row, 10)
    table.setState(2, SERVER_STATE.down)
    table.setState(3, SERVER_STATE.up)
    table.setState(4, SERVER_STATE.maint)
    const rows = read((await renderStatistics(sourceOf(table))).join(''))
    expect(rows.get('app/a')).toMatchObject({
      status: 'DOWN',
      weight: '10',
      uweight: '20',
      slim: '7',
      chkfail: '4',
      chkdown: '3',
      lastchg: '5',
      downtime: '1',
      check_status: 'L7STS',
      check_code: '503',
      check_duration: '2',
      check_desc: 'Layer7 wrong status',
      last_chk: 'Service "x", down',
      check_rise: '2',
      check_health: '0',
      addr: '10.0.0.1:80',
    })
    expect(rows.get('app/b')).toMatchObject({ status: 'no check', check_status: '' })
    expect(rows.get('app/c')).toMatchObject({ status: 'MAINT', tracked: 'app/a' })
    expect(rows.get('app/BACKEND')).toMatchObject({
      status: 'UP',
      act: '0',
      bck: '1',
      weight: '10',
    })
    expect(rows.get('app/b')).toMatchObject({ throttle: '', slim: '', qlimit: '' })
    table.setState(3, SERVER_STATE.drain)
    const later = read((await renderStatistics(sourceOf(table, { isStopping: true }))).join(''))
    expect(later.get('app/b')).toMatchObject({ status: 'DRAIN' })
    expect(later.get('app/BACKEND')).toMatchObject({ status: 'DOWN', act: '0' })
    expect(later.get('web/FRONTEND')).toMatchObject({ status: 'STOP' })
  })

  it('tells of slow starts, limits and lines', async () => {
    const table = tableWith([])
    for (const row of [2, 3]) {
      table.setWeight(row, 10)
      table.setState(row, SERVER_STATE.up)
    }
    table.setSteps(2, 4, 4)
    table.setAgentMaxconn(3, 12)
    table.lines.join(0, 2, 1)
    table.lines.join(1, 2, 1)
    table.lines.leave(0, 2)
    table.lines.join(1, 1)
    const rows = read((await renderStatistics(sourceOf(table))).join(''))
    expect(rows.get('app/a')).toMatchObject({
      throttle: '25',
      weight: '3',
      uweight: '20',
      qlimit: '4',
      qcur: '1',
      qmax: '2',
      slim: '7',
    })
    expect(rows.get('app/b')).toMatchObject({ throttle: '', slim: '12', qcur: '0', qmax: '0' })
    expect(rows.get('app/BACKEND')).toMatchObject({ qcur: '1', qmax: '1', weight: '13' })
  })
})
