import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Address } from '../../../src/base/address.ts'
import { Health, type ServerSettings } from '../../../src/health/health.ts'
import type { AgentVerdict } from '../../../src/health/probes/agent-reply.ts'
import { AS_CONFIGURED } from '../../../src/health/server-life.ts'
import { SERVER_STATE, ServerTable } from '../../../src/memory/server-table.ts'
import type { AgentConfig } from '../../../src/model/config.ts'
import type { Plan, PlannedServer } from '../../../src/model/plan.ts'
import type { Conn, ConnFailure, ConnHandler, NetEngine } from '../../../src/net/conn.ts'
import type { DaemonLog, LogEvent, LogFields } from '../../../src/telemetry/daemon-log.ts'
import { checksumOf } from './check-servers.ts'

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
  const check = checksumOf({ kind: 'inet', host: '10.0.0.1', port }, { interMs: 1000, fall: 1 })
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
/** What its own checks have told: server, whether it is up, why. */
let verdicts: [string, boolean | null, string][]

beforeEach(() => {
  vi.useFakeTimers({ now: 0 })
  engine = new PaperEngine()
  table = ServerTable.create(1)
  told = []
  const note: LogEvent = (event, _message, fields = {}) => told.push([event, fields])
  const log: DaemonLog = { debug: note, info: note, warn: note, error: note, setLevel: () => {} }
  verdicts = []
  health = new Health({
    engine,
    trials: null,
    clock: () => Date.now(),
    table,
    log,
    onShortage: () => {},
    onVerdict: (...verdict) => verdicts.push(verdict),
  })
})

afterEach(() => {
  health.stop()
  vi.useRealTimers()
})

const passTime = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms)
const states = (...rows: number[]): number[] => rows.map((row) => table.state(row))
/** What is set of servers of backend `app`, and of no other. */
const set = (settings: Readonly<Record<string, Partial<ServerSettings>>>): void =>
  health.setRunTime(
    Object.entries(settings).map(([server, setting]) => {
      return { backend: 'app', server, ...AS_CONFIGURED, ...setting }
    }),
  )
const events = (): string[] => told.map(([event, { server }]) => `${event} ${String(server)}`)

describe('a server without an address', () => {
  it('is in maintenance and not checked until it has one', () => {
    const address = { kind: 'inet', host: 'app.example', port: 1 } as const
    health.follow(planOf(checked('a', 1, { address })))
    expect(table.state(0)).toBe(SERVER_STATE.maint)
    expect(health.life('app/a')).toMatchObject({ cause: 'resolution' })
    expect(health.life('app/a')?.reason).toMatch(/app\.example:1 has no address/)
    expect(health.prober.state('app/a')).toBeUndefined()
    health.follow(planOf(checked('a', 1)))
    expect(table.state(0)).toBe(SERVER_STATE.up)
    expect(health.prober.state('app/a')).toBeDefined()
  })
})

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
    set({ a: { state: 'drain', weight: 5 } })
    expect([table.state(0), table.weight(0)]).toEqual([drain, 5])
    expect(events()).toEqual(['server-weight app/a', 'server-drain app/a'])
    expect(told[0]?.[1]).toMatchObject({ reason: 'set to state drain, weight 5 at run time' })
    expect(told[1]?.[1]).toMatchObject({ reason: 'set to drain at run time', cause: 'admin' })
    set({ a: { weight: 5 } })
    expect(states(0)).toEqual([up])
    expect(events().slice(2)).toEqual(['server-up app/a'])
    expect(health.life('app/a')).toMatchObject({ changesTotal: 2, setAtRunTime: ['weight'] })
    set({ a: { weight: 5 } })
    expect(told).toHaveLength(3)
  })

  it('holds for a server that comes later, from its beginning', () => {
    set({ b: { state: 'drain', weight: 9 }, gone: { state: 'maint' } })
    health.follow(planOf({ name: 'a', port: 1 }, { name: 'b', port: 2 }))
    expect(states(0, 1)).toEqual([up, drain])
    expect(table.weight(1)).toBe(9)
    expect(told).toEqual([])
    expect(health.life('app/gone')).toBeUndefined()
  })

  it('stops the checks of a server in maintenance only, and begins them anew', async () => {
    health.follow(planOf(checked('a', 1)))
    await passTime(1500)
    set({ a: { state: 'drain' } })
    const before = engine.begun.length
    await passTime(3000)
    expect(engine.begun.length).toBe(before + 3)
    set({ a: { state: 'maint' } })
    const stopped = engine.begun.length
    await passTime(5000)
    expect(engine.begun.length).toBe(stopped)
    set({})
    expect(states(0)).toEqual([up])
    await passTime(1)
    expect(engine.begun.length).toBe(stopped + 1)
  })

  it('never brings up what fails its checks', async () => {
    engine.broken.add(1)
    health.follow(planOf(checked('a', 1)))
    await passTime(10)
    expect(states(0)).toEqual([down])
    set({ a: { state: 'drain' } })
    set({ a: { state: 'ready' } })
    expect(states(0)).toEqual([down])
    set({ a: { state: 'maint' } })
    expect(states(0)).toEqual([maint])
    set({})
    expect(states(0)).toEqual([up])
    await passTime(10)
    expect(states(0)).toEqual([down])
    expect(health.life('app/a')).toMatchObject({ cause: 'check', downsTotal: 2 })
  })

  it('is kept over a reload, also where the address is another', () => {
    health.follow(planOf({ name: 'a', port: 1 }, { name: 'b', port: 2 }))
    set({ a: { state: 'drain', weight: 5 }, b: { state: 'maint' } })
    told.length = 0
    health.follow(planOf({ name: 'a', port: 1, weight: 9 }, { name: 'b', port: 3 }))
    expect(states(0, 1)).toEqual([drain, maint])
    expect(table.weight(0)).toBe(5)
    expect(health.life('app/a')?.setAtRunTime).toEqual(['state', 'weight'])
    expect(health.life('app/b')?.setAtRunTime).toEqual(['state'])
    expect(told).toEqual([])
  })

  it('is forgotten once it is set no more, and the config rules again', () => {
    health.follow(planOf({ name: 'a', port: 1, weight: 3 }))
    set({ a: { state: 'maint', weight: 5 } })
    set({})
    expect([table.state(0), table.weight(0)]).toEqual([up, 3])
    expect(health.life('app/a')?.setAtRunTime).toEqual([])
    health.follow(planOf({ name: 'a', port: 1, weight: 8, disabled: true }))
    expect([table.state(0), table.weight(0)]).toEqual([maint, 8])
    expect(events().slice(-2)).toEqual(['server-weight app/a', 'server-maint app/a'])
  })

  it('may be ready where the config says disabled, over reloads too', () => {
    const plan = planOf({ name: 'a', port: 1, disabled: true })
    health.follow(plan)
    set({ a: { state: 'ready' } })
    expect(states(0)).toEqual([up])
    health.follow(plan)
    expect(states(0)).toEqual([up])
    expect(health.life('app/a')?.setAtRunTime).toEqual(['state'])
  })

  it('is nothing of an added server that is as it was added', () => {
    health.follow(planOf({ name: 'a', port: 1 }, { name: 'b', port: 2 }))
    const address = '10.0.0.1:1'
    set({ a: { isAdded: true, address }, b: { address, weight: 2 } })
    expect(health.life('app/a')).toMatchObject({ isAdded: true, setAtRunTime: [] })
    expect(health.life('app/b')).toMatchObject({
      isAdded: false,
      setAtRunTime: ['weight', 'address'],
    })
  })
})

