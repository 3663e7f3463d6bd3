import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Observation, type ServerFault } from '../../../src/health/observation.ts'
import type { ServerLifeState } from '../../../src/health/server-life.ts'
import { COUNTER, COUNTER_STRIDE, type CounterName } from '../../../src/memory/counters.ts'
import { SERVER_STATE, ServerTable } from '../../../src/memory/server-table.ts'
import type {
  ObserveConfig,
  OutlierDetectionConfig,
} from '../../../src/model/observation-config.ts'
import type { Plan, PlannedBackend, PlannedServer } from '../../../src/model/plan.ts'
import type { LogEvent } from '../../../src/telemetry/daemon-log.ts'

const DETECTION: OutlierDetectionConfig = {
  consecutiveErrors: 5,
  consecutiveGatewayErrors: 0,
  successRate: null,
  latency: null,
  intervalMs: 10_000,
  baseEjectionMs: 30_000,
  maxEjectionMs: 300_000,
  maxEjectionPercent: 10,
  panicThreshold: 0,
}

const OBSERVE: ObserveConfig = { layer: 'layer7', errorLimit: 3, onError: 'mark-down' }

interface Settings {
  readonly detection?: OutlierDetectionConfig | null
  readonly observe?: ObserveConfig | null
  readonly mode?: 'http' | 'tcp'
  /** The last part of the servers' addresses. */
  readonly host?: number
}

/** Only what observation reads of a plan: backend `app` with servers `s0` to `s3`. */
function planOf(settings: Settings): Plan {
  const { detection = null, observe = null, mode = 'http', host = 1 } = settings
  const servers = Array.from({ length: 4 }, (_, row) => ({
    name: `s${row}`,
    row,
    address: { kind: 'inet', host: `192.0.2.${host}`, port: 80 },
    observe,
  }))
  const backend = { name: 'app', mode, servers: servers as unknown as readonly PlannedServer[] }
  const backends = [{ ...backend, outlierDetection: detection } as PlannedBackend]
  return { serial: 1, backends } as unknown as Plan
}

let table: ServerTable
let observation: Observation
let ejections: Map<string, string | null>
let faults: ServerFault[]
let events: string[]
const admin = new Map<string, 'maint'>()

beforeEach(() => {
  vi.useFakeTimers()
  table = ServerTable.create(2)
  ejections = new Map()
  faults = []
  events = []
  admin.clear()
  for (let row = 0; row < 4; row++) {
    table.setState(row, SERVER_STATE.up)
    table.setWeight(row, 1)
  }
  const note: LogEvent = (event) => void events.push(event)
  observation = new Observation({
    table,
    clock: () => Date.now(),
    log: { debug: note, info: note, warn: note, error: note, setLevel: () => {} },
    health: {
      setEjected: (key, reason) => {
        ejections.set(key, reason)
        const isEjected = reason !== null
        table.setState(Number(key.at(-1)), isEjected ? SERVER_STATE.down : SERVER_STATE.up)
      },
      life: (key) => {
        const isEjected = (ejections.get(key) ?? null) !== null
        const state = { cause: isEjected ? 'passive' : null, admin: admin.get(key) ?? 'ready' }
        return state as unknown as ServerLifeState
      },
    },
    onFault: (fault) => void faults.push(fault),
  })
})

afterEach(() => {
  observation.stop()
  vi.useRealTimers()
})

function count(row: number, cells: Partial<Record<CounterName, number>>, worker = 0): void {
  const counters = table.counters(worker)
  for (const [name, by] of Object.entries(cells)) {
    const cell = row * COUNTER_STRIDE + COUNTER[name as CounterName]
    counters[cell] = (counters[cell] as number) + by
  }
}

/** So many responses of 500. */
function fail(row: number, times: number, worker = 0): void {
  count(row, { serverResponses: times, serverErrors: times }, worker)
}

/** Lets the counters be looked at. */
function look(): void {
  vi.advanceTimersByTime(250)
}

