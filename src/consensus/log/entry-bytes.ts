import type { Entry, Membership } from './entries.ts'

/** What an entry takes besides its payload, in a message and in memory, about. */
const ENTRY_OVERHEAD_BYTES = 32

/** What a member takes besides its strings, about. */
const MEMBER_OVERHEAD_BYTES = 16

/**
 * Size of an entry in bytes, for flow control, for when a log is too long, and for the room that an
 * encoding takes at first. An estimate that every node makes alike; no encoding depends on it.
 */
export function entryBytes(entry: Entry): number {
  const { payload } = entry
  switch (payload.kind) {
    case 'empty':
      return ENTRY_OVERHEAD_BYTES
    case 'command':
      return ENTRY_OVERHEAD_BYTES + payload.data.byteLength
    case 'membership':
      return ENTRY_OVERHEAD_BYTES + membershipBytes(payload.membership)
  }
}

/** Size of a membership in bytes; as {@link entryBytes}. */
export function membershipBytes(membership: Membership): number {
  let bytes = 0
  for (const group of [membership.voters, membership.outgoing, membership.learners]) {
    for (const { id, name, address } of group) {
      bytes += MEMBER_OVERHEAD_BYTES + id.length + name.length + address.length
    }
  }
  for (const { name, address } of membership.invited) {
    bytes += MEMBER_OVERHEAD_BYTES + name.length + address.length
  }
  return bytes
}