describe('the verdicts of its own checks', () => {
  it('are told with the first check and with every change', async () => {
    health.follow(planOf(checked('a', 1), checked('b', 2), { name: 'plain', port: 3 }))
    await passTime(1500)
    const passed = 'its first check has passed'
    expect(verdicts).toEqual([
      ['app/a', true, passed],
      ['app/b', true, passed],
    ])
    verdicts.length = 0
    engine.broken.add(2)
    await passTime(1000)
    engine.broken.delete(2)
    await passTime(5000)
    expect(verdicts.map(([key, isUp]) => [key, isUp])).toEqual([
      ['app/b', false],
      ['app/b', true],
    ])
    expect(verdicts[0]?.[2]).toMatch(/refused/i)
  })

  it('are withdrawn when it is checked no more', async () => {
    health.follow(planOf(checked('a', 1)))
    await passTime(10)
    verdicts.length = 0
    set({ a: { state: 'maint' } })
    expect(verdicts).toEqual([['app/a', null, '']])
  })
})

describe('the verdicts of the cluster', () => {
  const verdict = (isUp: boolean | null, reason = 'lb2 saw it') => [{ key: 'app/a', isUp, reason }]

  it('go before its own', async () => {
    health.follow(planOf(checked('a', 1), checked('b', 2)))
    await passTime(10)
    health.setAgreed(verdict(false))
    expect(states(0, 1)).toEqual([down, up])
    expect(health.life('app/a')).toMatchObject({ cause: 'check', reason: 'lb2 saw it' })
    engine.broken.add(2)
    await passTime(1100)
    expect(states(0, 1)).toEqual([down, down])
    health.setAgreed([{ key: 'app/b', isUp: true, reason: 'lb2 sees it' }])
    expect(states(0, 1)).toEqual([down, up])
    health.setAgreed(verdict(true))
    expect(states(0, 1)).toEqual([up, up])
  })

  it('are waited for while its own have changed and theirs have not', async () => {
    health.follow(planOf(checked('a', 1)))
    await passTime(10)
    health.setAgreed(verdict(true))
    engine.broken.add(1)
    await passTime(3000)
    expect(states(0)).toEqual([up])
    expect(verdicts.at(-1)?.slice(0, 2)).toEqual(['app/a', false])
  })

  it('bring nothing to a server that fails here, where the backend has a local veto', async () => {
    const vetoing = (localVeto: boolean): Plan => {
      const plan = planOf(checked('a', 1), checked('b', 2))
      return { ...plan, backends: plan.backends.map((backend) => ({ ...backend, localVeto })) }
    }
    health.follow(vetoing(true))
    await passTime(10)
    health.setAgreed(verdict(true))
    engine.broken.add(1)
    await passTime(3000)
    expect(states(0)).toEqual([down])
    expect(health.life('app/a')).toMatchObject({ cause: 'check' })
    engine.broken.delete(1)
    await passTime(5000)
    expect(states(0)).toEqual([up])
    // It only takes out: what the cluster has found dead stays so.
    health.setAgreed([{ key: 'app/b', isUp: false, reason: 'lb2 saw it' }])
    expect(states(1)).toEqual([down])
    engine.broken.add(1)
    await passTime(3000)
    health.follow(vetoing(false))
    expect(states(0)).toEqual([up])
  })

  it('give way to its own where there are none any more', async () => {
    health.follow(planOf(checked('a', 1)))
    await passTime(10)
    health.setAgreed(verdict(false))
    health.setAgreed(verdict(null, ''))
    expect(states(0)).toEqual([up])
    health.setAgreed(verdict(false))
    health.setAgreed(null)
    expect(states(0)).toEqual([up])
    expect(told.at(-1)).toMatchObject(['server-up', { reason: 'the node goes by its own checks' }])
  })

  it.each([
    ['dead', true, down],
    ['alive', false, up],
  ])(
    'are kept of a server that others watched until its first check here: %s',
    async (_, isBroken, state) => {
      const other = isBroken ? up : down
      health.setWatched((key) => key === 'app/b')
      health.follow(planOf(checked('a', 1), checked('b', 2)))
      if (isBroken) engine.broken.add(1)
      health.setAgreed(verdict(!isBroken))
      await passTime(2000)
      // The quorum is lost: all servers are checked here.
      health.setAgreed(null)
      expect(states(0)).toEqual([state])
      health.setWatched(() => true)
      expect(states(0)).toEqual([state])
      await passTime(2000)
      expect(states(0)).toEqual([state])
      // From now on its own checks decide.
      if (isBroken) engine.broken.delete(1)
      else engine.broken.add(1)
      await passTime(3000)
      expect(states(0)).toEqual([other])
    },
  )

  it('give way to the first check, whatever they were', async () => {
    health.setWatched(() => false)
    health.follow(planOf(checked('a', 1)))
    health.setAgreed(verdict(false))
    health.setAgreed(null)
    expect(states(0)).toEqual([down])
    health.setWatched(() => true)
    await passTime(1100)
    expect(states(0)).toEqual([up])
    expect(told.at(-1)).toMatchObject(['server-up', { reason: 'its first check has passed' }])
    expect(verdicts.at(-1)).toEqual(['app/a', true, 'its first check has passed'])
  })

  it('are not kept for another server under the same name', async () => {
    health.setWatched(() => false)
    health.follow(planOf(checked('a', 1)))
    health.setAgreed(verdict(false))
    health.setAgreed(null)
    health.follow(planOf(checked('a', 3)))
    expect(states(0)).toEqual([up])
  })

  it('hold for a server that comes later, and for none that is not checked', () => {
    health.setAgreed([...verdict(false), { key: 'app/b', isUp: false, reason: '' }])
    health.follow(planOf(checked('a', 1), { name: 'b', port: 2 }))
    expect(states(0, 1)).toEqual([down, up])
  })

  it('bring up nothing that an operator has taken out', () => {
    health.follow(planOf(checked('a', 1)))
    set({ a: { state: 'maint' } })
    health.setAgreed(verdict(true))
    expect(states(0)).toEqual([maint])
  })
})

