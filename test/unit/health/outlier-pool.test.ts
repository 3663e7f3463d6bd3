import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Sample } from '../../../src/health/observation-sample.ts'
import { ejectionsMax, type OutlierChange, OutlierPool } from '../../../src/health/outlier-pool.ts'
import type { OutlierDetectionConfig } from '../../../src/model/observation-config.ts'
import { CONFIG, OutlierLab, STEP_MS, sampleOf } from './outlier-lab.ts'

const FAILS = sampleOf(0, 5)
const WORKS = sampleOf(5, 0)

function labOf(servers: number, changes: Partial<OutlierDetectionConfig> = {}): OutlierLab {
  return new OutlierLab(new OutlierPool({ ...CONFIG, ...changes }), servers)
}

function ejectionsIn(changes: readonly OutlierChange[]): (OutlierChange & { kind: 'ejected' })[] {
  return changes.flatMap((change) => (change.kind === 'ejected' ? [change] : []))
}

function returnsIn(changes: readonly OutlierChange[]): string[] {
  return changes.flatMap((change) => (change.kind === 'returned' ? [change.key] : []))
}

/** All servers do the same. */
function all(lab: OutlierLab, sample: Sample): Record<string, Sample> {
  return Object.fromEntries(lab.keys.map((key) => [key, sample]))
}

describe('an outlier', () => {
  it('is ejected with its reason, and comes back after its time', () => {
    const lab = labOf(4)
    expect(lab.step({ 'app/s1': FAILS })).toEqual([
      {
        kind: 'ejected',
        key: 'app/s1',
        cause: 'consecutive-errors',
        reason: '5 errors in a row',
        ejectionMs: 30_000,
        ejections: 1,
      },
    ])
    expect(lab.pool.ejectionOf('app/s1')).toBe('5 errors in a row')
    expect(lab.skip(29_999)).toEqual([])
    expect(lab.ejected).toEqual(['app/s1'])
    expect(lab.skip(1)).toEqual([{ kind: 'returned', key: 'app/s1', ejectedMs: 30_000 }])
    expect(lab.ejected).toEqual([])
  })

  it('is not ejected again for what it answered before it came back', () => {
    const lab = labOf(4)
    lab.step({ 'app/s1': FAILS })
    lab.step({ 'app/s1': FAILS })
    lab.skip(30_000)
    expect(lab.ejected).toEqual([])
    expect(lab.step({ 'app/s1': sampleOf(0, 4) })).toEqual([])
  })

  it('that is down by its checks is left to them', () => {
    const lab = labOf(4)
    lab.down.add('app/s1')
    expect(lab.step({ 'app/s1': FAILS })).toEqual([])
  })

  it('waits for its turn while as many as may be are ejected', () => {
    const lab = labOf(4)
    lab.step({ 'app/s1': FAILS })
    expect(lab.step({ 'app/s2': FAILS })).toEqual([])
    lab.skip(30_000)
    expect(lab.ejected).toEqual(['app/s2'])
  })

  it('is forgotten with its name', () => {
    const lab = labOf(4)
    lab.step({ 'app/s1': FAILS })
    lab.pool.forget('app/s1')
    expect(lab.ejected).toEqual([])
  })

  it('that leaves the pool for maintenance comes back to it with a clean record', () => {
    const lab = labOf(4)
    lab.step({ 'app/s1': FAILS })
    const others = lab.keys.filter((key) => key !== 'app/s1')
    lab.pool.step(
      others.map((key) => ({ key, sample: WORKS, isUp: true })),
      lab.nowMs,
    )
    lab.step()
    expect(lab.ejected).toEqual([])
  })
})

