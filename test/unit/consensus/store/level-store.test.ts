import { statSync } from 'node:fs'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seal, snapshotPieceKey } from '../../../../src/consensus/store/records.ts'
import { seededRandom } from '../../../conformance/strategy-random.ts'
import { temporaryFolder } from '../../../e2e/support/temporary-folder.ts'
import { bytesOf, commandEntry, entriesWrite, FOUNDING, LogTwin, MEMBERSHIP } from './log-twin.ts'
import { CLUSTER_ID, open, openMember, reopen, write } from './store-lab.ts'

describe('identity', () => {
  it('is made once, before anything else, and kept', async () => {
    const folder = join(temporaryFolder(), 'deep', 'down')
    const first = await open(folder, 'lb1', 'first')
    expect(first.store.identity).toEqual({ name: 'lb1', id: 'lb1/first', clusterId: null })
    expect(first.stored).toBeNull()
    await first.store.close()
    const second = await open(folder, 'lb1', 'second')
    expect(second.store.identity.id).toBe('lb1/first')
  })

  it('gets a cluster once, with what it begins with', async () => {
    const folder = temporaryFolder()
    const { store } = await open(folder)
    const founded = await store.found(CLUSTER_ID, FOUNDING)
    expect(founded).toEqual({ hardState: { term: 0, vote: null }, snapshot: FOUNDING, entries: [] })
    await expect(store.found('cluster-2', FOUNDING)).rejects.toMatchObject({
      code: 'invariant-broken',
    })
    await store.close()
    const again = await open(folder)
    expect(again.store.identity.clusterId).toBe(CLUSTER_ID)
    expect(again.stored).toEqual(founded)
  })

  it('is for this user alone', async () => {
    const folder = join(temporaryFolder(), 'data')
    await open(folder)
    const modeOf = (path: string) => statSync(path).mode & 0o777
    expect(modeOf(folder)).toBe(0o700)
    expect(modeOf(join(folder, 'consensus'))).toBe(0o700)
    expect(modeOf(join(folder, 'consensus.mark'))).toBe(0o600)
  })
})

describe('writes', () => {
  it('are there when the store is opened again, whatever their order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), async (seed) => {
        const folder = temporaryFolder()
        const chance = seededRandom(seed)
        const twin = new LogTwin()
        for (let life = 0; life < 3; life++) {
          const store = await openMember(folder)
          const writes: Promise<void>[] = []
          const count = 1 + Math.floor(chance() * 12)
          for (let n = 0; n < count; n++) {
            writes.push(write(store, twin.next(chance)))
            if (chance() < 0.3) await writes.at(-1)
          }
          await Promise.all(writes)
          await store.close()
          expect(await reopen(folder)).toEqual(twin.stored)
        }
      }),
      { numRuns: 25, seed: 7 },
    )
  })

  it('are confirmed in their order, never before the call returns, and many by one sync', async () => {
    const store = await openMember(temporaryFolder())
    const confirmed: number[] = []
    let isAsking = true
    const all = Array.from({ length: 500 }, (_, n) => {
      const persist = entriesWrite([commandEntry(n + 1, 1)], { term: 1, vote: 'lb1/1' })
      return new Promise<void>((resolve) => {
        store.write(persist, (failure) => {
          expect(failure).toBeNull()
          expect(isAsking).toBe(false)
          confirmed.push(n)
          resolve()
        })
      })
    })
    isAsking = false
    const before = store.batches
    await Promise.all(all)
    expect(confirmed).toEqual(Array.from({ length: 500 }, (_, n) => n))
    expect(store.batches - before).toBeLessThanOrEqual(2)
  })

  it('are finished before a store is closed', async () => {
    const folder = temporaryFolder()
    const store = await openMember(folder)
    const entries = [commandEntry(1, 1), commandEntry(2, 1)]
    const done = write(store, entriesWrite(entries, { term: 1, vote: null }))
    await store.close()
    await done
    expect((await reopen(folder))?.entries).toEqual(entries)
  })

  it.each([
    ['a hole', 3],
    ['an entry before the first', 0],
  ])('refuse %s', async (_what, index) => {
    const store = await openMember(temporaryFolder())
    await write(store, entriesWrite([commandEntry(1, 1)], { term: 1, vote: null }))
    expect(() => store.write(entriesWrite([commandEntry(index, 1)], null), () => {})).toThrow(
      expect.objectContaining({ code: 'invariant-broken' }),
    )
  })
})

describe('snapshots', () => {
  const snapshotWrite = (index: number, data: Uint8Array) => ({
    ...entriesWrite([], { term: 1, vote: null }),
    snapshot: { index, term: 1, membership: MEMBERSHIP, data },
    isLogReset: true,
    firstIndex: index + 1,
  })

  it('of any size are kept whole, and leave nothing of the one before', async () => {
    const folder = temporaryFolder()
    const piece = 1024 * 1024
    for (const [n, size] of [0, 1, piece, piece + 1, 5 * piece + 7, 3].entries()) {
      const store = await openMember(folder)
      const data = bytesOf(size, n)
      await write(store, snapshotWrite(n + 1, data))
      await store.close()
      const stored = await reopen(folder)
      expect(Buffer.compare(stored?.snapshot.data as Uint8Array, data)).toBe(0)
      const level = new ClassicLevel(join(folder, 'consensus'))
      const keys = await level.keys().all()
      await level.close()
      // Identity, state and the snapshot's head.
      expect(keys).toHaveLength(3 + Math.ceil(size / piece))
    }
  })

  it('that a crash has left unfinished are dropped', async () => {
    const folder = temporaryFolder()
    const store = await openMember(folder)
    await write(store, snapshotWrite(4, bytesOf(10, 1)))
    await store.close()
    const level = new ClassicLevel<Uint8Array, Uint8Array>(join(folder, 'consensus'), {
      keyEncoding: 'view',
      valueEncoding: 'view',
    })
    const key = snapshotPieceKey(9, 0)
    await level.put(key, seal(key, bytesOf(100, 2)))
    await level.close()
    expect((await reopen(folder))?.snapshot.index).toBe(4)
    await level.open()
    expect(await level.get(key)).toBeUndefined()
    await level.close()
  })
})
