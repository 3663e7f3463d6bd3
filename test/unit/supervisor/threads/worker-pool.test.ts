import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Worker } from 'node:worker_threads'
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { reserveProcessVariables } from '../../../../src/memory/process-variables.ts'
import { ServerTable } from '../../../../src/memory/server-table.ts'
import type { TuneConfig } from '../../../../src/model/config.ts'
import type { Plan } from '../../../../src/model/plan.ts'
import { WorkerPool } from '../../../../src/supervisor/threads/worker-pool.ts'
import { sourcesIn, stripSources } from '../../../fixtures/stripped-sources.ts'
import { someTicketKeys } from '../../../fixtures/ticket-keys.ts'
import { type RecordedLine, recordedLog } from '../recorded-log.ts'

/**
 * What a worker of these tests does. It beats and answers as the real one; `faults` in the plan,
 * by index of the worker, says what goes wrong: it throws, loops for ever, hangs in a system call that
 * nothing interrupts, or pauses for three seconds. Told to end, it writes its log for a while.
 */
const WORKER = `
import { spawnSync } from 'node:child_process'
import { parentPort } from 'node:worker_threads'
const boot = await new Promise((resolve) => parentPort.once('message', resolve))
const { index, memory } = boot
const { ServerTable } = await import(boot.accessLog.module)
const table = new ServerTable(memory)
const ticker = setInterval(() => table.beat(index), 20)
function fail(fault) {
  if (fault === 'throw') throw new Error('row ' + Math.random())
  if (fault === 'loop') for (;;);
  if (fault === 'pause') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3_000)
  if (fault === 'hang') spawnSync('sleep', ['20'])
}
parentPort.on('message', (message) => {
  if (message.kind === 'apply') {
    const { serial, faults = {} } = message.plan
    const { early, late, answersAfterMs } = faults[index] ?? {}
    fail(early)
    const answer = () => parentPort.postMessage({ kind: 'applied', serial })
    if (answersAfterMs) setTimeout(answer, answersAfterMs)
    else answer()
    if (late) setTimeout(() => fail(late), 100)
  }
  if (message.kind === 'change-servers') {
    const { serial, maxconn } = message.change
    setTimeout(() => parentPort.postMessage({ kind: 'applied', serial }), index * maxconn)
  }
  if (message.kind === 'drain' && !boot.accessLog.holds) parentPort.postMessage({ kind: 'drained' })
  if (message.kind === 'cut') parentPort.postMessage({ kind: 'drained' })
  if (message.kind === 'exit') setTimeout(() => {
    parentPort.postMessage({ kind: 'warning', event: 'log-written', message: '', fields: {} })
    process.exit(0)
  }, 100)
})
`

/** What goes wrong with a worker: before it has said that it runs the plan, or 100 ms later. */
interface Fault {
  readonly early?: 'throw' | 'pause'
  readonly late?: 'throw' | 'loop' | 'hang' | 'pause'
  /** It says so later than what it is told next. */
  readonly answersAfterMs?: number
}

let module = ''
beforeAll(() => {
  const folder = stripSources('worker-pool', [...sourcesIn('src/base'), ...sourcesIn('src/memory')])
  module = pathToFileURL(join(folder, 'src/memory/server-table.js')).href
})

let serials = 0

function planWith(faults: Readonly<Record<number, Fault>> = {}): Plan {
  return { serial: ++serials, backends: [], faults } as unknown as Plan
}