describe('a server that fails again and again', () => {
  /** How long it is ejected, each time that it fails this long after it came back. */
  function ejectionTimes(rounds: number, goodMs: number): number[] {
    const lab = labOf(4)
    return Array.from({ length: rounds }, () => {
      const [ejection] = ejectionsIn(lab.step({ 'app/s1': FAILS }))
      const { ejectionMs = 0 } = ejection ?? {}
      lab.skip(ejectionMs)
      lab.skip(goodMs)
      return ejectionMs
    })
  }

  it('is ejected for longer each time, up to the longest', () => {
    const times = ejectionTimes(12, STEP_MS).map((ms) => ms / 1000)
    expect(times).toEqual([30, 60, 90, 120, 150, 180, 210, 240, 270, 300, 300, 300])
  })

  it('is ejected for as long as before once it was good for long', () => {
    expect(ejectionTimes(3, 60_000)).toEqual([30_000, 30_000, 30_000])
  })

  it('makes no storm: it is up for ever less of the time', () => {
    const lab = labOf(4)
    let ejections = 0
    for (let step = 0; step < (3_600 * 1_000) / STEP_MS; step++) {
      ejections += ejectionsIn(lab.step({ 'app/s1': FAILS })).length
    }
    // 30 s, 60 s, ... 300 s take 1650 s; what is left of the hour has room for 6 of 300 s.
    expect(ejections).toBeLessThanOrEqual(17)
  })
})

describe('a pool that loses too many', () => {
  const config = { maxEjectionPercent: 100, panicThreshold: 50 }

  it('ignores ejections where all fail, and tells so', () => {
    const lab = labOf(4, config)
    const changes = lab.step(all(lab, FAILS))
    expect(ejectionsIn(changes)).toHaveLength(4)
    expect(changes.at(-1)).toEqual({ kind: 'panic', left: 0, servers: 4 })
    expect(lab.ejected).toEqual([])
  })

  it('heeds them at the threshold', () => {
    const lab = labOf(4, config)
    lab.step({ 'app/s0': FAILS, 'app/s1': FAILS })
    expect(lab.ejected).toEqual(['app/s0', 'app/s1'])
  })

  it('counts those that are down by their checks', () => {
    const lab = labOf(4, config)
    lab.step({ 'app/s0': FAILS })
    lab.down.add('app/s1')
    lab.down.add('app/s2')
    expect(lab.step()).toEqual([{ kind: 'panic', left: 1, servers: 4 }])
    expect(lab.ejected).toEqual([])
    lab.down.clear()
    expect(lab.step()).toEqual([{ kind: 'panic-over', left: 3, servers: 4 }])
    expect(lab.ejected).toEqual(['app/s0'])
  })

  it('is in no panic where nobody is ejected', () => {
    const lab = labOf(4, config)
    for (const key of lab.keys) lab.down.add(key)
    expect(lab.step()).toEqual([])
  })

  it('is over when they come back', () => {
    const lab = labOf(4, config)
    lab.step(all(lab, FAILS))
    const changes = lab.skip(30_000)
    expect(changes.map(({ kind }) => kind)).toEqual([
      ...Array.from({ length: 4 }, () => 'returned'),
      'panic-over',
    ])
  })

  it('heeds them all with a threshold of 0', () => {
    const lab = labOf(4, { ...config, panicThreshold: 0 })
    lab.step(all(lab, FAILS))
    expect(lab.ejected).toHaveLength(4)
  })
})

describe('the most that are ejected at once', () => {
  it.each([
    [0, 10, 0],
    [1, 10, 0],
    [1, 100, 1],
    [2, 0, 1],
    [2, 10, 1],
    [19, 10, 1],
    [20, 10, 2],
    [10, 50, 5],
    [3, 100, 3],
  ])('of %i servers with %i percent is %i', (servers, percent, most) => {
    expect(ejectionsMax(servers, percent)).toBe(most)
  })
})

