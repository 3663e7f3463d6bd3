import type { NodeId } from '../log/entries.ts'
import type { Objection } from './refusals.ts'
import type { PeerHello } from './transport.ts'

/** A node that is linked, under the name that it shares with another. */
export interface LinkedNode {
  readonly id: NodeId
  /** `HOST:PORT`. */
  readonly address: string
}

/**
 * What there is against a node whose name another one bears already, as when a config was copied to
 * a second host: two of one name would take turns at one link, and messages would get lost. The
 * member is right, and of two that are none, or both, the one that was there first. One that comes
 * back without its data, and so under another id, is taken for a twin until the link to the one that
 * it was is dead.
 *
 * @param linked under the name of `hello`
 * @param memberIds as this node knows them
 * @returns null: it may go on
 */
export function twinObjection(
  hello: PeerHello,
  linked: readonly LinkedNode[],
  memberIds: readonly NodeId[],
): Objection | null {
  const { name, id } = hello
  const isMember = memberIds.includes(id)
  const first = linked.find((node) => {
    return node.id !== id && (!isMember || memberIds.includes(node.id))
  })
  if (first === undefined) return null
  const message = `two nodes are called ${name}: ${first.id} is here already, at ${first.address}`
  return { reason: 'twin', message }
}