function startPool(workers: number, plan: Plan, { holds = false } = {}) {
  const lines: RecordedLine[] = []
  const failures: string[] = []
  const table = ServerTable.create(workers)
  const pool = new WorkerPool(plan, {
    table,
    boot: {
      variables: reserveProcessVariables(),
      tune: {} as TuneConfig,
      accessLog: { module, holds } as never,
    },
    ticketKeys: someTicketKeys().keys,
    log: recordedLog(lines),
    clock: () => performance.now(),
    onLogLoss: () => {},
    onShortage: () => {},
    onFailing: ({ code }) => failures.push(code),
    takeThread: () => new Worker(new URL(`data:text/javascript,${encodeURIComponent(WORKER)}`)),
  })
  let hasStopped = false
  const stop = async (): Promise<number> => {
    hasStopped = true
    return pool.stop()
  }
  onTestFinished(async () => {
    if (!hasStopped) await stop()
  })
  const of = (event: string): RecordedLine[] => lines.filter((line) => line.event === event)
  return { pool, table, lines, failures, of, stop }
}

const patiently = { timeout: 30_000, interval: 20 }

describe('deaths by one cause', () => {
  it('end no daemon while a worker lives, and are told in full once', async () => {
    const { pool, of, failures } = startPool(2, planWith({ 0: { late: 'throw' } }))
    await pool.ready()
    await vi.waitFor(() => expect(pool.deathsTotal).toBeGreaterThanOrEqual(5), patiently)
    expect(failures).toEqual([])
    expect(pool.isReady).toBe(true)
    const [first, ...further] = of('worker-lost')
    expect(first?.fields['error']).toMatchObject({ code: 'worker-lost' })
    expect(further.map(({ fields }) => fields['error'])).toEqual(further.map(() => undefined))
    expect(further.map(({ fields }) => fields['count'])).toEqual(further.map((_, n) => n + 2))
    expect(further.map(({ fields }) => fields['restartMs']).slice(0, 3)).toEqual([100, 200, 400])
    expect(of('worker-lost').every(({ fields }) => fields['worker'] === 0)).toBe(true)
  })

  it('of all workers again and again end none either: each serves in between', async () => {
    const { pool, failures } = startPool(1, planWith({ 0: { late: 'throw' } }))
    await vi.waitFor(() => expect(pool.deathsTotal).toBeGreaterThanOrEqual(12), patiently)
    expect(failures).toEqual([])
    await vi.waitFor(() => expect(pool.isReady).toBe(true), patiently)
  })

  it('end it where no worker can start', async () => {
    const { pool, failures } = startPool(1, planWith({ 0: { early: 'throw' } }))
    await vi.waitFor(() => expect(failures).toEqual(['worker-failing']), patiently)
    expect(pool.isReady).toBe(false)
    expect(pool.deathsTotal).toBe(5)
  })

  it('end it at the start where one of several cannot', async () => {
    const { failures } = startPool(2, planWith({ 1: { early: 'throw' } }))
    await vi.waitFor(() => expect(failures).toEqual(['worker-failing']), patiently)
  })

  it('later leave the place of one that cannot start to the others', async () => {
    const { pool, failures } = startPool(2, planWith())
    await pool.ready()
    await pool.apply(planWith({ 1: { early: 'throw' } }))
    await vi.waitFor(() => expect(pool.deathsTotal).toBeGreaterThanOrEqual(6), patiently)
    expect(failures).toEqual([])
    expect(pool.isReady).toBe(true)
    // A plan that it can run is taken up by its next successor.
    await pool.apply(planWith())
  })
})

it('goes over to changed servers when all workers have, whatever they say late of the plan before', async () => {
  const { pool } = startPool(2, planWith())
  await pool.ready()
  const slow = planWith({ 0: { answersAfterMs: 50 } })
  const applied = pool.apply(slow)
  const next = planWith()
  // In this test `maxconn` is how much later than the first worker the second one answers.
  const change = { serial: next.serial, maxconn: 500, trafficNumbersMax: 0, backends: [] }
  await pool.change(next, change)
  await applied
})

it('waits for the log of a worker that was slow to start and is told to end at once', async () => {
  const { pool, of, stop } = startPool(1, planWith({ 0: { early: 'pause' } }))
  await pool.ready()
  expect(await stop()).toBe(0)
  expect(of('log-written')).toHaveLength(1)
})

