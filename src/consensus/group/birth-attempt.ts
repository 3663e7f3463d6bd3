import type { NodeId, Snapshot } from '../log/entries.ts'
import type { PeerRequests } from '../peers/questions.ts'
import {
  type BirthCertificate,
  type BirthView,
  decideBirth,
  decodeBirth,
  firstSnapshot,
} from './birth.ts'

/** For an answer of the node that tells this one what to begin with. */
const JOIN_TIMEOUT_MS = 1000

/** Makes the node a member; resolves when it is one. */
type BeBorn = (clusterId: string, snapshot: Snapshot) => Promise<void>

/**
 * Has a node become a member of a cluster, where it can.
 *
 * @returns what it waits for; empty: nothing, it is one
 * @throws SluiceError `data-dir-failed`
 */
export async function attemptBirth(
  view: BirthView,
  requests: PeerRequests,
  beBorn: BeBorn,
): Promise<string> {
  const decision = decideBirth(view)
  switch (decision.kind) {
    case 'wait':
      return decision.note
    case 'found':
      await beBorn(decision.clusterId, decision.snapshot)
      return ''
    case 'join':
      return join(decision.through, requests, beBorn)
    default:
      return decision satisfies never
  }
}

async function join(through: NodeId, requests: PeerRequests, beBorn: BeBorn): Promise<string> {
  const empty = new Uint8Array()
  const answer = await requests.ask(through, 'engine', 'join', empty, JOIN_TIMEOUT_MS)
  const certificate = answer.kind === 'answered' ? readBirth(answer.body) : null
  if (certificate === null) return `waits for ${through} to say what to begin with`
  const { clusterId, membership } = certificate
  await beBorn(clusterId, firstSnapshot(membership))
  return ''
}

/** @returns null where the peer speaks garbage; another, or a later version of it, may not */
function readBirth(body: Uint8Array): BirthCertificate | null {
  try {
    return decodeBirth(body)
  } catch {
    return null
  }
}