describe('whatever servers do', () => {
  const config = fc.record({
    consecutiveErrors: fc.integer({ min: 1, max: 6 }),
    consecutiveGatewayErrors: fc.constant(0),
    successRate: fc.option(
      fc.record({
        minHosts: fc.integer({ min: 2, max: 4 }),
        minRequests: fc.integer({ min: 1, max: 20 }),
        stdevFactor: fc.constantFrom(1, 1.9, 3),
      }),
    ),
    latency: fc.option(
      fc.record({
        minHosts: fc.integer({ min: 2, max: 4 }),
        minRequests: fc.integer({ min: 1, max: 20 }),
        factor: fc.constantFrom(1, 3),
      }),
    ),
    intervalMs: fc.constantFrom(500, 10_000),
    baseEjectionMs: fc.constantFrom(1_000, 3_000),
    maxEjectionMs: fc.constantFrom(3_000, 10_000),
    maxEjectionPercent: fc.integer({ min: 0, max: 100 }),
    panicThreshold: fc.integer({ min: 0, max: 100 }),
  })
  const sample = fc
    .tuple(fc.nat(6), fc.nat(6), fc.nat(500))
    .map(([successes, errors, responseMs]) => sampleOf(successes, errors, responseMs))
  const run = fc.integer({ min: 1, max: 12 }).chain((servers) =>
    fc.record({
      servers: fc.constant(servers),
      steps: fc.array(fc.array(sample, { minLength: servers, maxLength: servers }), {
        maxLength: 80,
      }),
    }),
  )

  /** Takes the steps, and calls back after each. */
  function play(
    lab: OutlierLab,
    steps: readonly (readonly Sample[])[],
    after: (changes: readonly OutlierChange[]) => void,
  ): void {
    for (const step of steps) {
      const samples = Object.fromEntries(step.map((one, index) => [lab.keys[index] as string, one]))
      after(lab.step(samples))
    }
  }

  it('never more than max-ejection-percent are out', () => {
    fc.assert(
      fc.property(config, run, (given, { servers, steps }) => {
        const lab = labOf(servers, given)
        const most = ejectionsMax(servers, given.maxEjectionPercent)
        const out = new Set<string>()
        play(lab, steps, (changes) => {
          for (const change of changes) {
            if (change.kind === 'ejected') out.add(change.key)
            if (change.kind === 'returned') out.delete(change.key)
          }
          expect(out.size).toBeLessThanOrEqual(most)
          for (const key of lab.ejected) expect(out).toContain(key)
        })
      }),
    )
  })

  it('never fewer than the panic threshold are left', () => {
    fc.assert(
      fc.property(config, run, (given, { servers, steps }) => {
        const lab = labOf(servers, given)
        play(lab, steps, () => {
          const left = servers - lab.ejected.length
          expect(left * 100).toBeGreaterThanOrEqual(given.panicThreshold * servers)
        })
      }),
    )
  })

  it('everybody comes back within max-ejection-time', () => {
    fc.assert(
      fc.property(config, run, (given, { servers, steps }) => {
        const lab = labOf(servers, given)
        const out = new Set<string>()
        play(lab, steps, (changes) => {
          for (const { key } of ejectionsIn(changes)) out.add(key)
          for (const key of returnsIn(changes)) out.delete(key)
        })
        const returned = returnsIn(lab.skip(Math.max(given.maxEjectionMs, STEP_MS)))
        expect(returned.sort()).toEqual([...out].sort())
      }),
    )
  })

  it('the factor of an ejection is at most one more than that of the one before', () => {
    fc.assert(
      fc.property(config, run, (given, { servers, steps }) => {
        const lab = labOf(servers, given)
        const last = new Map<string, number>()
        play(lab, steps, (changes) => {
          for (const { key, ejections, ejectionMs } of ejectionsIn(changes)) {
            expect(ejections).toBeLessThanOrEqual((last.get(key) ?? 0) + 1)
            const { baseEjectionMs, maxEjectionMs } = given
            expect(ejectionMs).toBe(Math.min(baseEjectionMs * ejections, maxEjectionMs))
            last.set(key, ejections)
          }
        })
      }),
    )
  })
})