describe('a worker that is stuck', () => {
  it('is reported, ended and replaced', async () => {
    const { pool, of, table } = startPool(2, planWith({ 1: { late: 'loop' } }))
    await pool.ready()
    table.acquire(1, 7)
    await vi.waitFor(() => expect(of('worker-stuck')).toHaveLength(1), patiently)
    await vi.waitFor(() => expect(of('worker-started')).toHaveLength(1), patiently)
    expect(of('worker-lost')[0]?.message).toBe('worker 1 did not answer and is ended')
    expect(table.sessions(7)).toBe(0)
    expect(pool.isReady).toBe(true)
  })

  it('in a system call cannot be ended: it stays reported, and the others serve', async () => {
    const { pool, of, failures, stop } = startPool(2, planWith({ 1: { late: 'hang' } }))
    await pool.ready()
    await vi.waitFor(() => expect(pool.stuck).toEqual([1]), patiently)
    expect(of('worker-stuck')).toHaveLength(1)
    expect(pool.isReady).toBe(true)
    await pool.apply(planWith())
    await pool.drain()
    expect(await stop()).toBe(1)
    expect(failures).toEqual([])
  })

  it('is not found in one that stood still with the whole process', async () => {
    const { pool, table, of } = startPool(1, planWith({ 0: { late: 'pause' } }))
    await pool.ready()
    await vi.waitFor(async () => {
      const before = table.beats(0)
      await new Promise((resolve) => setTimeout(resolve, 200))
      expect(table.beats(0)).toBe(before)
    }, patiently)
    // To the main thread this is what a standstill of the process looks like: a minute has passed
    // since it looked last, in which it did not run.
    const now = performance.now.bind(performance)
    const jump = vi.spyOn(performance, 'now').mockImplementation(() => now() + 60_000)
    onTestFinished(() => jump.mockRestore())
    const paused = table.beats(0)
    await vi.waitFor(() => expect(table.beats(0)).toBeGreaterThan(paused), patiently)
    expect(of('worker-stuck')).toEqual([])
    expect(of('worker-lost')).toEqual([])
  })
})

describe('a drain', () => {
  it('takes a worker that dies for drained, and replaces none', async () => {
    const { pool, of } = startPool(2, planWith(), { holds: true })
    await pool.ready()
    const drained = pool.drain()
    pool.terminate(0)
    pool.terminate(1)
    await drained
    expect(of('worker-lost')).toHaveLength(2)
    expect(of('worker-started')).toEqual([])
  })

  it('takes a place whose successor is waited with for drained', async () => {
    const { pool, of } = startPool(2, planWith({ 0: { late: 'throw' } }))
    await vi.waitFor(() => expect(of('worker-lost').length).toBeGreaterThanOrEqual(4), patiently)
    const started = of('worker-started').length
    await pool.drain()
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    expect(of('worker-started')).toHaveLength(started)
  })

  it('that is cut does not wait for a worker that does not answer', async () => {
    const { pool, stop } = startPool(2, planWith({ 0: { late: 'loop' } }), { holds: true })
    await pool.ready()
    const drained = pool.drain()
    pool.cut()
    const cutMs = performance.now()
    await drained
    expect(await stop()).toBe(0)
    expect(performance.now() - cutMs).toBeLessThan(5_000)
  })
})

it('gives a large plan in slices, and what is told meanwhile after it', async () => {
  const { pool } = startPool(2, planWith())
  await pool.ready()
  const backends = Array.from({ length: 2_000 }, (_, n) => ({
    name: `b${n}`,
    servers: [{ row: n }],
  }))
  const plan = { ...planWith(), backends } as unknown as Plan
  const applied = pool.apply(plan)
  const serial = ++serials
  const change = { serial, maxconn: 1, trafficNumbersMax: 1, backends: [] }
  await Promise.all([applied, pool.change({ ...plan, serial }, change)])
  expect(pool.isReady).toBe(true)
})
