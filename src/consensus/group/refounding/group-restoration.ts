import type { Membership, NodeId } from '../../log/entries.ts'
import type { PeerAddress } from '../../peers/transport.ts'
import {
  expectUnused,
  openStore,
  removeStore,
  type StoreOptions,
} from '../../store/store-opening.ts'
import { clusterIdOf } from '../birth.ts'

/** What a cluster is founded with anew. */
export interface Restoration extends StoreOptions {
  /** All nodes as configured, this one among them: the others may join as soon as they appear. */
  readonly peers: readonly PeerAddress[]
  /** What every state machine is to begin with. */
  readonly data: Uint8Array
  /** Up to which the commands are in it. */
  readonly index: number
}

/** The cluster that was founded. */
export interface Restored {
  readonly id: NodeId
  readonly clusterId: string
  /** Names of those that may join. */
  readonly invited: readonly string[]
}

/** The lowest index of a snapshot that a node which begins at the beginning takes for news. */
const INDEX_MIN = 1

/** Of an entry that nobody has: the first leader is elected in a later one. */
const TERM = 1

/**
 * Founds a cluster of one node in an empty directory, with a state that was kept. It has an id of its
 * own, so that no node that still has data of the old cluster can mix with it.
 *
 * @throws SluiceError `data-dir-used`, and as `openStore`; nothing is left behind then
 */
export async function restore(options: Restoration): Promise<Restored> {
  const { folder, data, index } = options
  await expectUnused(folder)
  try {
    const { store } = await openStore(options)
    try {
      const { id } = store.identity
      const clusterId = clusterIdOf([id])
      const membership = membershipOf(id, options)
      await store.found(clusterId, {
        index: Math.max(index, INDEX_MIN),
        term: TERM,
        membership,
        data,
      })
      return { id, clusterId, invited: membership.invited.map((guest) => guest.name) }
    } finally {
      await store.close()
    }
  } catch (error) {
    await removeStore(folder)
    throw error
  }
}

function membershipOf(id: NodeId, { name, peers }: Restoration): Membership {
  const address = peers.find((peer) => peer.name === name)?.address ?? ''
  const invited = peers.filter((peer) => peer.name !== name)
  return { voters: [{ id, name, address }], outgoing: [], learners: [], invited }
}
