import type { Protocol } from '../core/protocol.ts'
import { decodeMessage, encodeMessage } from './message-codec.ts'
import type { Message } from './messages.ts'
import { Raft } from './raft.ts'
import { RAFT_DEFAULTS } from './raft-defaults.ts'
import type { RaftOptions } from './raft-options.ts'

/**
 * Agreement by Raft.
 *
 * @param options what differs from `RAFT_DEFAULTS`
 */
export function raftProtocol(options: Partial<Omit<RaftOptions, 'id'>>): Protocol<Message> {
  const all = { ...RAFT_DEFAULTS, ...options }
  return {
    name: 'raft',
    silenceMaxMs: all.electionMaxMs,
    coreOf: (id) => (initial, random, nowMs) => new Raft({ ...all, id }, initial, random, nowMs),
    encode: encodeMessage,
    decode: decodeMessage,
  }
}
