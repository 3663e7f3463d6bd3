import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  Deadline,
  DeadlineWheel,
  WHEEL_SLOTS,
  WHEEL_TICK_MS,
} from '../../../src/net/deadline-wheel.ts'

const HORIZON_MS = WHEEL_SLOTS * WHEEL_TICK_MS

/** A wheel with one named deadline, and the names that have fired. */
function wheelWith(names: readonly string[], startMs = 0) {
  const fired: string[] = []
  const wheel = new DeadlineWheel(startMs)
  const deadlines = new Map(names.map((name) => [name, new Deadline(() => fired.push(name))]))
  return {
    fired,
    wheel,
    of: (name: string) => deadlines.get(name) as Deadline,
  }
}

describe('DeadlineWheel', () => {
  it('fires in the first advance at or after the moment', () => {
    const { wheel, fired, of } = wheelWith(['a'])
    wheel.schedule(of('a'), 120)
    wheel.advance(119.9)
    expect(fired).toEqual([])
    wheel.advance(120)
    expect(fired).toEqual(['a'])
    wheel.advance(10_000)
    expect(fired).toEqual(['a'])
  })

  it('tells the moment of the last advance, and takes no step back', () => {
    const { wheel, fired, of } = wheelWith(['a'], 1000)
    expect(wheel.nowMs).toBe(1000)
    wheel.advance(1500)
    wheel.advance(1200)
    expect(wheel.nowMs).toBe(1500)
    wheel.schedule(of('a'), 1400)
    wheel.advance(1200)
    expect(fired).toEqual(['a'])
  })

  it('is told the present without firing: what is scheduled then counts from there', () => {
    const { wheel, fired, of } = wheelWith(['a', 'b'])
    wheel.schedule(of('a'), 100)
    wheel.tell(5000)
    wheel.tell(4000)
    expect(wheel.nowMs).toBe(5000)
    expect(fired).toEqual([])
    wheel.schedule(of('b'), wheel.nowMs + 100)
    wheel.advance(5000)
    expect(fired).toEqual(['a'])
    wheel.advance(5100)
    expect(fired).toEqual(['a', 'b'])
  })

  it('keeps a deadline beyond its horizon, over steps of any size', () => {
    for (const stepMs of [WHEEL_TICK_MS, 777, HORIZON_MS - 1, HORIZON_MS, 3 * HORIZON_MS]) {
      const { wheel, fired, of } = wheelWith(['far'])
      const dueMs = 10 * HORIZON_MS + 3
      wheel.schedule(of('far'), dueMs)
      let nowMs = 0
      for (; nowMs < dueMs; nowMs += stepMs) {
        wheel.advance(nowMs)
        expect(fired).toEqual([])
      }
      wheel.advance(nowMs)
      expect(fired).toEqual(['far'])
    }
  })

  it('never fires what is infinitely far', () => {
    const { wheel, fired, of } = wheelWith(['never'])
    wheel.schedule(of('never'), Number.POSITIVE_INFINITY)
    for (let i = 1; i < 5; i++) wheel.advance(i * HORIZON_MS)
    expect(fired).toEqual([])
  })

  it('fires in a later advance what a handler schedules for the past', () => {
    const wheel = new DeadlineWheel(0)
    let count = 0
    const again: Deadline = new Deadline(() => {
      count++
      wheel.schedule(again, 0)
    })
    wheel.schedule(again, 10)
    wheel.advance(100)
    expect(count).toBe(1)
    wheel.advance(100)
    expect(count).toBe(2)
  })

  it('lets a handler cancel or put off what is due in the same advance', () => {
    for (const [act, later] of [
      ['cancel', 0],
      ['schedule', 1],
    ] as const) {
      const wheel = new DeadlineWheel(0)
      let count = 0
      const pair: Deadline[] = []
      const other = (n: number) => () => {
        count++
        const deadline = pair[1 - n] as Deadline
        if (act === 'cancel') wheel.cancel(deadline)
        else if (count === 1) wheel.schedule(deadline, 5000)
      }
      pair.push(new Deadline(other(0)), new Deadline(other(1)))
      for (const deadline of pair) wheel.schedule(deadline, 10)
      wheel.advance(20)
      expect(count).toBe(1)
      wheel.advance(4999)
      expect(count).toBe(1)
      wheel.advance(5000)
      expect(count).toBe(1 + later)
    }
  })

  it('goes on after a handler that throws', () => {
    const wheel = new DeadlineWheel(0)
    let count = 0
    for (let i = 0; i < 3; i++) {
      wheel.schedule(
        new Deadline(() => {
          count++
          throw new Error('from a handler')
        }),
        10,
      )
    }
    for (let i = 0; i < 3; i++) expect(() => wheel.advance(20)).toThrow('from a handler')
    expect(count).toBe(3)
  })

  const step = fc.oneof(
    fc.record({ do: fc.constant('cancel' as const), id: fc.nat(7) }),
    fc.record({
      do: fc.constant('schedule' as const),
      id: fc.nat(7),
      inMs: fc.oneof(
        fc.integer({ min: -200, max: 400 }),
        fc.integer({ min: 0, max: 3 * HORIZON_MS }),
        fc.double({ min: 0, max: 300, noNaN: true }),
        fc.constantFrom(0, WHEEL_TICK_MS, HORIZON_MS - 1, HORIZON_MS, HORIZON_MS + 1),
      ),
    }),
    fc.record({
      do: fc.constant('advance' as const),
      byMs: fc.oneof(
        fc.constantFrom(0, 1, WHEEL_TICK_MS - 1, WHEEL_TICK_MS, HORIZON_MS, 2 * HORIZON_MS + 7),
        fc.double({ min: 0, max: 500, noNaN: true }),
        fc.integer({ min: 0, max: HORIZON_MS }),
      ),
    }),
  )

  it('fires what a plain map of moments says', () => {
    const steps = fc.array(step, { maxLength: 200 })
    fc.assert(
      fc.property(steps, fc.double({ min: 0, max: 1e7, noNaN: true }), (run, startMs) => {
        const ids = Array.from({ length: 8 }, (_, id) => String(id))
        const { wheel, fired, of } = wheelWith(ids, startMs)
        const twin = new Map<string, number>()
        let nowMs = startMs
        for (const action of run) {
          if (action.do === 'schedule') {
            wheel.schedule(of(String(action.id)), nowMs + action.inMs)
            twin.set(String(action.id), nowMs + action.inMs)
          } else if (action.do === 'cancel') {
            wheel.cancel(of(String(action.id)))
            twin.delete(String(action.id))
          } else {
            nowMs += action.byMs
            wheel.advance(nowMs)
            const due = ids.filter((id) => (twin.get(id) ?? Number.POSITIVE_INFINITY) <= nowMs)
            for (const id of due) twin.delete(id)
            expect(fired.splice(0).sort()).toEqual(due)
          }
        }
      }),
      { numRuns: 500 },
    )
  })
})
