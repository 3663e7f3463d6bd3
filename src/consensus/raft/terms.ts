import { isMember } from '../log/membership.ts'
import type { Message } from './messages.ts'
import type { RaftState } from './raft-state.ts'

/** What a message of a later term does to a node's term. */
export type TermEffect =
  /** The node enters the term (paper figure 2, Rules for Servers). */
  | 'enter'
  /** The term is only asked about. */
  | 'keep'
  /** The message is dropped. */
  | 'drop'

/**
 * What to do about a message of a later term. Not everybody may raise it: neither a vote that is
 * asked for while a leader is there, nor the answer of a node that is no member any more, must
 * depose anybody.
 *
 * @param isBound this node must not think of a vote
 */
export function effectOfLaterTerm(
  state: RaftState,
  message: Message,
  isBound: boolean,
): TermEffect {
  switch (message.type) {
    case 'append':
    case 'heartbeat':
    case 'snapshot-chunk':
      return 'enter'
    case 'vote':
      return isBound ? 'drop' : 'enter'
    case 'pre-vote':
      return 'keep'
    case 'pre-vote-reply':
      if (message.isGranted) return 'keep'
      return isMember(state.memberships.current, message.from) ? 'enter' : 'drop'
    case 'vote-reply':
    case 'append-reply':
    case 'heartbeat-reply':
    case 'snapshot-reply':
    case 'read-request':
      return isMember(state.memberships.current, message.from) ? 'enter' : 'drop'
    case 'timeout-now':
    case 'read-reply':
      return 'drop'
  }
}

/**
 * Answers a message of an earlier term, where that helps. A leader is told of the later term, and
 * steps down: it would never hear of it while this node, with PreVote, campaigns in vain. A
 * candidate is told so that it asks in a term in which it can be heard.
 */
export function answerEarlierTerm(state: RaftState, message: Message): void {
  const { outbox } = state
  const envelope = state.envelope(message.from)
  switch (message.type) {
    case 'append':
    case 'heartbeat':
    case 'snapshot-chunk': {
      const hint = { index: 0, isRejected: true, hintIndex: 0, hintTerm: 0 }
      outbox.send({ type: 'append-reply', ...envelope, ...hint })
      return
    }
    case 'pre-vote':
      outbox.send({ type: 'pre-vote-reply', ...envelope, isGranted: false })
      return
    case 'vote':
      outbox.send({ type: 'vote-reply', ...envelope, isGranted: false })
      return
    case 'read-request':
      outbox.send({ type: 'read-reply', ...envelope, context: message.context, index: null })
      return
    case 'pre-vote-reply':
    case 'vote-reply':
    case 'append-reply':
    case 'heartbeat-reply':
    case 'snapshot-reply':
    case 'timeout-now':
    case 'read-reply':
      return
  }
}
