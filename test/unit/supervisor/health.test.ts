import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Address } from '../../../src/model/address.ts'
import type { AgentConfig } from '../../../src/model/config.ts'
import type { Plan, PlannedServer } from '../../../src/model/plan.ts'
import { SERVER_STATE, ServerTable } from '../../../src/model/server-table.ts'
import type { Conn, ConnFailure, ConnHandler, NetEngine } from '../../../src/net/conn.ts'
import { Health } from '../../../src/supervisor/health.ts'
import type { DaemonLog, LogEvent, LogFields } from '../../../src/telemetry/daemon-log.ts'
import type { AgentVerdict } from '../../../src/upstream/checks/agent-reply.ts'
import { checkOf } from '../upstream/check-servers.ts'

const { up, down, drain, maint } = SERVER_STATE

/** Connections to a port open, or are refused where the port is broken. */
class PaperEngine implements NetEngine {
  readonly name = 'node'
  readonly broken = new Set([99])
  readonly begun: number[] = []

  listen(): never {
    throw new Error('not used')
  }

  connect(address: Address, handler: ConnHandler): Conn {
    const port = address.kind === 'inet' ? address.port : 0
    this.begun.push(port)
    let closed = false
    const close = (failure: ConnFailure): void => {
      if (closed) return
      closed = true
      queueMicrotask(() => handler.onClose(conn, failure))
    }
    const conn = { destroy: () => close('aborted'), reset: () => close('aborted') } as Conn
    if (this.broken.has(port)) queueMicrotask(() => close('refused'))
    else queueMicrotask(() => closed || handler.onConnect(conn))
    return conn
  }
}

interface Named extends Partial<PlannedServer> {
  readonly name: string
  readonly port: number
}

/** A backend `app`; a server's row is where it stands. */
function planOf(...servers: readonly Named[]): Plan {
  return {
    backends: [
      {
        name: 'app',
        timeouts: { connectMs: 5000 },
        servers: servers.map(({ port, ...server }, row) => ({
          row,
          address: { kind: 'inet', host: '10.0.0.1', port },
          weight: 1,
          disabled: false,
          check: null,
          agent: null,
          track: null,
          ...server,
        })),
      },
    ],
  } as unknown as Plan
}

function checked(name: string, port: number, changes: Partial<PlannedServer> = {}): Named {
  const check = checkOf({ kind: 'inet', host: '10.0.0.1', port }, { interMs: 1000, fall: 1 })
  return { name, port, check, ...changes }
}

const AGENT: AgentConfig = {
  address: { kind: 'inet', host: '10.0.0.1', port: 99 },
  interMs: 2000,
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

let engine: PaperEngine
let table: ServerTable
let health: Health
let told: [string, LogFields][]

beforeEach(() => {
  vi.useFakeTimers({ now: 0 })
  engine = new PaperEngine()
  table = ServerTable.create(1)
  told = []
  const note: LogEvent = (event, _message, fields = {}) => told.push([event, fields])
  const log: DaemonLog = { debug: note, info: note, warn: note, error: note, setLevel: () => {} }
  health = new Health({ engine, trials: null, clock: () => Date.now(), table, log })
})

afterEach(() => {
  health.stop()
  vi.useRealTimers()
})

const passTime = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms)
const states = (...rows: number[]): number[] => rows.map((row) => table.state(row))
const events = (): string[] => told.map(([event, { server }]) => `${event} ${String(server)}`)

describe('at the start', () => {
  it('servers are as the config says, and nothing is told', () => {
    const plan = planOf(
      { name: 'a', port: 1, weight: 7 },
      { name: 'b', port: 2, disabled: true },
      checked('c', 3),
    )
    health.follow(plan)
    expect(states(0, 1, 2)).toEqual([up, maint, up])
    expect([table.weight(0), table.weight(1)]).toEqual([7, 1])
    expect(told).toEqual([])
    expect(health.life('app/b')).toMatchObject({ admin: 'maint', reason: 'disabled in the config' })
    expect(health.life('app/z')).toBeUndefined()
  })
})

