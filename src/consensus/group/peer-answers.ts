import { SluiceError } from '../../base/errors.ts'
import type { NodeId } from '../log/entries.ts'
import type { PeerBusEvents } from '../peer-bus.ts'
import type { Scope } from '../peers/peer-questions.ts'
import { membersOf } from './admission.ts'
import { encodeBirth } from './birth.ts'
import type { AnyDriver } from './engine-view.ts'
import { decodeRequest, type MemberChanges } from './member-changes.ts'
import type { Proposer } from './proposer.ts'
import { nameOf } from './status-description.ts'

/** Whom the questions of peers are put to. */
export interface QuestionHost {
  readonly proposer: Proposer
  readonly changes: MemberChanges
  readonly events: Pick<PeerBusEvents, 'onQuestion'>
  clusterId(): string | null
  /** @throws SluiceError `engine-stopped`, `no-quorum` */
  driver(): AnyDriver
}

/** Answers a question of a peer. @throws SluiceError why not, which the peer is told */
export async function answerPeer(
  host: QuestionHost,
  from: NodeId,
  scope: Scope,
  kind: string,
  body: Uint8Array,
): Promise<Uint8Array> {
  if (scope === 'application') return host.events.onQuestion(nameOf(from), kind, body)
  switch (kind) {
    case 'propose':
      return host.proposer.proposeFor(body)
    case 'add':
    case 'remove':
    case 'remove-forced':
    case 'transfer':
      await host.changes.make(decodeRequest(kind, body))
      return new Uint8Array()
    case 'join':
      return certify(host, from)
    default:
      throw new SluiceError('peer-refused', `requests of kind ${kind} are not known`)
  }
}

/** Tells a new member what to begin with, once it is agreed on that it is one. */
function certify(host: QuestionHost, id: NodeId): Uint8Array {
  const clusterId = host.clusterId()
  const membership = host.driver().appliedMembership
  if (clusterId === null || !membersOf(membership).some((member) => member.id === id)) {
    throw new SluiceError('peer-refused', `${id} is no member yet`)
  }
  return encodeBirth({ clusterId, membership })
}
