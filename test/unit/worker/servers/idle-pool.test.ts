import { describe, expect, it } from 'vitest'
import { COUNTER, COUNTER_STRIDE } from '../../../../src/memory/counters.ts'
import type { Conn } from '../../../../src/net/conn.ts'
import { IdlePool } from '../../../../src/worker/servers/connections/idle-pool.ts'

const ROW = 2
const GAUGE = ROW * COUNTER_STRIDE + COUNTER.idleConnections
const DELAY_MS = 5000

type TestConn = Conn & { destroyed: boolean }

/** A connection that only knows whether it was destroyed. */
function conn(): TestConn {
  const it = {
    destroyed: false,
    destroy: () => {
      it.destroyed = true
    },
  }
  return it as unknown as TestConn
}

/** A pool, and connections that have not proved anything and rest in it. */
function pool(sizeMax: number, resting = 0) {
  const cells = new Float64Array(COUNTER_STRIDE * (ROW + 1))
  const idle = new IdlePool(sizeMax, cells, ROW)
  const conns = Array.from({ length: resting }, conn)
  for (const it of conns) idle.push(it, false)
  return { idle, conns, counted: () => cells[GAUGE] }
}

function destroyedOf(conns: readonly TestConn[]): boolean[] {
  return conns.map(({ destroyed }) => destroyed)
}

describe('a pool of idle connections', () => {
  it('hands out the newest and counts what rests', () => {
    const { idle, conns, counted } = pool(10, 2)
    const [first, second] = conns
    expect([idle.size, counted()]).toEqual([2, 2])
    expect(idle.pop()).toBe(second)
    expect(counted()).toBe(1)
    expect(idle.pop()).toBe(first)
    expect(idle.pop()).toBeUndefined()
    expect([idle.size, counted()]).toEqual([0, 0])
  })

  it('hands out what has asked for a name, where that matters', () => {
    const { idle, counted } = pool(10)
    const asking = (serverName: string | null): TestConn =>
      Object.assign(conn(), { tls: { serverName } }) as TestConn
    const [a, b, none, proven] = [asking('a'), asking('b'), asking(null), asking('a')]
    for (const it of [a, b, none]) idle.push(it, false)
    idle.push(proven, true)
    expect(idle.popProven('b')).toBeUndefined()
    expect([idle.pop('a'), idle.pop('a'), idle.pop('a')]).toEqual([proven, a, undefined])
    expect([idle.pop(null), counted()]).toEqual([none, 1])
    expect(idle.pop()).toBe(b)
  })

  it('hands out those that have proved themselves first, and to some nothing else', () => {
    const { idle } = pool(10)
    const [fresh, older, newer, newest] = [conn(), conn(), conn(), conn()]
    idle.push(older, true)
    idle.push(fresh, false)
    idle.push(newer, true)
    idle.push(newest, false)
    expect(idle.popProven()).toBe(newer)
    expect(idle.pop()).toBe(older)
    expect(idle.popProven()).toBeUndefined()
    expect(idle.pop()).toBe(newest)
    expect(idle.pop()).toBe(fresh)
  })

  it('is the handler of what rests in it', () => {
    const { idle, conns } = pool(1, 1)
    expect(conns[0]?.handler).toBe(idle)
  })

  it('keeps no more than it may, and lets the oldest go, those that have proved nothing first', () => {
    const { idle, counted } = pool(2)
    const [proven, first, second, third, fourth] = [conn(), conn(), conn(), conn(), conn()]
    idle.push(proven, true)
    idle.push(first, false)
    idle.push(second, false)
    expect(destroyedOf([proven, first, second])).toEqual([false, true, false])
    idle.push(third, true)
    expect(destroyedOf([proven, second, third])).toEqual([false, true, false])
    idle.push(fourth, true)
    expect(destroyedOf([proven, third, fourth])).toEqual([true, false, false])
    expect([idle.size, counted()]).toEqual([2, 2])
  })

  it('keeps nothing where it may keep none', () => {
    const { idle, conns, counted } = pool(0, 1)
    expect(destroyedOf(conns)).toEqual([true])
    expect([idle.size, counted(), idle.pop()]).toEqual([0, 0, undefined])
  })

  it('lets go at once what is too much for a new bound', () => {
    const { idle, conns, counted } = pool(4, 4)
    idle.resize(3)
    expect(destroyedOf(conns)).toEqual([true, false, false, false])
    idle.resize(9)
    for (let n = 0; n < 9; n++) idle.push(conn(), false)
    expect([idle.size, counted()]).toEqual([9, 9])
  })

  it('closes all when its server is removed, and what is put to rest after that', () => {
    const { idle, conns, counted } = pool(10, 2)
    idle.push(conn(), true)
    const inUse = conn()
    idle.close()
    idle.push(inUse, true)
    expect(destroyedOf([...conns, inUse])).toEqual([true, true, true])
    expect([idle.size, counted()]).toEqual([0, 0])
  })

  it.each([
    ['the server closes', (idle: IdlePool, it: Conn) => idle.onEnd(it), true],
    [
      'the server sends what nobody asked for',
      (idle: IdlePool, it: Conn) => idle.onData(it, Buffer.alloc(1), 1),
      true,
    ],
    ['the connection breaks', (idle: IdlePool, it: Conn) => idle.onClose(it, 'reset'), false],
  ])('forgets a connection when %s', (_, happen, isDestroyed) => {
    for (const isProven of [false, true]) {
      const { idle, counted } = pool(10)
      const [kept, gone] = [conn(), conn()]
      idle.push(kept, isProven)
      idle.push(gone, isProven)
      happen(idle, gone)
      expect([counted(), gone.destroyed]).toEqual([1, isDestroyed])
      // What is told of it after that changes nothing.
      idle.onClose(gone, 'aborted')
      expect(counted()).toBe(1)
      expect(idle.pop()).toBe(kept)
      expect(idle.pop()).toBeUndefined()
    }
  })
})

