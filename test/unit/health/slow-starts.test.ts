import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Health } from '../../../src/health/health.ts'
import type { AgentVerdict } from '../../../src/health/probes/agent-reply.ts'
import { SERVER_STATE, ServerTable } from '../../../src/memory/server-table.ts'
import type { Plan, PlannedServer } from '../../../src/model/plan.ts'
import type { NetEngine } from '../../../src/net/conn.ts'
import type { DaemonLog } from '../../../src/telemetry/daemon-log.ts'

const SLOW_MS = 16_000

/** A backend `app` with server `a` in row 0, and one for each that tracks it. */
function planOf(changes: Partial<PlannedServer> = {}, balance = 'roundrobin', trackers = 0): Plan {
  const server = (name: string, row: number): object => ({
    name,
    row,
    address: { kind: 'inet', host: '10.0.0.1', port: 80 },
    weight: 10,
    slowStartMs: SLOW_MS,
    disabled: false,
    check: null,
    agent: null,
    track: row === 0 ? null : 'app/a',
    ...changes,
  })
  return {
    backends: [
      {
        name: 'app',
        balance,
        hashType: { method: 'map-based', function: 'sdbm', avalanche: false },
        timeouts: { connectMs: 5000 },
        servers: Array.from({ length: 1 + trackers }, (_, row) => server('abc'[row]!, row)),
      },
    ],
  } as unknown as Plan
}

const AGENT: PlannedServer['agent'] = {
  address: { kind: 'inet', host: '10.0.0.1', port: 99 },
  interMs: 3_600_000,
  send: '',
  timeoutMs: 1000,
}

const SILENT: AgentVerdict = {
  weightPercent: null,
  state: null,
  adminState: null,
  maxconn: null,
  reason: '',
}

const silence = (): void => {}
const log: DaemonLog = {
  debug: silence,
  info: silence,
  warn: silence,
  error: silence,
  setLevel: silence,
}
const engine = { name: 'node', connect: () => ({ destroy: silence, reset: silence }) }

let table: ServerTable
let health: Health

beforeEach(() => {
  vi.useFakeTimers({ now: 0 })
  table = ServerTable.create(1)
  health = new Health({
    engine: engine as unknown as NetEngine,
    trials: null,
    clock: () => Date.now(),
    table,
    log,
    onShortage: () => {},
    onVerdict: silence,
  })
})

afterEach(() => {
  health.stop()
  vi.useRealTimers()
})

const passTime = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms)
const steps = (row = 0): number[] => [table.weightSteps(row), table.maxconnSteps(row)]
/** The server fails its traffic, and comes back. */
const comeBack = (): void => {
  health.setEjected('app/a', 'errors')
  health.setEjected('app/a', null)
}

describe('a server with slowstart', () => {
  it('gives all at the start', () => {
    health.follow(planOf())
    expect(steps()).toEqual([16, 16])
  })

  it('rises evenly once it has come up, and is at its whole weight at the end', async () => {
    health.follow(planOf())
    health.setEjected('app/a', 'errors')
    await passTime(5000)
    health.setEjected('app/a', null)
    const seen: number[][] = []
    for (let n = 0; n < 16; n++) {
      expect(table.state(0)).toBe(SERVER_STATE.up)
      expect(table.weight(0)).toBe(10)
      seen.push(steps())
      await passTime(SLOW_MS / 16)
    }
    expect(seen).toEqual(Array.from({ length: 16 }, (_, n) => [n + 1, n + 1]))
    expect(table.presentWeight(0)).toBe(10)
  })

  it('is held back before it is up, so that no thread sees it whole', () => {
    health.follow(planOf())
    health.setEjected('app/a', 'errors')
    const seen: number[][] = []
    const setState = table.setState.bind(table)
    table.setState = (row, state) => {
      seen.push([state, ...steps(row)])
      setState(row, state)
    }
    health.setEjected('app/a', null)
    expect(seen).toEqual([[SERVER_STATE.up, 1, 1]])
  })

  it('begins anew each time it comes up, and is looked at no more while it is down', async () => {
    health.follow(planOf())
    comeBack()
    await passTime(SLOW_MS / 2)
    expect(steps()).toEqual([9, 9])
    health.setEjected('app/a', 'errors')
    expect(vi.getTimerCount()).toBe(0)
    health.setEjected('app/a', null)
    expect(steps()).toEqual([1, 1])
    await passTime(SLOW_MS)
    expect(steps()).toEqual([16, 16])
    expect(vi.getTimerCount()).toBe(0)
  })

  it('goes on while it drains, which is no reason to begin anew', async () => {
    health.follow(planOf({ agent: AGENT }))
    comeBack()
    await passTime(SLOW_MS / 4)
    health.applyAgent('app/a', { ...SILENT, adminState: 'drain' })
    await passTime(SLOW_MS / 4)
    health.applyAgent('app/a', { ...SILENT, adminState: 'ready' })
    expect(steps()).toEqual([9, 9])
    health.applyAgent('app/a', { ...SILENT, adminState: 'maint' })
    health.applyAgent('app/a', { ...SILENT, adminState: 'ready' })
    expect(steps()).toEqual([1, 1])
  })

  it('takes those that track it with it', async () => {
    health.follow(planOf({}, 'roundrobin', 2))
    comeBack()
    await passTime(SLOW_MS / 4)
    expect([steps(0), steps(1), steps(2)]).toEqual([
      [5, 5],
      [5, 5],
      [5, 5],
    ])
  })

  it.each(['static-rr', 'source'])('keeps its weight where balance is %s', async (balance) => {
    health.follow(planOf({}, balance))
    comeBack()
    await passTime(SLOW_MS / 4)
    expect(steps()).toEqual([16, 5])
  })

  it('goes on over a reload, by the slowstart of the new config', async () => {
    health.follow(planOf())
    comeBack()
    await passTime(4000)
    health.follow(planOf({ weight: 7 }))
    expect(steps()).toEqual([5, 5])
    health.follow(planOf({ slowStartMs: 8000 }))
    expect(steps()).toEqual([9, 9])
    health.follow(planOf({ slowStartMs: 0 }))
    expect(steps()).toEqual([16, 16])
    expect(vi.getTimerCount()).toBe(0)
  })

  it('gives all where it is another one by its address', () => {
    health.follow(planOf())
    comeBack()
    health.follow(planOf({ address: { kind: 'inet', host: '10.0.0.2', port: 80 } }))
    expect(steps()).toEqual([16, 16])
  })
})

describe('the maxconn of an agent', () => {
  it('counts until the agent says another one, or is gone', () => {
    health.follow(planOf({ agent: AGENT }))
    expect(table.agentMaxconn(0)).toBe(0)
    health.applyAgent('app/a', { ...SILENT, maxconn: 7 })
    health.applyAgent('app/a', { ...SILENT, state: 'up' })
    expect(table.agentMaxconn(0)).toBe(7)
    health.applyAgent('app/a', { ...SILENT, maxconn: 1 })
    health.follow(planOf({ agent: AGENT, weight: 3 }))
    expect(table.agentMaxconn(0)).toBe(1)
    health.follow(planOf())
    expect(table.agentMaxconn(0)).toBe(0)
  })
})
