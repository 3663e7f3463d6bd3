import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Address } from '../../../src/base/address.ts'
import { Prober, type ProbeTarget, type ProbeTransition } from '../../../src/health/prober.ts'
import type { ProbeConfig } from '../../../src/model/config.ts'
import type { OwnFailure } from '../../../src/model/shortage.ts'
import type { Conn, ConnFailure, ConnHandler, NetEngine } from '../../../src/net/conn.ts'
import { createNodeEngine } from '../../../src/net/engines/node/node-engine.ts'
import { RunningTimers } from '../../../src/net/running-timers.ts'
import { linearPatterns } from '../../../src/rules-host/linear-patterns.ts'
import {
  answering,
  type CheckedServer,
  checksumOf,
  HTTP_CHECK,
  signal,
  startServer,
} from './check-servers.ts'

/** An engine without a network: a connection to a port opens, is refused, or hangs, as told. */
class PaperEngine implements NetEngine {
  readonly name = 'node'
  readonly fates = new Map<number, 'opens' | 'refused' | 'hangs' | OwnFailure>()
  /** Port and time of each connection that was begun. */
  readonly begun: [port: number, atMs: number][] = []
  open = 0

  listen(): never {
    throw new Error('not used')
  }

  connect(address: Address, handler: ConnHandler): Conn {
    const port = address.kind === 'inet' ? address.port : 0
    this.begun.push([port, Date.now()])
    this.open++
    let closed = false
    const close = (failure: ConnFailure): void => {
      if (closed) return
      closed = true
      this.open--
      queueMicrotask(() => handler.onClose(conn, failure))
    }
    const conn = { destroy: () => close('aborted'), reset: () => close('aborted') } as Conn
    const fate = this.fates.get(port) ?? 'opens'
    if (fate === 'opens') queueMicrotask(() => closed || handler.onConnect(conn))
    else if (fate !== 'hangs') queueMicrotask(() => close(fate))
    return conn
  }
}

function targetAt(port: number, changes: Partial<ProbeConfig> = {}): ProbeTarget {
  const check = checksumOf({ kind: 'inet', host: '10.0.0.1', port }, changes)
  return { key: `app/s${port}`, check, connectTimeoutMs: 5000, tls: null }
}

