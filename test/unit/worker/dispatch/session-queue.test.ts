import fc from 'fast-check'
import { expect, it } from 'vitest'
import { ServerTable } from '../../../../src/memory/server-table.ts'
import {
  SessionQueue,
  SessionQueues,
  type Waiter,
} from '../../../../src/worker/dispatch/session-queue.ts'

const BACKEND = 3
const SERVER = 4
const SERVER_MAX = 2

/**
 * Tables that nobody is in any more, by their workers. Each is tens of megabytes, and kept for good
 * by who listens for its rings: hundreds of them would leave no memory to the tests that follow.
 */
const spare = new Map<number, ServerTable>()

/** Sessions of several workers before one server of two places, all in this thread. */
class Stage {
  readonly table: ServerTable
  readonly queues: SessionQueue[]
  /** Who has a place, in the order of getting it. */
  readonly entered: string[] = []
  readonly inside = new Map<string, number>()

  constructor(workers: number) {
    this.table = spare.get(workers) ?? ServerTable.create(workers)
    spare.delete(workers)
    this.queues = Array.from(
      { length: workers },
      (_, worker) => new SessionQueue(this.table, worker, BACKEND),
    )
    // A ring is heard by the other thread's queue; here all are in one thread.
    this.table.lines.ring = (worker) => this.queues[worker]?.wake()
  }

  queue(worker: number): SessionQueue {
    return this.queues[worker] as SessionQueue
  }

  /** A session comes: it takes a place, or waits. */
  come(name: string, worker: number): Waiter {
    const queue = this.queue(worker)
    const enter = (): boolean => {
      if (!this.table.tryAcquire(worker, SERVER, SERVER_MAX)) return false
      this.entered.push(name)
      this.inside.set(name, worker)
      return true
    }
    const waiter: Waiter = {
      tryEnter: () => {
        if (!enter()) return false
        queue.leave(waiter)
        return true
      },
    }
    if (queue.length > 0 || !enter()) queue.join(waiter)
    return waiter
  }

  /** A session that has a place ends. */
  end(name: string): void {
    const worker = this.inside.get(name) as number
    this.inside.delete(name)
    this.table.release(worker, SERVER)
    this.queue(worker).wake()
  }

  /** Once nobody waits: all end, and leave the table as they found it. */
  async clear(): Promise<void> {
    for (const name of [...this.inside.keys()]) this.end(name)
    await settle()
    expect(this.table.sessions(SERVER)).toBe(0)
    expect(this.table.lines.length(BACKEND)).toBe(0)
    spare.set(this.table.workers, this.table)
  }
}

/** Lets queues that were woken serve, which may wake others. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve()
}

it('serves who comes first, in whichever worker it waits', async () => {
  const stage = new Stage(3)
  for (const [n, name] of ['a', 'b', 'c', 'd', 'e', 'f'].entries()) stage.come(name, n % 3)
  expect(stage.entered).toEqual(['a', 'b'])
  expect(stage.table.lines.length(BACKEND)).toBe(4)
  stage.end('b')
  await settle()
  expect(stage.entered).toEqual(['a', 'b', 'c'])
  stage.end('a')
  stage.end('c')
  await settle()
  expect(stage.entered).toEqual(['a', 'b', 'c', 'd', 'e'])
  stage.end('d')
  stage.end('e')
  await settle()
  expect(stage.entered).toEqual(['a', 'b', 'c', 'd', 'e', 'f'])
  expect(stage.table.lines.length(BACKEND)).toBe(0)
})

it('goes past those that gave up', async () => {
  const stage = new Stage(2)
  stage.come('a', 0)
  stage.come('b', 0)
  const [first, middle] = [stage.come('c', 1), stage.come('d', 1)]
  stage.come('e', 1)
  stage.come('f', 0)
  stage.queue(1).leave(middle)
  stage.queue(1).leave(first)
  stage.queue(1).leave(first)
  expect(stage.table.lines.length(BACKEND)).toBe(2)
  stage.end('a')
  stage.end('b')
  await settle()
  expect(stage.entered).toEqual(['a', 'b', 'e', 'f'])
})

it('forgets those of a dead worker, and lets the next have its turn', async () => {
  const stage = new Stage(2)
  stage.come('a', 0)
  stage.come('b', 0)
  stage.come('c', 1)
  stage.come('d', 0)
  stage.queues.splice(1, 1)
  stage.table.reclaim(1)
  expect(stage.table.lines.length(BACKEND)).toBe(1)
  stage.end('a')
  await settle()
  expect(stage.entered).toEqual(['a', 'b', 'd'])
})

it('keeps the order and the bound through any comings, endings and leavings', async () => {
  const step = fc.record({
    what: fc.constantFrom('come', 'come', 'end', 'leave'),
    worker: fc.nat(3),
    which: fc.nat(50),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const stage = new Stage(4)
      // The simple twin: one list for all.
      const waiting: [name: string, worker: number, waiter: Waiter][] = []
      const expected: string[] = []
      let named = 0
      let places = SERVER_MAX
      const serve = (): void => {
        for (; places > 0 && waiting.length > 0; places--) expected.push(waiting.shift()?.[0] ?? '')
      }
      for (const { what, worker, which } of steps) {
        const inside = [...stage.inside.keys()]
        if (what === 'come') {
          const name = String(named++)
          waiting.push([name, worker, stage.come(name, worker)])
        } else if (what === 'end' && inside.length > 0) {
          stage.end(inside[which % inside.length] as string)
          places++
        } else if (what === 'leave' && waiting.length > 0) {
          const [left] = waiting.splice(which % waiting.length, 1)
          if (left !== undefined) stage.queue(left[1]).leave(left[2])
        }
        serve()
        await settle()
        expect(stage.entered).toEqual(expected)
        expect(stage.table.sessions(SERVER)).toBeLessThanOrEqual(SERVER_MAX)
        expect(stage.table.lines.length(BACKEND)).toBe(waiting.length)
      }
      for (const [, worker, waiter] of waiting) stage.queue(worker).leave(waiter)
      await stage.clear()
    }),
    { numRuns: 300 },
  )
})

it('hears the ring of another thread', async () => {
  const table = ServerTable.create(1)
  const queue = new SessionQueues(table, 0).of(BACKEND)
  table.tryAcquire(0, SERVER, 1)
  const entered = new Promise<void>((resolve) => {
    const waiter: Waiter = {
      tryEnter: () => {
        if (!table.tryAcquire(0, SERVER, 1)) return false
        queue.leave(waiter)
        resolve()
        return true
      },
    }
    queue.join(waiter)
  })
  expect(queue.length).toBe(1)
  table.release(0, SERVER)
  new ServerTable(table.memory).lines.ring(0)
  await entered
  expect(queue.length).toBe(0)
})
