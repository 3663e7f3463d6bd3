import { onTestFinished } from 'vitest'
import type { Persist } from '../../../../src/consensus/log/persist.ts'
import type { LevelStore } from '../../../../src/consensus/store/level-store.ts'
import type { StoredState } from '../../../../src/consensus/store/log-store.ts'
import { type OpenedStore, openStore } from '../../../../src/consensus/store/store-opening.ts'
import { FOUNDING } from './log-twin.ts'

/** The cluster of these tests. */
export const CLUSTER_ID = 'cluster-1'

/** Opens the store of a node, which is closed when the test is over. */
export async function open(folder: string, name = 'lb1', incarnation = '1'): Promise<OpenedStore> {
  const opened = await openStore({ folder, name, makeIncarnation: () => incarnation })
  onTestFinished(() => opened.store.close())
  return opened
}

/** Opens the store of a node that belongs to a cluster. */
export async function openMember(folder: string): Promise<LevelStore> {
  const { store, stored } = await open(folder)
  if (stored === null) await store.found(CLUSTER_ID, FOUNDING)
  return store
}

/** Writes, and resolves when that is durable. */
export function write(store: LevelStore, persist: Persist): Promise<void> {
  return new Promise((resolve, reject) => {
    store.write(persist, (failure) => (failure === null ? resolve() : reject(failure)))
  })
}

/** What a store holds, as plain data. */
export async function reopen(folder: string): Promise<StoredState | null> {
  const { store, stored } = await open(folder)
  await store.close()
  return stored
}
