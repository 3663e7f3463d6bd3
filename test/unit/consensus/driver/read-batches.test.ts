import { describe, expect, it } from 'vitest'
import { ReadBatches } from '../../../../src/consensus/driver/read-batches.ts'

const TIMEOUT_MS = 100

function makeBatches(readersMax = 10) {
  const asked: number[] = []
  const batches = new ReadBatches(readersMax, TIMEOUT_MS, (context) => asked.push(context))
  const told: string[] = []
  const read = (name: string, nowMs = 0) =>
    batches.read(nowMs, (isDone) => told.push(`${name} ${isDone}`))
  return { asked, batches, told, read }
}

describe('reads', () => {
  it('that come while one is asked for gather for the next, which is another question', () => {
    const { asked, batches, told, read } = makeBatches()
    read('a')
    read('b')
    read('c')
    expect(asked).toHaveLength(1)
    batches.answered(asked[0] as number, 5, 5, 0)
    expect(told).toEqual(['a true'])
    expect(asked).toHaveLength(2)
    expect(asked[1]).not.toBe(asked[0])
    batches.answered(asked[1] as number, 5, 5, 0)
    expect(told).toEqual(['a true', 'b true', 'c true'])
    expect(asked).toHaveLength(2)
  })

  it('wait until what they are to see is applied', () => {
    const { asked, batches, told, read } = makeBatches()
    read('a')
    batches.answered(asked[0] as number, 7, 5, 0)
    batches.applied(6)
    expect(told).toEqual([])
    batches.applied(7)
    expect(told).toEqual(['a true'])
  })

  it('fail where no quorum answers, or nobody in time', () => {
    const { asked, batches, told, read } = makeBatches()
    read('a')
    expect(batches.deadlineMs).toBe(TIMEOUT_MS)
    batches.answered(asked[0] as number, null, 5, 10)
    read('b', 20)
    batches.tick(119)
    expect(told).toEqual(['a false'])
    batches.tick(120)
    expect(told).toEqual(['a false', 'b false'])
    expect(batches.deadlineMs).toBe(Number.POSITIVE_INFINITY)
  })

  it('are not settled by the answer to another question', () => {
    const { asked, batches, told, read } = makeBatches()
    read('a')
    batches.tick(TIMEOUT_MS)
    read('b', TIMEOUT_MS)
    batches.answered(asked[0] as number, 1, 5, TIMEOUT_MS)
    batches.answered(99, 1, 5, TIMEOUT_MS)
    expect(told).toEqual(['a false'])
  })

  it('are counted until they are settled', () => {
    const { asked, batches, told, read } = makeBatches(3)
    read('a')
    read('b')
    batches.answered(asked[0] as number, 9, 5, 0)
    read('c')
    expect(batches.isFull).toBe(true)
    batches.stop()
    expect(batches.isFull).toBe(false)
    expect(told.sort()).toEqual(['a false', 'b false', 'c false'])
  })
})
