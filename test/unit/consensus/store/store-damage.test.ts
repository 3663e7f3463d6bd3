import { cpSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { describe, expect, it } from 'vitest'
import { encodeEntry } from '../../../../src/consensus/log/entry-encoding.ts'
import type { Change } from '../../../../src/consensus/store/level-store.ts'
import type { StoredState } from '../../../../src/consensus/store/log-store.ts'
import {
  encodeIdentity,
  encodeState,
  entryKey,
  IDENTITY_KEY,
  STATE_KEY,
  seal,
} from '../../../../src/consensus/store/records.ts'
import { temporaryFolder } from '../../../e2e/support/temporary-folder.ts'
import { bytesOf, commandEntry, entriesWrite, MEMBERSHIP } from './log-twin.ts'
import { openMember, reopen, write } from './store-lab.ts'

/** Writes what a node writes: entries, votes, a snapshot, all in batches of their own. */
async function fill(folder: string): Promise<StoredState> {
  const store = await openMember(folder)
  for (let index = 1; index <= 30; index++) {
    const hardState = { term: 1 + Math.floor(index / 10), vote: 'lb1/1' }
    await write(store, entriesWrite([commandEntry(index, hardState.term)], hardState))
  }
  const snapshot = { index: 20, term: 3, membership: MEMBERSHIP, data: bytesOf(500, 3) }
  await write(store, { ...entriesWrite([], null), snapshot, firstIndex: 11 })
  await store.close()
  const stored = await reopen(folder)
  expect(stored?.entries).toHaveLength(20)
  return stored as StoredState
}

/** As {@link fill}, but all of it still in LevelDB's own log. */
async function fillWithoutTables(folder: string): Promise<StoredState> {
  const store = await openMember(folder)
  for (let index = 1; index <= 30; index++) {
    await write(store, entriesWrite([commandEntry(index, index)], { term: index, vote: 'lb1/1' }))
  }
  await store.close()
  const copy = join(folder, 'copy')
  cpSync(join(folder, 'consensus'), join(copy, 'consensus'), { recursive: true })
  cpSync(join(folder, 'consensus.mark'), join(copy, 'consensus.mark'))
  const stored = await reopen(copy)
  rmSync(copy, { recursive: true })
  return stored as StoredState
}

/** Each file of a data directory; those with data first. */
function filesOf(folder: string): string[] {
  const inner = readdirSync(join(folder, 'consensus')).map((file) => join('consensus', file))
  return [...inner.sort(), 'consensus.mark']
}

/** Opens a copy of a directory that something was done to. @returns what it holds, or the code */
async function openDamaged(folder: string, damage: (copy: string) => void): Promise<unknown> {
  const copy = temporaryFolder()
  cpSync(folder, copy, { recursive: true })
  damage(copy)
  try {
    return await reopen(copy)
  } catch (error) {
    return (error as { code?: string }).code
  } finally {
    rmSync(copy, { recursive: true })
  }
}

describe.each([
  ['tables', fill, 53],
  ['a log', fillWithoutTables, 29],
] as const)('a flipped bit in %s', (_what, fillFolder, stride) => {
  it('is found, or is where nothing is kept', async () => {
    const folder = temporaryFolder()
    const stored = await fillFolder(folder)
    let found = 0
    for (const file of filesOf(folder)) {
      const bytes = readFileSync(join(folder, file))
      for (let at = 0; at < bytes.length; at += stride) {
        const flipped = Uint8Array.from(bytes)
        flipped[at] = (bytes[at] as number) ^ (1 << (at % 8))
        const outcome = await openDamaged(folder, (copy) =>
          writeFileSync(join(copy, file), flipped),
        )
        if (typeof outcome === 'string') {
          expect(outcome).toMatch(/^data-dir-(damaged|unusable)$/)
          found++
        } else {
          expect(outcome, `${file}, byte ${at}`).toEqual(stored)
        }
      }
    }
    expect(found).toBeGreaterThan(10)
  })
})

describe('data that is gone', () => {
  it.each([
    ['CURRENT', /^CURRENT$/, 'data-dir-damaged'],
    ['the manifest', /^MANIFEST/, 'data-dir-damaged'],
    ['a table', /\.ldb$/, 'data-dir-damaged'],
    ['all of the database', /./, 'data-dir-damaged'],
  ])('is missed: %s', async (_what, pattern, code) => {
    const folder = temporaryFolder()
    await fill(folder)
    const outcome = await openDamaged(folder, (copy) => {
      const gone = readdirSync(join(copy, 'consensus')).filter((file) => pattern.test(file))
      expect(gone.length).toBeGreaterThan(0)
      for (const file of gone) rmSync(join(copy, 'consensus', file))
    })
    expect(outcome).toBe(code)
  })

  it('is missed: the end of the log, cut off anywhere after it was synced', async () => {
    const folder = temporaryFolder()
    const stored = await fillWithoutTables(folder)
    const [log] = readdirSync(join(folder, 'consensus')).filter((file) => file.endsWith('.log'))
    const path = join('consensus', log as string)
    const { length } = readFileSync(join(folder, path))
    expect(await openDamaged(folder, () => {})).toEqual(stored)
    for (let left = length - 1; left >= 0; left -= 101) {
      const outcome = await openDamaged(folder, (copy) => truncateSync(join(copy, path), left))
      expect(outcome, `${left} of ${length} bytes`).toBe('data-dir-damaged')
    }
  })

  it('is not missed where it was never durable', async () => {
    const folder = temporaryFolder()
    const stored = await fillWithoutTables(folder)
    const [log] = readdirSync(join(folder, 'consensus')).filter((file) => file.endsWith('.log'))
    const path = join('consensus', log as string)
    const bytes = readFileSync(join(folder, path))
    // A record that a crash has torn: its head says more bytes than there are.
    const torn = Buffer.concat([bytes, Buffer.of(1, 2, 3, 4, 200, 0, 1), bytesOf(50, 1)])
    expect(await openDamaged(folder, (copy) => writeFileSync(join(copy, path), torn))).toEqual(
      stored,
    )
  })
})

describe('records that do not fit together', () => {
  const state = {
    batch: 100,
    hardState: { term: 3, vote: null },
    generation: 2,
    firstIndex: 11,
    lastIndex: 30,
  }
  const putEntry = (index: number, term: number): Change & { type: 'put' } => {
    const key = entryKey(index)
    return { type: 'put', key, value: seal(key, encodeEntry(commandEntry(index, term))) }
  }
  const putState = (change: Partial<typeof state>): Change => {
    const value = seal(STATE_KEY, encodeState({ ...state, ...change }))
    return { type: 'put', key: STATE_KEY, value }
  }
  const identityOf = (clusterId: string | null): Change => {
    const identity = encodeIdentity({ name: 'lb1', id: 'lb1/1', clusterId })
    return { type: 'put', key: IDENTITY_KEY, value: seal(IDENTITY_KEY, identity) }
  }
  const drop = (key: Uint8Array): Change => ({ type: 'del', key })
  const upTo = (last: number) => Array.from({ length: last - 10 }, (_, n) => entryKey(11 + n))

  it.each([
    ['a hole', [drop(entryKey(17))]],
    ['a hole, with an entry too many', [drop(entryKey(17)), putEntry(31, 4)]],
    ['an end too early', [drop(entryKey(30))]],
    ['a term that falls', [putEntry(25, 2)]],
    ['a term beyond the node', [putEntry(30, 4), putState({})]],
    ['another term than the snapshot at its index', [putEntry(20, 2)]],
    ['a snapshot that is not there', [putState({ generation: 1 })]],
    ['a log that begins after the snapshot', [...upTo(21).map(drop), putState({ firstIndex: 22 })]],
    ['no state', [drop(STATE_KEY)]],
    ['no identity', [drop(IDENTITY_KEY)]],
    ['a member without a cluster', [identityOf(null)]],
    [
      'a record of an unknown kind',
      [{ type: 'put', key: Uint8Array.of(1), value: seal(Uint8Array.of(1), new Uint8Array(3)) }],
    ],
    ['a record without a checksum', [{ type: 'put', key: entryKey(30), value: new Uint8Array(2) }]],
    ['an entry at the place of another', [{ ...putEntry(29, 3), key: entryKey(30) }]],
  ] satisfies [string, Change[]][])('are refused: %s', async (_what, changes) => {
    const folder = temporaryFolder()
    await fill(folder)
    const outcome = await openDamaged(folder, () => {})
    expect(outcome).toMatchObject({ snapshot: { index: 20 } })
    const level = new ClassicLevel<Uint8Array, Uint8Array>(join(folder, 'consensus'), {
      keyEncoding: 'view',
      valueEncoding: 'view',
    })
    await level.batch(changes)
    await level.close()
    expect(await openDamaged(folder, () => {})).toBe('data-dir-damaged')
  })
})