describe('a server that stands out', () => {
  beforeEach(() => observation.follow(planOf({ detection: DETECTION })))

  it('is ejected for what all workers have counted, and comes back', () => {
    fail(1, 3, 0)
    fail(1, 2, 1)
    look()
    expect([...ejections]).toEqual([['app/s1', '5 errors in a row']])
    expect(observation.ejection('app/s1')).toMatchObject({
      isEjected: true,
      ejectionsTotal: { 'consecutive-errors': 1, 'success-rate': 0 },
    })
    vi.advanceTimersByTime(30_000)
    expect([...ejections]).toEqual([['app/s1', null]])
    expect(observation.ejection('app/s1')).toMatchObject({
      isEjected: false,
      ejectionsTotal: { 'consecutive-errors': 1 },
    })
    expect(events).toEqual(['server-ejected', 'server-returned'])
  })

  it('is not ejected in maintenance, or without a weight', () => {
    table.setState(1, SERVER_STATE.maint)
    table.setWeight(2, 0)
    fail(1, 9)
    fail(2, 9)
    look()
    expect(ejections.size).toBe(0)
  })

  it('is let go of when it is taken to maintenance', () => {
    fail(1, 5)
    look()
    admin.set('app/s1', 'maint')
    look()
    expect([...ejections]).toEqual([['app/s1', null]])
  })

  it('is not looked at any more after the end', () => {
    observation.stop()
    fail(1, 9)
    vi.advanceTimersByTime(10_000)
    expect(ejections.size).toBe(0)
  })

  it('is left alone in a panic', () => {
    observation.follow(
      planOf({ detection: { ...DETECTION, maxEjectionPercent: 100, panicThreshold: 50 } }),
    )
    for (let row = 0; row < 4; row++) fail(row, 5)
    look()
    expect(ejections.size).toBe(0)
    expect(events).toEqual([
      ...Array.from({ length: 4 }, () => 'server-ejected'),
      'ejections-ignored',
    ])
  })
})

describe('a reload', () => {
  beforeEach(() => {
    observation.follow(planOf({ detection: DETECTION }))
    fail(1, 5)
    look()
  })

  it('leaves ejected who was, with its time and its totals', () => {
    vi.advanceTimersByTime(20_000)
    observation.follow(planOf({ detection: { ...DETECTION, baseEjectionMs: 1000 } }))
    look()
    expect(ejections.get('app/s1')).toBe('5 errors in a row')
    vi.advanceTimersByTime(10_000)
    expect(ejections.get('app/s1')).toBeNull()
    const { ejectionsTotal } = observation.ejection('app/s1') ?? {}
    expect(ejectionsTotal?.['consecutive-errors']).toBe(1)
  })

  it('lets go of who has another address', () => {
    observation.follow(planOf({ detection: DETECTION, host: 2 }))
    look()
    expect(ejections.get('app/s1')).toBeNull()
  })

  it('lets go of all where nothing is observed any more', () => {
    observation.follow(planOf({}))
    expect(ejections.get('app/s1')).toBeNull()
    expect(observation.ejection('app/s1')).toBeUndefined()
    expect(vi.getTimerCount()).toBe(0)
  })

  it('does not count again what was counted before', () => {
    fail(2, 3)
    observation.follow(planOf({ detection: DETECTION }))
    look()
    fail(2, 1)
    look()
    expect(ejections.has('app/s2')).toBe(false)
    fail(2, 1)
    vi.advanceTimersByTime(30_000)
    expect(ejections.get('app/s2')).toBe('5 errors in a row')
  })

  it('does not count against a new server what its row had', () => {
    fail(2, 9)
    observation.follow(planOf({ detection: DETECTION, host: 2 }))
    vi.advanceTimersByTime(30_000)
    expect(ejections.get('app/s2') ?? null).toBeNull()
  })
})

describe('observe', () => {
  it('tells of faults, once for each time that the limit is reached', () => {
    observation.follow(planOf({ observe: OBSERVE }))
    fail(1, 2)
    look()
    expect(faults).toEqual([])
    fail(1, 5)
    look()
    const fault = {
      key: 'app/s1',
      onError: 'mark-down',
      reason: '3 errors in a row in its traffic',
    }
    expect(faults).toEqual([fault, fault])
    expect(events).toEqual(['server-fault', 'server-fault'])
    expect(ejections.size).toBe(0)
  })

  it('of layer 4 sees connections alone', () => {
    observation.follow(planOf({ observe: { ...OBSERVE, layer: 'layer4' } }))
    fail(1, 9)
    count(2, { connectionErrors: 3 })
    count(3, { connectionErrors: 3, connectionsOpened: 1 })
    look()
    expect(faults.map(({ key }) => key)).toEqual(['app/s2'])
  })

  it('sees connections alone in mode tcp', () => {
    observation.follow(planOf({ observe: OBSERVE, mode: 'tcp' }))
    count(2, { connectionErrors: 3, connectionsOpened: 1 })
    look()
    expect(faults).toEqual([])
  })
})

describe('a config without observation', () => {
  it('costs nothing', () => {
    observation.follow(planOf({}))
    expect(vi.getTimerCount()).toBe(0)
  })
})
