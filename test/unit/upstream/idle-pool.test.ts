import { expect, it } from 'vitest'
import { COUNTER, COUNTER_STRIDE } from '../../../src/model/counters.ts'
import type { Conn } from '../../../src/net/conn.ts'
import { IdlePool } from '../../../src/upstream/idle-pool.ts'

const ROW = 2
const GAUGE = ROW * COUNTER_STRIDE + COUNTER.idleConnections

/** A connection that only knows whether it was destroyed. */
function conn(): Conn & { destroyed: boolean } {
  const it = {
    destroyed: false,
    destroy: () => {
      it.destroyed = true
    },
  }
  return it as unknown as Conn & { destroyed: boolean }
}

function pool(sizeMax: number) {
  const cells = new Float64Array(COUNTER_STRIDE * (ROW + 1))
  return { idle: new IdlePool(sizeMax, cells, ROW), cells }
}

it('hands out the newest and counts what rests', () => {
  const { idle, cells } = pool(10)
  const [first, second] = [conn(), conn()]
  idle.push(first, 1)
  idle.push(second, 2)
  expect(cells[GAUGE]).toBe(2)
  expect(idle.pop()).toBe(second)
  expect(idle.pop()).toBe(first)
  expect(idle.pop()).toBeUndefined()
  expect(cells[GAUGE]).toBe(0)
})

it('keeps no more than it may, and lets the oldest go', () => {
  const { idle } = pool(2)
  const conns = [conn(), conn(), conn()]
  for (const [n, it] of conns.entries()) idle.push(it, n)
  expect(conns.map(({ destroyed }) => destroyed)).toEqual([true, false, false])
  expect(idle.size).toBe(2)
})

it.each([
  ['the server closes', (idle: IdlePool, it: Conn) => idle.onEnd(it)],
  [
    'the server sends what nobody asked for',
    (idle: IdlePool, it: Conn) => idle.onData(it, Buffer.alloc(1), 1),
  ],
  ['the connection breaks', (idle: IdlePool, it: Conn) => idle.onClose(it, 'reset')],
])('forgets a connection when %s', (_, happen) => {
  const { idle, cells } = pool(10)
  const [kept, gone] = [conn(), conn()]
  idle.push(kept, 1)
  idle.push(gone, 2)
  happen(idle, gone)
  expect(cells[GAUGE]).toBe(1)
  expect(idle.pop()).toBe(kept)
  expect(idle.pop()).toBeUndefined()
})

it('closes what has rested since before a moment', () => {
  const { idle, cells } = pool(10)
  const conns = [conn(), conn(), conn()]
  for (const [n, it] of conns.entries()) idle.push(it, 10 * n)
  idle.expire(20)
  expect(conns.map(({ destroyed }) => destroyed)).toEqual([true, true, false])
  expect(cells[GAUGE]).toBe(1)
})

it('closes all when its server is removed, and what is put to rest after that', () => {
  const { idle, cells } = pool(10)
  const [resting, inUse] = [conn(), conn()]
  idle.push(resting, 1)
  idle.close()
  idle.push(inUse, 2)
  expect([resting.destroyed, inUse.destroyed]).toEqual([true, true])
  expect(cells[GAUGE]).toBe(0)
})