describe('a purge', () => {
  it('closes half of what nobody needed while the delay passed, the oldest first', () => {
    const { idle, conns, counted } = pool(10)
    idle.purge(DELAY_MS, DELAY_MS)
    for (let n = 0; n < 8; n++) {
      const it = conn()
      conns.push(it)
      idle.push(it, false)
    }
    const left: number[] = []
    for (let n = 2; n < 8; n++) {
      idle.purge(n * DELAY_MS, DELAY_MS)
      left.push(idle.size)
    }
    // In the first delay there was a moment without any.
    expect(left).toEqual([8, 4, 2, 1, 0, 0])
    expect(counted()).toBe(0)
    expect(destroyedOf(conns)).not.toContain(false)
  })

  it('does nothing before the delay has passed', () => {
    const { idle } = pool(10, 4)
    idle.purge(DELAY_MS, DELAY_MS)
    for (let nowMs = DELAY_MS; nowMs < 2 * DELAY_MS; nowMs += 500) idle.purge(nowMs, DELAY_MS)
    expect(idle.size).toBe(4)
    idle.purge(2 * DELAY_MS, DELAY_MS)
    expect(idle.size).toBe(2)
  })

  it('leaves as many as were in use at one moment', () => {
    const { idle, conns } = pool(10, 6)
    idle.purge(DELAY_MS, DELAY_MS)
    const taken = [idle.pop(), idle.pop(), idle.pop(), idle.pop()] as Conn[]
    for (const it of taken) idle.push(it, true)
    idle.purge(2 * DELAY_MS, DELAY_MS)
    // Two were never needed: one of them goes, the oldest.
    expect(idle.size).toBe(5)
    expect(destroyedOf(conns)).toEqual([true, false, false, false, false, false])
  })

  it('leaves all where all were in use', () => {
    const { idle, conns } = pool(10, 3)
    idle.purge(DELAY_MS, DELAY_MS)
    const taken = conns.map(() => idle.pop() as Conn)
    for (const it of taken) idle.push(it, false)
    idle.purge(2 * DELAY_MS, DELAY_MS)
    expect(idle.size).toBe(3)
  })

  it('takes a connection that the server closed for one that was not needed any more', () => {
    const { idle, conns } = pool(10, 3)
    idle.purge(DELAY_MS, DELAY_MS)
    idle.onEnd(conns[1] as Conn)
    idle.onEnd(conns[2] as Conn)
    idle.purge(2 * DELAY_MS, DELAY_MS)
    expect(idle.size).toBe(0)
    expect(conns[0]?.destroyed).toBe(true)
  })
})
