import { once } from 'node:events'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Worker } from 'node:worker_threads'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { reserveStickTable, StickTable } from '../../../src/memory/stick-table.ts'
import { sourcesIn, stripSources } from '../../fixtures/stripped-sources.ts'

/** For threads to load, on any Node. */
const folder = stripSources('stick-table', ['src/base/errors.ts', ...sourcesIn('src/memory')])
const module = pathToFileURL(join(folder, 'src/memory/stick-table.js')).href

const FOREVER = { expireSec: 0, nopurge: false }

function tableOf(entries: number, terms: Partial<typeof FOREVER> = {}): StickTable {
  return new StickTable(reserveStickTable(entries, 7), { ...FOREVER, ...terms })
}

describe('a stick table', () => {
  it('knows nothing at first, not even of keys that hash to nothing', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer(), (key, seed) => {
        const table = new StickTable(reserveStickTable(8, seed), FOREVER)
        expect(table.find(key, 1)).toBe(-1)
      }),
    )
  })

  it('gives back the last server of each key, as a map does while it is not full', () => {
    const steps = fc.array(fc.tuple(fc.nat(40), fc.integer({ min: 0, max: 2 ** 32 - 1 })))
    fc.assert(
      fc.property(steps, (stores) => {
        const table = tableOf(400)
        const twin = new Map<string, number>()
        for (const [number, server] of stores) {
          expect(table.store(`k${number}`, server, 1)).toBe(true)
          twin.set(`k${number}`, server)
        }
        for (const [key, server] of twin) expect(table.find(key, 1)).toBe(server)
        expect(table.find('none', 1)).toBe(-1)
      }),
    )
  })

  it('has room for as many entries as it was told to have', () => {
    const table = tableOf(10_000)
    for (let n = 0; n < 10_000; n++) table.store(`10.0.${n >> 8}.${n & 255}`, n, 1)
    let known = 0
    for (let n = 0; n < 10_000; n++) {
      if (table.find(`10.0.${n >> 8}.${n & 255}`, 1) === n) known++
    }
    expect(known).toBeGreaterThan(9_950)
  })

  it('takes the same memory however much comes', () => {
    const memory = reserveStickTable(1_000, 7)
    const bytes = memory.byteLength
    const table = new StickTable(memory, FOREVER)
    for (let n = 0; n < 20_000; n++) expect(table.store(`k${n}`, n, n + 1)).toBe(true)
    expect(memory.byteLength).toBe(bytes)
    expect(bytes).toBeLessThan(1_000 * 64)
    expect(table.find('k19999', 20_000)).toBe(19_999)
    expect(table.find('k0', 20_000)).toBe(-1)
  })

  it('gives up the entry that was used the longest time ago', () => {
    // One set of 16 slots.
    const table = tableOf(8)
    for (let n = 0; n < 16; n++) table.store(`k${n}`, n, n + 1)
    // The oldest is used again, so that the second is the oldest.
    expect(table.find('k0', 20)).toBe(0)
    table.store('new', 99, 21)
    expect(table.find('k0', 22)).toBe(0)
    expect(table.find('k1', 22)).toBe(-1)
    expect(table.find('k2', 22)).toBe(2)
    expect(table.find('new', 22)).toBe(99)
  })

  it('takes no more than fits with nopurge, but knows what it has', () => {
    const table = tableOf(8, { nopurge: true })
    for (let n = 0; n < 16; n++) expect(table.store(`k${n}`, n, 1)).toBe(true)
    expect(table.store('new', 99, 2)).toBe(false)
    expect(table.store('k3', 33, 2)).toBe(true)
    expect([table.find('new', 2), table.find('k3', 2)]).toEqual([-1, 33])
  })

  it('forgets what was not used for so long, and keeps what was', () => {
    const table = tableOf(8, { expireSec: 10 })
    table.store('used', 1, 100)
    table.store('unused', 2, 100)
    expect(table.find('used', 109)).toBe(1)
    expect(table.find('unused', 110)).toBe(-1)
    expect(table.find('used', 118)).toBe(1)
    expect(table.find('used', 128)).toBe(-1)
  })

  it('gives the room of what has expired to others, with nopurge too', () => {
    const table = tableOf(8, { expireSec: 10, nopurge: true })
    for (let n = 0; n < 16; n++) table.store(`k${n}`, n, 100)
    expect(table.store('new', 1, 109)).toBe(false)
    expect(table.store('new', 1, 110)).toBe(true)
  })

  it('counts a slot as empty that was only half written', () => {
    const memory = reserveStickTable(8, 7)
    const table = new StickTable(memory, FOREVER)
    table.store('key', 5, 1)
    const cells = new Int32Array(memory)
    const server = cells.indexOf(5, 2)
    cells[server] = 6
    expect(table.find('key', 1)).toBe(-1)
    expect(table.store('key', 6, 1)).toBe(true)
    expect(table.find('key', 1)).toBe(6)
  })

  it('keeps no key with the server of another, however many threads write at once', async () => {
    const memory = reserveStickTable(16, 7)
    const source = `
      const { parentPort, workerData } = require('node:worker_threads')
      import(workerData.module).then(({ StickTable }) => {
        const table = new StickTable(workerData.memory, { expireSec: 0, nopurge: false })
        let wrong = 0
        let found = 0
        for (let n = 0; n < 200_000; n++) {
          const number = (n * workerData.step) % 64
          const server = table.find('k' + number, n)
          if (server === number) found++
          else if (server === -1) table.store('k' + number, number, n)
          else wrong++
        }
        parentPort.postMessage({ wrong, found: found > 0 })
      })`
    // The steps have no factor in common with 64, so that every thread goes through all keys.
    const results = [1, 3, 5, 7].map((step) => {
      const thread = new Worker(source, { eval: true, workerData: { module, memory, step } })
      return new Promise((resolve, reject) => {
        thread.once('error', reject)
        thread.once('message', resolve)
      })
    })
    for (const result of await Promise.all(results)) {
      expect(result).toEqual({ wrong: 0, found: true })
    }
    const table = new StickTable(memory, FOREVER)
    for (let n = 0; n < 64; n++) {
      expect(table.store(`k${n}`, n, 1_000_000 + n)).toBe(true)
      expect(table.find(`k${n}`, 1_000_000 + n)).toBe(n)
    }
  })

  it('holds nobody up that comes after a thread that was ended in the midst of writing', async () => {
    const memory = reserveStickTable(8, 7)
    const source = `
      const { workerData, parentPort } = require('node:worker_threads')
      import(workerData.module).then(({ StickTable }) => {
        const table = new StickTable(workerData.memory, { expireSec: 0, nopurge: false })
        parentPort.postMessage('writing')
        for (let n = 0; ; n++) table.store('k' + (n % 100), n, 1)
      })`
    const thread = new Worker(source, { eval: true, workerData: { module, memory } })
    await once(thread, 'message')
    await thread.terminate()
    const table = new StickTable(memory, FOREVER)
    for (let n = 0; n < 16; n++) {
      expect(table.store(`own${n}`, n, 2)).toBe(true)
      expect(table.find(`own${n}`, 2)).toBe(n)
    }
  })
})
