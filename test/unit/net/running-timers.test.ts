import { once } from 'node:events'
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { TURN_MS_MAX } from '../../../src/net/running-time.ts'
import { type RunningTimer, RunningTimers } from '../../../src/net/running-timers.ts'

let timers: RunningTimers
/** What has come due, and when. */
let due: [string, number][]
/** Time in which the process stood still: no timer of Node has run. */
let stoodStillMs: number

beforeEach(() => {
  vi.useFakeTimers({ now: 0, toFake: ['setTimeout', 'clearTimeout', 'Date'] })
  // Where nothing is read, what follows the poll comes at once.
  vi.stubGlobal('setImmediate', (act: () => void) => act())
  stoodStillMs = 0
  due = []
  timers = new RunningTimers(() => Date.now() + stoodStillMs)
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

function start(name: string, afterMs: number): RunningTimer {
  return timers.start(afterMs, () => due.push([name, Date.now()]))
}

const pass = (ms: number): unknown => vi.advanceTimersByTime(ms)

it('tells each when its time is up, in the order of that', () => {
  start('far', 1000)
  start('near', 20)
  start('between', 333)
  pass(2000)
  expect(due).toEqual([
    ['near', 20],
    ['between', 333],
    ['far', 1000],
  ])
  expect(vi.getTimerCount()).toBe(0)
})

it('tells nothing of one that is cancelled, and keeps no timer for it', () => {
  const far = start('far', 1000)
  const near = start('near', 20)
  near.cancel()
  near.cancel()
  pass(500)
  expect([due, vi.getTimerCount()]).toEqual([[], 1])
  far.cancel()
  expect(vi.getTimerCount()).toBe(0)
})

it('goes on after a pause in which there was none', () => {
  start('first', 10)
  pass(100_000)
  start('second', 300)
  pass(299)
  expect(due).toEqual([['first', 10]])
  pass(1)
  expect(due.at(-1)).toEqual(['second', 100_300])
})

it('takes one that another begins when it comes due', () => {
  timers.start(10, () => start('next', 10))
  pass(20)
  expect(due).toEqual([['next', 20]])
})

it('counts no time in which the process stood still', () => {
  start('late', 1000)
  pass(100)
  stoodStillMs += 1_000_000
  pass(1000 - 100 - TURN_MS_MAX - 1)
  expect(due).toEqual([])
  pass(TURN_MS_MAX + 1)
  expect(due).toHaveLength(1)
})

it('lets the loop read its sockets before one is told', async () => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = createConnection((server.address() as AddressInfo).port, '127.0.0.1')
  const [peer] = (await once(server, 'connection')) as [Socket]
  const order: string[] = []
  client.on('data', () => order.push('read'))
  const clock = (): number => performance.now()
  await new Promise<void>((resolve) => {
    new RunningTimers(clock).start(1, () => {
      order.push('due')
      resolve()
    })
    // Due at the same time: the loop has not polled since the peer wrote.
    setTimeout(() => {
      peer.write('in time')
      const endMs = clock() + 50
      while (clock() < endMs);
    }, 1)
  })
  expect(order).toEqual(['read', 'due'])
  for (const socket of [client, peer]) socket.destroy()
  server.close()
})