describe('what is set at run time', () => {
  it('changes the table at once, and is told with its reason', () => {
    health.follow(planOf({ name: 'a', port: 1 }))
    health.set('app/a', { state: 'drain', weight: 5 })
    expect([table.state(0), table.weight(0)]).toEqual([drain, 5])
    expect(events()).toEqual(['server-set app/a', 'server-weight app/a', 'server-drain app/a'])
    expect(told[2]?.[1]).toMatchObject({ reason: 'set to drain at run time', cause: 'admin' })
    health.set('app/a', { state: 'ready' })
    expect(states(0)).toEqual([up])
    expect(events().at(-1)).toBe('server-up app/a')
    expect(health.life('app/a')).toMatchObject({ changesTotal: 2, setAtRunTime: ['weight'] })
  })

  it('is refused for a server that is not there', () => {
    health.follow(planOf({ name: 'a', port: 1 }))
    expect(() => health.set('app/b', { state: 'drain' })).toThrowError(
      expect.objectContaining({ code: 'server-unknown' }),
    )
  })

  it('stops the checks of a server in maintenance only, and begins them anew', async () => {
    health.follow(planOf(checked('a', 1)))
    await passTime(1500)
    health.set('app/a', { state: 'drain' })
    const before = engine.begun.length
    await passTime(3000)
    expect(engine.begun.length).toBe(before + 3)
    health.set('app/a', { state: 'maint' })
    const stopped = engine.begun.length
    await passTime(5000)
    expect(engine.begun.length).toBe(stopped)
    health.set('app/a', { state: 'ready' })
    expect(states(0)).toEqual([up])
    await passTime(1)
    expect(engine.begun.length).toBe(stopped + 1)
  })

  it('never brings up what fails its checks', async () => {
    engine.broken.add(1)
    health.follow(planOf(checked('a', 1)))
    await passTime(10)
    expect(states(0)).toEqual([down])
    health.set('app/a', { state: 'drain' })
    health.set('app/a', { state: 'ready' })
    expect(states(0)).toEqual([down])
    health.set('app/a', { state: 'maint' })
    expect(states(0)).toEqual([maint])
    health.set('app/a', { state: 'ready' })
    expect(states(0)).toEqual([up])
    await passTime(10)
    expect(states(0)).toEqual([down])
    expect(health.life('app/a')).toMatchObject({ cause: 'check', downsTotal: 2 })
  })

  it('is kept over a reload, and given up when the address is another', () => {
    health.follow(planOf({ name: 'a', port: 1 }, { name: 'b', port: 2 }))
    health.set('app/a', { state: 'drain', weight: 5 })
    health.set('app/b', { state: 'maint' })
    told.length = 0
    health.follow(planOf({ name: 'a', port: 1, weight: 9 }, { name: 'b', port: 3 }))
    expect(states(0, 1)).toEqual([drain, up])
    expect(table.weight(0)).toBe(5)
    expect(health.life('app/a')?.setAtRunTime).toEqual(['state', 'weight'])
    expect(health.life('app/b')?.setAtRunTime).toEqual([])
    expect(told).toEqual([])
  })

  it('is forgotten once it is what the config says, and the config rules again', () => {
    health.follow(planOf({ name: 'a', port: 1, weight: 3 }))
    health.set('app/a', { state: 'maint', weight: 5 })
    health.set('app/a', { state: 'ready', weight: 3 })
    expect(health.life('app/a')?.setAtRunTime).toEqual([])
    health.follow(planOf({ name: 'a', port: 1, weight: 8, disabled: true }))
    expect([table.state(0), table.weight(0)]).toEqual([maint, 8])
    expect(events().slice(-2)).toEqual(['server-weight app/a', 'server-maint app/a'])
  })

  it('may be ready where the config says disabled, over reloads too', () => {
    const plan = planOf({ name: 'a', port: 1, disabled: true })
    health.follow(plan)
    health.set('app/a', { state: 'ready' })
    expect(states(0)).toEqual([up])
    health.follow(plan)
    expect(states(0)).toEqual([up])
    expect(health.life('app/a')?.setAtRunTime).toEqual(['state'])
  })
})

