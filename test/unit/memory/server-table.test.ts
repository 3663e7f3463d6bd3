import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Worker } from 'node:worker_threads'
import { describe, expect, it } from 'vitest'
import { COUNTER, COUNTER_COLUMNS, COUNTER_STRIDE } from '../../../src/memory/counters.ts'
import { SERVER_STATE, ServerTable } from '../../../src/memory/server-table.ts'
import { sourcesIn, stripSources } from '../../fixtures/stripped-sources.ts'

/** For threads to load, on any Node. */
const folder = stripSources('server-table', ['src/base/errors.ts', ...sourcesIn('src/memory')])
const module = pathToFileURL(join(folder, 'src/memory/server-table.js')).href

describe('ServerTable', () => {
  it('keeps states and weights, and moves its epoch with each change', () => {
    const table = ServerTable.create(2)
    const before = table.epoch()
    table.setState(7, SERVER_STATE.up)
    table.setWeight(7, 256)
    expect(table.state(7)).toBe(SERVER_STATE.up)
    expect(table.weight(7)).toBe(256)
    expect(table.state(8)).toBe(SERVER_STATE.down)
    expect(table.epoch()).toBe(before + 2)
  })

  it('keeps limits beside each other, and moves its epoch only when one has changed', () => {
    const table = ServerTable.create(1)
    expect([table.weightSteps(3), table.maxconnSteps(3), table.agentMaxconn(3)]).toEqual([
      16, 16, 0,
    ])
    table.setAgentMaxconn(3, 1_000_000)
    table.setSteps(3, 1, 7)
    expect([table.weightSteps(3), table.maxconnSteps(3)]).toEqual([1, 7])
    expect(table.agentMaxconn(3)).toBe(1_000_000)
    const epoch = table.epoch()
    table.setSteps(3, 1, 7)
    table.setAgentMaxconn(3, 1_000_000)
    expect(table.epoch()).toBe(epoch)
    table.setSteps(3, 16, 16)
    table.setAgentMaxconn(3, 0)
    expect([table.weightSteps(3), table.maxconnSteps(3), table.agentMaxconn(3)]).toEqual([
      16, 16, 0,
    ])
    table.setSteps(3, 5, 5)
    table.clear(3)
    expect(table.maxconnSteps(3)).toBe(16)
  })

  it.each([
    [1, 1, 1],
    [1, 15, 1],
    [256, 1, 16],
    [100, 8, 50],
    [100, 16, 100],
    [0, 4, 0],
  ])('has of a weight of %i after %i steps %i at present', (weight, steps, present) => {
    const table = ServerTable.create(1)
    table.setWeight(2, weight)
    table.setSteps(2, steps, steps)
    expect(table.presentWeight(2)).toBe(present)
  })

  it('is the same table for every thread that opens its memory', () => {
    const table = ServerTable.create(2)
    const other = new ServerTable(table.memory)
    other.acquire(1, 3)
    table.acquire(0, 3)
    expect(table.sessions(3)).toBe(2)
    expect(other.sessions(3)).toBe(2)
  })

  it('refuses to release what was not acquired', () => {
    const table = ServerTable.create(1)
    table.acquire(0, 1)
    table.release(0, 1)
    expect(() => table.release(0, 1)).toThrow('released twice')
  })

  it('gives back what a dead worker held, and nothing of the others', () => {
    const table = ServerTable.create(2)
    table.acquire(0, 5)
    table.acquire(0, 5)
    table.acquire(1, 5)
    table.addConnections(0, 1)
    table.addConnections(1, 1)
    const idle = 5 * COUNTER_STRIDE + COUNTER.idleConnections
    const requests = 5 * COUNTER_STRIDE + COUNTER.requestsTotal
    table.counters(0)[idle] = 4
    table.counters(0)[requests] = 9
    table.reclaim(0)
    expect(table.sessions(5)).toBe(1)
    expect(table.connections()).toBe(1)
    expect(table.total(5, 'idleConnections')).toBe(0)
    expect(table.total(5, 'requestsTotal')).toBe(9)
    table.release(1, 5)
    expect(table.sessions(5)).toBe(0)
  })

  it('sums counters over the workers and clears a row without touching its neighbours', () => {
    const table = ServerTable.create(3)
    for (const row of [4, 5, 6]) {
      for (const worker of [0, 1, 2]) {
        table.counters(worker)[row * COUNTER_STRIDE + COUNTER.bytesOut] = 10 * worker + row
      }
    }
    table.setState(5, SERVER_STATE.up)
    table.setWeight(5, 10)
    table.clear(5)
    expect(table.total(4, 'bytesOut')).toBe(42)
    expect(table.total(5, 'bytesOut')).toBe(0)
    expect(table.total(6, 'bytesOut')).toBe(48)
    expect([table.state(5), table.weight(5)]).toEqual([SERVER_STATE.down, 0])
  })

  it('counts exactly while several threads acquire and release', async () => {
    const table = ServerTable.create(2)
    const source = `
      const { parentPort, workerData } = require('node:worker_threads')
      import(workerData.module).then(({ ServerTable }) => {
        const table = new ServerTable(workerData.memory)
        for (let n = 0; n < 100000; n++) {
          table.acquire(workerData.worker, 2)
          if (n % 2 === 0) table.release(workerData.worker, 2)
        }
        parentPort.postMessage('done')
      })`
    const threads = [0, 1].map(
      (worker) =>
        new Promise((resolve, reject) => {
          const workerData = { module, memory: table.memory, worker }
          const thread = new Worker(source, { eval: true, workerData })
          thread.once('error', reject)
          thread.once('exit', resolve)
        }),
    )
    await Promise.all(threads)
    expect(table.sessions(2)).toBe(100_000)
    table.reclaim(0)
    expect(table.sessions(2)).toBe(50_000)
  })

  it('has room for every column in a row', () => {
    expect(COUNTER_COLUMNS.length).toBeLessThanOrEqual(COUNTER_STRIDE)
  })
})
