import { describe, expect, it } from 'vitest'
import { atOnce, inSlices, SLICE_MS, type Steps } from '../../../src/base/work-slices.ts'

function busyFor(ms: number): void {
  const untilMs = performance.now() + ms
  while (performance.now() < untilMs);
}

function* counting(steps: number, stepMs: number): Steps<number> {
  for (let n = 0; n < steps; n++) {
    busyFor(stepMs)
    yield
  }
  return steps
}

/** Turns of the event loop from now on, until it is told to stop. */
function turnsFromNow(): { count: number; stop: () => void } {
  const turns = { count: 0, stop: () => clearImmediate(next) }
  const turn = (): void => {
    turns.count++
    next = setImmediate(turn)
  }
  let next = setImmediate(turn)
  return turns
}

describe('work in slices', () => {
  it('lets others run between them', async () => {
    const turns = turnsFromNow()
    expect(await inSlices(counting(10, SLICE_MS))).toBe(10)
    turns.stop()
    expect(turns.count).toBeGreaterThanOrEqual(9)
  })

  it('shares the time of a turn with all other such work', async () => {
    const turns = turnsFromNow()
    const works = Array.from({ length: 8 }, () => inSlices(counting(8, SLICE_MS / 4)))
    expect(await Promise.all(works)).toHaveLength(8)
    turns.stop()
    // Each on its own would have been over after two.
    expect(turns.count).toBeGreaterThanOrEqual(7)
  })

  it('is done at once where it is short', async () => {
    const turns = turnsFromNow()
    expect(await inSlices(counting(3, 0))).toBe(3)
    expect(turns.count).toBe(0)
    expect(atOnce(counting(3, SLICE_MS))).toBe(3)
    expect(turns.count).toBe(0)
    turns.stop()
  })

  it('fails with it', async () => {
    const failing = function* (): Steps {
      yield
      throw new Error('no more')
    }
    await expect(inSlices(failing())).rejects.toThrow('no more')
  })
})