describe('a server that other nodes check', () => {
  it('is not checked here, and its verdict is withdrawn', async () => {
    health.follow(planOf(checked('a', 1), checked('b', 2)))
    await passTime(10)
    verdicts.length = 0
    health.setWatched((key) => key === 'app/b')
    expect(verdicts).toEqual([['app/a', null, '']])
    engine.begun.length = 0
    await passTime(2500)
    expect(new Set(engine.begun)).toEqual(new Set([2]))
    health.follow(planOf(checked('a', 1), checked('b', 2), checked('c', 3)))
    engine.begun.length = 0
    await passTime(2500)
    expect(new Set(engine.begun)).toEqual(new Set([2]))
    health.setWatched(() => true)
    await passTime(2500)
    expect(new Set(engine.begun)).toEqual(new Set([1, 2, 3]))
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
    set({ a: { state: 'maint' } })
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
    set({ a: { weight: 20 } })
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
    set({ c: { state: 'drain' } })
    expect(states(0, 1, 2)).toEqual([drain, drain, drain])
    set({ b: { state: 'maint' }, c: { state: 'drain' } })
    expect(states(0, 1, 2)).toEqual([maint, maint, drain])
    set({ b: { state: 'ready' } })
    expect(states(0, 1, 2)).toEqual([up, up, up])
  })
})
