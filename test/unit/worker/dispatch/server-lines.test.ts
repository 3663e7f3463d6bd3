import fc from 'fast-check'
import { expect, it } from 'vitest'
import { ServerTable } from '../../../../src/memory/server-table.ts'
import { isBefore } from '../../../../src/memory/waiting-lines.ts'
import { SessionQueues, type Waiter } from '../../../../src/worker/dispatch/session-queue.ts'

const BACKEND = 1
const SERVERS = [2, 3]
const SERVER_MAX = 2

interface Session {
  readonly name: string
  readonly worker: number
  /** The row that it belongs to; 0: it may go to any. */
  readonly own: number
  /** Where it is; 0: it waits. */
  at: number
  readonly waiter: Waiter
}

/**
 * Tables that nobody is in any more, by their workers. Each is tens of megabytes, and kept for good
 * by who listens for its rings: hundreds of them would leave no memory to the tests that follow.
 */
const spare = new Map<number, ServerTable>()

/** Sessions of several workers before two servers; some belong to one of them. */
class Stage {
  readonly table: ServerTable
  readonly queues: SessionQueues[]
  readonly sessions: Session[] = []
  /** Rings of one thread for another. */
  rings = 0
  #named = 0

  constructor(workers: number) {
    this.table = spare.get(workers) ?? ServerTable.create(workers)
    spare.delete(workers)
    // A ring is heard by the other thread's queues; here all are in one thread.
    this.queues = Array.from({ length: workers }, (_, worker) => {
      return new SessionQueues(this.table, worker)
    })
    this.table.lines.ring = (worker) => {
      this.rings++
      this.queues[worker]?.hear()
    }
  }

  come(worker: number, own: number): Session {
    const session: Session = {
      name: String(this.#named++),
      worker,
      own,
      at: 0,
      waiter: {
        tryEnter: (ticket) => {
          if (!this.#enter(session, ticket)) return false
          this.#leave(session)
          return true
        },
      },
    }
    this.sessions.push(session)
    const line = own === 0 ? BACKEND : own
    if (this.table.lines.length(line) > 0 || !this.#enter(session, 0)) {
      this.queues[worker]?.of(line).join(session.waiter, BACKEND)
    }
    return session
  }

  /** It gives up, or ends. */
  go(session: Session): void {
    this.sessions.splice(this.sessions.indexOf(session), 1)
    if (session.at === 0) {
      this.#leave(session)
      return
    }
    this.table.release(session.worker, session.at)
    this.queues[session.worker]?.wake(session.at, BACKEND)
  }

  /** All go, and leave the table as they found it. */
  async clear(): Promise<void> {
    for (const session of this.sessions.slice()) this.go(session)
    await settle()
    for (const line of [BACKEND, ...SERVERS]) {
      expect(this.table.sessions(line)).toBe(0)
      expect(this.table.lines.length(line)).toBe(0)
    }
    spare.set(this.table.workers, this.table)
  }

  #leave({ worker, own, waiter }: Session): void {
    this.queues[worker]?.of(own === 0 ? BACKEND : own).leave(waiter)
    if (own !== 0) this.queues[worker]?.wake(own, BACKEND)
  }

  #enter(session: Session, ticket: number): boolean {
    const { lines } = this.table
    for (const row of session.own === 0 ? SERVERS : [session.own]) {
      const first = session.own === 0 ? lines.firstTicket(row) : 0
      if (first !== 0 && (ticket === 0 || isBefore(first, ticket))) continue
      if (!this.table.tryAcquire(session.worker, row, SERVER_MAX)) continue
      session.at = row
      return true
    }
    return false
  }
}

/** Lets queues that were woken serve, which may wake others. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 30; turn++) await Promise.resolve()
}

const step = fc.record({
  what: fc.constantFrom('come', 'come', 'go'),
  worker: fc.nat(2),
  own: fc.constantFrom(0, 0, ...SERVERS),
  which: fc.nat(50),
})

it('lets nobody wait while there is room for it, in whichever thread', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const stage = new Stage(3)
      const { table, sessions } = stage
      for (const { what, worker, own, which } of steps) {
        if (what === 'come') stage.come(worker, own)
        else if (sessions.length > 0) stage.go(sessions[which % sessions.length]!)
        await settle()
        for (const row of SERVERS) {
          const inside = sessions.filter(({ at }) => at === row).length
          expect(table.sessions(row)).toBe(inside)
          expect(inside).toBeLessThanOrEqual(SERVER_MAX)
          if (inside === SERVER_MAX) continue
          expect(sessions.filter((it) => it.at === 0 && [0, row].includes(it.own))).toEqual([])
        }
        for (const line of [BACKEND, ...SERVERS]) {
          const own = line === BACKEND ? 0 : line
          const waiting = sessions.filter((session) => session.at === 0 && session.own === own)
          expect(table.lines.length(line)).toBe(waiting.length)
          expect(table.lines.longest(line)).toBeGreaterThanOrEqual(waiting.length)
        }
      }
      await stage.clear()
    }),
    { numRuns: 300 },
  )
})

it('serves by age in one thread, whichever line they wait in', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const stage = new Stage(1)
      // The simple twin: one list by age, from which each place is given to the first that fits.
      let waiting: Session[] = []
      for (const { what, own, which } of steps) {
        if (what === 'come') {
          const session = stage.come(0, own)
          if (session.at === 0) waiting.push(session)
          continue
        }
        const gone = stage.sessions[which % Math.max(stage.sessions.length, 1)]
        if (gone === undefined) continue
        const next = waiting.find((it) => gone.at !== 0 && [0, gone.at].includes(it.own))
        waiting = waiting.filter((it) => it !== gone && it !== next)
        stage.go(gone)
        await settle()
        expect(stage.sessions.filter(({ at }) => at === 0)).toEqual(waiting)
        if (next !== undefined) expect(next.at).toBe(gone.at)
      }
      await stage.clear()
    }),
    { numRuns: 300 },
  )
})

it('is quiet where two lines have their first in each other’s thread, and nobody can be served', async () => {
  const stage = new Stage(2)
  for (let n = 0; n < SERVERS.length * SERVER_MAX; n++) stage.come(0, 0)
  for (const [first, own] of [0, ...SERVERS].entries()) {
    stage.come(first % 2, own)
    stage.come((first + 1) % 2, own)
  }
  await settle()
  stage.rings = 0
  for (const row of SERVERS) stage.queues[0]?.wake(row, BACKEND)
  await settle()
  expect(stage.rings).toBeLessThanOrEqual(4)
  expect(stage.sessions.filter(({ at }) => at === 0)).toHaveLength(6)
})
