import { SluiceError } from '../../../base/errors.ts'
import type { Entry, Member, Membership, NodeId } from '../../log/entries.ts'
import type { StoredState } from '../../store/log-store.ts'
import { openStore, type StoreOptions } from '../../store/store-opening.ts'
import { membersOf } from '../admission.ts'
import { clusterIdOf } from '../birth.ts'

/** What came of a recovery. */
export interface Recovery {
  readonly id: NodeId
  readonly clusterId: string
  /** Nodes that are no members any more. What they hold is of another cluster now. */
  readonly lost: readonly Member[]
  /** Of the last entry that was kept, be it agreed on or not. */
  readonly lastIndex: number
}

/**
 * The way out where a majority of the voters is lost for good: makes one stopped node the only voter
 * of a new cluster, with all that it has.
 *
 * What the lost nodes had agreed on and this one had not heard of is gone, and what nobody had
 * agreed on may come to hold: whoever calls this has been told so. The new cluster has an id of its
 * own, so that lost nodes that do come back cannot mix with it; they are refused until their data is
 * removed and they join anew.
 *
 * @throws SluiceError as `openStore`; `cluster-absent` where the node belongs to none
 */
export async function recover(options: StoreOptions): Promise<Recovery> {
  const { store, stored } = await openStore(options)
  try {
    const { name, id: formerId, clusterId: formerClusterId } = store.identity
    if (stored === null || formerClusterId === null) {
      throw new SluiceError('cluster-absent', `${name} belongs to no cluster yet`)
    }
    const id = `${name}/${options.makeIncarnation()}`
    const clusterId = clusterIdOf([formerClusterId, id])
    const former = membersOf(lastMembership(stored))
    const address = former.find((member) => member.name === name)?.address ?? ''
    const lastIndex = stored.entries.at(-1)?.index ?? stored.snapshot.index
    const term = stored.hardState.term + 1
    const membership: Membership = {
      voters: [{ id, name, address }],
      outgoing: [],
      learners: [],
      invited: [],
    }
    const entry: Entry = { index: lastIndex + 1, term, payload: { kind: 'membership', membership } }
    await store.writeAs(
      { name, id, clusterId },
      {
        sequence: 0,
        hardState: { term, vote: null },
        snapshot: null,
        isLogReset: false,
        entries: [entry],
        firstIndex: 0,
      },
    )
    const lost = former.filter((member) => member.id !== formerId)
    return { id, clusterId, lost, lastIndex }
  } finally {
    await store.close()
  }
}

/** Who takes part at the end of a log. */
function lastMembership({ snapshot, entries }: StoredState): Membership {
  for (const { payload } of [...entries].reverse()) {
    if (payload.kind === 'membership') return payload.membership
  }
  return snapshot.membership
}