describe('ejection', () => {
  it('takes a server out with its reason, and lets it back', async () => {
    health.follow(planOf({ name: 'a', port: 1 }))
    health.setEjected('app/a', '5 errors in a row')
    expect(states(0)).toEqual([down])
    expect(health.life('app/a')).toMatchObject({ cause: 'passive', reason: '5 errors in a row' })
    await passTime(500)
    health.setEjected('app/a', null)
    expect(states(0)).toEqual([up])
    expect(health.life('app/a')).toMatchObject({ downsTotal: 1, downtimeMs: 500 })
    expect(events()).toEqual(['server-down app/a', 'server-up app/a'])
    health.setEjected('app/gone', 'whatever')
  })

  it('does not undo what an operator wants', () => {
    health.follow(planOf({ name: 'a', port: 1 }))
    health.set('app/a', { state: 'maint' })
    health.setEjected('app/a', 'errors')
    health.setEjected('app/a', null)
    expect(states(0)).toEqual([maint])
  })
})

describe('the agent', () => {
  it('changes state and weight, and is kept while it does not speak of them', () => {
    health.follow(planOf({ name: 'a', port: 1, weight: 10, agent: AGENT }))
    health.applyAgent('app/a', { ...SILENT, adminState: 'drain', weightPercent: 50 })
    expect([table.state(0), table.weight(0)]).toEqual([drain, 5])
    health.applyAgent('app/a', { ...SILENT, state: 'up' })
    expect([table.state(0), table.weight(0)]).toEqual([drain, 5])
    health.applyAgent('app/a', { ...SILENT, state: 'down', reason: 'stopped: tests' })
    expect(health.life('app/a')).toMatchObject({
      cause: 'agent',
      reason: 'its agent says: stopped: tests',
    })
    health.applyAgent('app/a', { ...SILENT, state: 'up', adminState: 'ready', weightPercent: 100 })
    expect([table.state(0), table.weight(0)]).toEqual([up, 10])
    health.set('app/a', { weight: 20 })
    health.applyAgent('app/a', { ...SILENT, weightPercent: 25 })
    expect(table.weight(0)).toBe(5)
  })

  it('stops the checks with maint', async () => {
    health.follow(planOf(checked('a', 1, { agent: AGENT })))
    await passTime(1500)
    health.applyAgent('app/a', { ...SILENT, adminState: 'maint' })
    const stopped = engine.begun.filter((port) => port === 1).length
    await passTime(3000)
    expect(engine.begun.filter((port) => port === 1).length).toBe(stopped)
  })

  it('is forgotten when the config no longer names one', () => {
    health.follow(planOf({ name: 'a', port: 1, agent: AGENT }))
    health.applyAgent('app/a', { ...SILENT, adminState: 'drain' })
    health.follow(planOf({ name: 'a', port: 1 }))
    expect(states(0)).toEqual([up])
  })
})

describe('a server that tracks another', () => {
  it('follows it through a chain, however it changes', async () => {
    health.follow(
      planOf(
        { name: 'a', port: 1, track: 'app/b' },
        { name: 'b', port: 2, track: 'app/c' },
        checked('c', 3),
      ),
    )
    engine.broken.add(3)
    await passTime(1100)
    expect(states(0, 1, 2)).toEqual([down, down, down])
    expect(health.life('app/a')).toMatchObject({ cause: 'track', reason: 'it tracks app/b' })
    engine.broken.delete(3)
    await passTime(2100)
    expect(states(0, 1, 2)).toEqual([up, up, up])
    health.set('app/c', { state: 'drain' })
    expect(states(0, 1, 2)).toEqual([drain, drain, drain])
    health.set('app/b', { state: 'maint' })
    expect(states(0, 1, 2)).toEqual([maint, maint, drain])
    health.set('app/b', { state: 'ready' })
    health.set('app/c', { state: 'ready' })
    expect(states(0, 1, 2)).toEqual([up, up, up])
  })
})