describe('on paper', () => {
  let engine: PaperEngine
  let transitions: ProbeTransition[]
  let prober: Prober
  let confirmed: string[]
  let shortages: [OwnFailure, Address][]

  beforeEach(() => {
    vi.useFakeTimers({ now: 0 })
    engine = new PaperEngine()
    transitions = []
    confirmed = []
    shortages = []
    prober = new Prober({
      patterns: linearPatterns,
      engine,
      clock: Date.now,
      timers: new RunningTimers(Date.now),
      onTransition: (transition) => transitions.push(transition),
      onConfirmed: (key) => confirmed.push(key),
      onShortage: (...shortage) => shortages.push(shortage),
    })
  })

  afterEach(() => {
    prober.stop()
    vi.useRealTimers()
  })

  const passTime = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms)
  const told = (): string[] => transitions.map(({ key, up }) => `${key} ${up ? 'up' : 'down'}`)

  it('spreads the first checks over the interval and keeps each server to its beat', async () => {
    prober.replace([1, 2, 3, 4].map((port) => targetAt(port)))
    await passTime(2999)
    expect(engine.begun).toEqual([
      [1, 0],
      [2, 250],
      [3, 500],
      [4, 750],
      [1, 1000],
      [2, 1250],
      [3, 1500],
      [4, 1750],
      [1, 2000],
      [2, 2250],
      [3, 2500],
      [4, 2750],
    ])
  })

  it('leaves out the beats that a long check runs into', async () => {
    const connect = vi.spyOn(engine, 'connect').mockImplementation((_address, handler) => {
      const silentConn = { write: () => true, reset: () => {}, destroy: () => {} } as never
      engine.begun.push([1, Date.now()])
      queueMicrotask(() => handler.onConnect(silentConn))
      return silentConn
    })
    prober.replace([targetAt(1, { interMs: 100, protocol: HTTP_CHECK, timeoutMs: 250 })])
    await passTime(1000)
    expect(engine.begun.map(([, atMs]) => atMs)).toEqual([0, 300, 600, 900])
    connect.mockRestore()
  })

  it('takes a server down and up by fall and rise', async () => {
    prober.replace([targetAt(1)])
    await passTime(10)
    expect(prober.state('app/s1')).toMatchObject({ up: true, status: 'L4OK', health: 4 })
    engine.fates.set(1, 'refused')
    await passTime(2000)
    expect(prober.state('app/s1')).toMatchObject({ up: true, status: 'L4CON', failuresTotal: 2 })
    expect(transitions).toEqual([])
    await passTime(1000)
    expect(transitions).toEqual([
      {
        key: 'app/s1',
        up: false,
        status: 'L4CON',
        code: 0,
        info: 'Connection refused',
        reason: 'Layer4 connection problem, info: "Connection refused"',
        durationMs: 0,
      },
    ])
    await passTime(4000)
    expect(prober.state('app/s1')).toMatchObject({
      up: false,
      health: 0,
      failuresTotal: 3,
      downTransitionsTotal: 1,
      downtimeMs: 4010,
      sinceChangeMs: 4010,
    })
    engine.fates.set(1, 'opens')
    await passTime(2000)
    expect(told()).toEqual(['app/s1 down', 'app/s1 up'])
    await passTime(500)
    expect(prober.state('app/s1')).toMatchObject({
      up: true,
      downtimeMs: 6000,
      sinceChangeMs: 510,
    })
  })

  it.each([
    ['exhausted', 'No descriptor or memory left'],
    ['portless', 'No local port left'],
  ] as const)('counts no check that this node could not make: %s', async (failure, info) => {
    engine.fates.set(1, failure)
    engine.fates.set(2, 'refused')
    prober.replace([targetAt(1), targetAt(2, { protocol: HTTP_CHECK })])
    await passTime(5000)
    expect(prober.state('app/s1')).toMatchObject({ up: true, status: 'SOCKERR', info, health: 2 })
    expect([told(), confirmed]).toEqual([['app/s2 down'], []])
    // One that is down is not brought up by it either, and keeps what it has passed.
    engine.fates.set(1, 'opens')
    engine.fates.set(2, failure)
    await passTime(5000)
    expect(prober.state('app/s2')).toMatchObject({
      up: false,
      status: 'SOCKERR',
      failuresTotal: 1,
    })
    expect([told(), confirmed]).toEqual([['app/s2 down'], ['app/s1']])
    expect(prober.state('app/s1')).toMatchObject({ status: 'L4OK', failuresTotal: 0, health: 4 })
    expect(new Set(shortages.map(([kind]) => kind))).toEqual(new Set([failure]))
    expect(shortages[0]?.[1]).toEqual({ kind: 'inet', host: '10.0.0.1', port: 1 })
  })

  it('checks at fastinter while in doubt, and at downinter while down', async () => {
    prober.replace([targetAt(1, { interMs: 1000, fastInterMs: 100, downInterMs: 5000 })])
    await passTime(1500)
    engine.fates.set(1, 'refused')
    await passTime(6499)
    engine.fates.set(1, 'opens')
    await passTime(5301)
    expect(engine.begun.map(([, atMs]) => atMs)).toEqual([
      // Up for sure after the first; down after three that failed; up after two that passed.
      0, 1000, 2000, 2100, 2200, 7200, 12_200, 12_300, 13_300,
    ])
    expect(told()).toEqual(['app/s1 down', 'app/s1 up'])
  })

  it('makes intervals shorter and longer at random by spread-checks', async () => {
    const draws = [0, 0.5, 0.75]
    prober = new Prober({
      patterns: linearPatterns,
      engine,
      clock: Date.now,
      timers: new RunningTimers(Date.now),
      onTransition: () => {},
      random: () => draws.shift() ?? 0.5,
    })
    prober.replace([targetAt(1, { spreadPercent: 40 })])
    await passTime(4000)
    expect(engine.begun.map(([, atMs]) => atMs)).toEqual([0, 600, 1600, 2800, 3800])
  })

  it('takes a new server down by its first failure', async () => {
    engine.fates.set(1, 'refused')
    prober.replace([targetAt(1)])
    expect(prober.state('app/s1')).toMatchObject({ up: true, status: 'INI' })
    await passTime(1)
    expect(told()).toEqual(['app/s1 down'])
  })

  it('lets a hanging server hold up no other', async () => {
    const targets = Array.from({ length: 100 }, (_, i) => targetAt(i + 1))
    for (let port = 1; port < 100; port++) engine.fates.set(port, 'hangs')
    prober.replace(targets)
    await passTime(4999)
    expect(engine.begun.filter(([port]) => port === 100).map(([, atMs]) => atMs)).toEqual([
      990, 1990, 2990, 3990, 4990,
    ])
  })

  it('puts probes off that are more than may be open', async () => {
    prober = new Prober({
      patterns: linearPatterns,
      engine,
      clock: Date.now,
      timers: new RunningTimers(Date.now),
      onTransition: () => {},
      probesOpenMax: 2,
    })
    for (const port of [1, 2, 3]) engine.fates.set(port, 'hangs')
    prober.replace([1, 2, 3].map((port) => targetAt(port, { interMs: 900 })))
    await passTime(899)
    expect(engine.begun.map(([port]) => port)).toEqual([1, 2])
    expect(engine.open).toBe(2)
    await passTime(101)
    expect(engine.begun.map(([port]) => port)).toContain(3)
    expect(engine.open).toBeLessThanOrEqual(2)
  })

  it('spreads a thousand checks over the interval, a few of them at a time', async () => {
    prober.replace(Array.from({ length: 1000 }, (_, i) => targetAt(i + 1, { interMs: 2000 })))
    await passTime(2000)
    const together = new Map<number, number>()
    for (const [, atMs] of engine.begun) together.set(atMs, (together.get(atMs) ?? 0) + 1)
    expect(engine.begun.slice(0, 1000).map(([port]) => port)).toEqual(
      Array.from({ length: 1000 }, (_, i) => i + 1),
    )
    expect(Math.max(...together.values())).toBeLessThanOrEqual(6)
  })

  describe('a reload', () => {
    it('does not disturb what is unchanged', async () => {
      engine.fates.set(1, 'refused')
      prober.replace([targetAt(1), targetAt(2)])
      await passTime(700)
      const before = prober.state('app/s1')
      prober.replace([targetAt(3), structuredClone(targetAt(1))])
      expect(prober.state('app/s1')).toEqual(before)
      expect(prober.state('app/s2')).toBeUndefined()
      expect(prober.state('app/s3')).toMatchObject({ up: true, status: 'INI' })
      engine.begun.length = 0
      await passTime(1000)
      expect(engine.begun).toEqual([
        [3, 700],
        [1, 1000],
        [3, 1700],
      ])
    })

    it('keeps the verdict when the same address is checked in another way', async () => {
      engine.fates.set(1, 'refused')
      prober.replace([targetAt(1)])
      await passTime(10)
      prober.replace([targetAt(1, { rise: 5, interMs: 500 })])
      expect(prober.state('app/s1')).toMatchObject({
        up: false,
        health: 0,
        status: 'L4CON',
        failuresTotal: 1,
        downTransitionsTotal: 1,
      })
      await passTime(2000)
      expect(told()).toEqual(['app/s1 down'])
      expect(prober.state('app/s1')?.downtimeMs).toBe(2010)
    })

    it('starts anew when the address is another', async () => {
      engine.fates.set(1, 'refused')
      prober.replace([targetAt(1)])
      await passTime(10)
      prober.replace([{ ...targetAt(2), key: 'app/s1' }])
      expect(prober.state('app/s1')).toMatchObject({ up: true, status: 'INI', failuresTotal: 0 })
    })

    it('ends the running probe of a server that is gone', async () => {
      engine.fates.set(1, 'hangs')
      prober.replace([targetAt(1)])
      await passTime(10)
      expect(engine.open).toBe(1)
      prober.replace([])
      await passTime(10_000)
      expect(engine.open).toBe(0)
      expect(engine.begun).toHaveLength(1)
      expect(transitions).toEqual([])
    })
  })

  it('leaves nothing behind after stop', async () => {
    engine.fates.set(2, 'hangs')
    prober.replace([targetAt(1), targetAt(2), targetAt(3)])
    await passTime(1600)
    prober.stop()
    await passTime(0)
    expect(engine.open).toBe(0)
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('over sockets', () => {
  const servers: CheckedServer[] = []
  let prober: Prober | null = null

  afterEach(async () => {
    prober?.stop()
    await Promise.all(servers.splice(0).map((server) => server.close()))
  })

  it('sees a server fail and come back, and closes what it opened', async () => {
    const server = await startServer(answering('HTTP/1.1 200 OK\r\n\r\n'))
    servers.push(server)
    const clock = (): number => performance.now()
    let next = signal<ProbeTransition>()
    prober = new Prober({
      patterns: linearPatterns,
      engine: createNodeEngine({ onAcceptFailure: () => {} }),
      clock,
      timers: new RunningTimers(clock),
      onTransition: (transition) => next.resolve(transition),
    })
    const check = checksumOf(server.address, { interMs: 10, protocol: HTTP_CHECK })
    prober.replace([{ key: 'app/s1', check, connectTimeoutMs: 1000, tls: null }])

    server.behave(answering('HTTP/1.1 503 Gone fishing\r\n\r\n'))
    expect(await next.promise).toMatchObject({
      key: 'app/s1',
      up: false,
      reason: 'Layer7 wrong status, code: 503, info: "Gone fishing"',
    })
    next = signal()
    server.behave(answering('HTTP/1.1 200 OK\r\n\r\n'))
    expect(await next.promise).toMatchObject({ up: true, status: 'L7OK', code: 200 })

    const closed = signal()
    const arrived = signal()
    server.behave((socket) => {
      socket.on('close', () => closed.resolve()).on('data', () => arrived.resolve())
    })
    await arrived.promise
    prober.stop()
    await closed.promise
    expect(server.open()).toBe(0)
  })
})
