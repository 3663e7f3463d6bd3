import { describe, expect, it } from 'vitest'
import {
  type Death,
  DeathCauses,
  DeathsInRow,
} from '../../../../src/supervisor/threads/worker-deaths.ts'

function death(parts: Partial<Death> = {}): Death {
  return { livedMs: 10, hadStarted: true, wasStuck: false, failure: undefined, ...parts }
}

/** The waits after so many deaths in a row. */
function delays(count: number, doOthersServe: boolean, parts: Partial<Death> = {}): number[] {
  const deaths = new DeathsInRow()
  return Array.from({ length: count }, () => {
    deaths.note(death(parts))
    return deaths.delayMs(doOthersServe)
  })
}

describe('the wait for a successor', () => {
  it('is none after a single death, then doubles up to five seconds', () => {
    expect(delays(9, true)).toEqual([0, 100, 200, 400, 800, 1600, 3200, 5000, 5000])
    expect(delays(2000, true).at(-1)).toBe(5000)
  })

  it('stays short while no other worker serves', () => {
    expect(delays(20, false)).toEqual([0, ...Array<number>(19).fill(100)])
  })

  it('grows further for one that cannot start', () => {
    expect(delays(12, true, { hadStarted: false }).slice(-3)).toEqual([25_600, 51_200, 60_000])
  })

  it('begins anew after a worker has lived for a minute', () => {
    const deaths = new DeathsInRow()
    for (let n = 0; n < 5; n++) deaths.note(death())
    deaths.note(death({ livedMs: 60_000 }))
    expect(deaths.delayMs(true)).toBe(0)
  })
})

it('a place that fails to start five times in a row cannot start; one start is enough to hope', () => {
  const deaths = new DeathsInRow()
  for (let n = 0; n < 4; n++) deaths.note(death({ hadStarted: false }))
  expect(deaths.cannotStart).toBe(false)
  deaths.note(death({ hadStarted: false }))
  expect(deaths.cannotStart).toBe(true)
  deaths.note(death())
  expect(deaths.cannotStart).toBe(false)
})

describe('causes', () => {
  const failing = (message: string): Error => new Error(message)

  it('are told apart by where they arose, not by what they name', () => {
    const causes = new DeathCauses()
    const counts = ['row 1', 'row 2', 'row 3'].map((message) =>
      causes.note(death({ failure: failing(message) })),
    )
    expect(counts).toEqual([1, 2, 3])
    expect(causes.note(death({ failure: new Error('elsewhere') }))).toBe(1)
    expect(causes.note(death({ failure: 'a string' }))).toBe(1)
    expect(causes.note(death())).toBe(1)
    expect(causes.note(death({ wasStuck: true }))).toBe(1)
    expect(causes.note(death({ wasStuck: true }))).toBe(2)
    expect(causes.total).toBe(8)
  })

  it('without bound are kept within one: what is told in full is bounded too', () => {
    const causes = new DeathCauses()
    let told = 0
    for (let n = 0; n < 10_000; n++) {
      if (causes.note(death({ failure: `cause ${n}` })) === 1) told++
    }
    expect(told).toBe(65)
    expect(causes.total).toBe(10_000)
  })
})
