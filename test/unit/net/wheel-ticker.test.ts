import { once } from 'node:events'
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Deadline, DeadlineWheel, WHEEL_TICK_MS } from '../../../src/net/deadline-wheel.ts'
import { TURN_MS_MAX } from '../../../src/net/running-time.ts'
import { startTicker } from '../../../src/net/wheel-ticker.ts'

let clockMs = 0
let happened: string[]

beforeEach(() => {
  clockMs = 0
  happened = []
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'setImmediate'] })
})
afterEach(() => vi.useRealTimers())

/** Time passes, in which the loop turns as it should. */
function pass(ms: number): void {
  for (let left = ms; left > 0; left -= WHEEL_TICK_MS) {
    clockMs += WHEEL_TICK_MS
    tick()
  }
}

function tick(): void {
  // One more for what setImmediate is to call, which here comes a millisecond later.
  vi.advanceTimersByTime(WHEEL_TICK_MS + 1)
}

function start() {
  const wheel = new DeadlineWheel(clockMs)
  const stop = startTicker(
    wheel,
    () => clockMs,
    () => happened.push('tick'),
  )
  const dueIn = (ms: number): void =>
    wheel.schedule(new Deadline(() => happened.push('due')), wheel.nowMs + ms)
  return { wheel, stop, dueIn }
}

it('reads what has arrived while the thread stood still before it judges', async () => {
  vi.useRealTimers()
  const clock = (): number => performance.now()
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = createConnection((server.address() as AddressInfo).port, '127.0.0.1')
  const [peer] = (await once(server, 'connection')) as [Socket]
  const wheel = new DeadlineWheel(clock())
  const stop = startTicker(wheel, clock, () => {})
  const due = new Promise<void>((resolve) => {
    const deadline = new Deadline(() => {
      happened.push('due')
      resolve()
    })
    wheel.schedule(deadline, wheel.nowMs + 1)
  })
  client.on('data', () => happened.push('read'))
  // The timers of this phase are late, and the loop has not polled since the peer wrote.
  setTimeout(() => {
    peer.write('in time')
    const endMs = clock() + 5 * WHEEL_TICK_MS
    while (clock() < endMs);
  }, 1)
  await due
  expect(happened).toEqual(['read', 'due'])
  stop()
  client.destroy()
  peer.destroy()
  server.close()
})

it('judges by the moment before the poll, however long that takes', () => {
  const { wheel, dueIn } = start()
  dueIn(WHEEL_TICK_MS + 1)
  const judge = vi.spyOn(wheel, 'advance')
  clockMs = WHEEL_TICK_MS
  setInterval(() => {
    clockMs += 10 * WHEEL_TICK_MS
  }, WHEEL_TICK_MS)
  tick()
  expect(judge).toHaveBeenCalledWith(WHEEL_TICK_MS)
  expect(happened).toEqual(['tick'])
})

it('does not count what stood still', () => {
  const { dueIn } = start()
  dueIn(3 * TURN_MS_MAX)
  clockMs += 1_000_000
  pass(2 * WHEEL_TICK_MS)
  expect(happened).not.toContain('due')
  pass(3 * TURN_MS_MAX)
  expect(happened).toContain('due')
})

it('ends', () => {
  const { stop } = start()
  stop()
  pass(10 * WHEEL_TICK_MS)
  expect(happened).toEqual([])
})
