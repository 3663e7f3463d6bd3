import fc from 'fast-check'
import type { Entry, Member, Membership } from '../../../../src/consensus/log/entries.ts'
import type { Message } from '../../../../src/consensus/raft/messages.ts'

/** Any number that is encoded, the ones around the borders of an encoding more often than others. */
export const count = fc.oneof(
  fc.nat(300),
  fc.integer({ min: 0, max: 53 }).map((bits) => 2 ** bits - 1),
  fc.integer({ min: 0, max: 52 }).map((bits) => 2 ** bits),
  fc.maxSafeNat(),
)

const text = fc.oneof(
  fc.string({ maxLength: 30 }),
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc.constant('\ufeff'),
)
const data = fc.uint8Array({ maxLength: 400 })
const invited = fc.record({ name: text, address: text })

/** A membership that is as it promises: nobody is in it twice. */
export const membership: fc.Arbitrary<Membership> = fc
  .tuple(
    fc.uniqueArray(fc.tuple(text, invited), {
      minLength: 1,
      maxLength: 12,
      selector: ([id]) => id,
    }),
    fc.nat(),
    fc.nat(),
    fc.array(invited, { maxLength: 3 }),
  )
  .map(([nodes, voterCut, outgoingCut, invitedNodes]) => {
    const members: Member[] = nodes.map(([id, node]) => ({ id, ...node }))
    const voters = 1 + (voterCut % members.length)
    return {
      voters: members.slice(0, voters),
      outgoing: members.slice(0, outgoingCut % (voters + 1)),
      learners: members.slice(voters),
      invited: invitedNodes,
    }
  })

const payload = fc.oneof(
  fc.constant({ kind: 'empty' as const }),
  fc.record({ kind: fc.constant('command' as const), data }),
  fc.record({ kind: fc.constant('membership' as const), membership }),
)

/** An entry of any kind. */
export const entry: fc.Arbitrary<Entry> = fc.record({
  index: count.map((index) => Math.max(1, index)),
  term: count,
  payload,
})

function message<T extends Message['type']>(
  type: T,
  fields: { [K in keyof Fields<T>]: fc.Arbitrary<Fields<T>[K]> },
): fc.Arbitrary<Message> {
  const envelope = { type: fc.constant(type), from: text, to: text, term: count }
  return fc.record({ ...envelope, ...fields }) as unknown as fc.Arbitrary<Message>
}

type Fields<T extends Message['type']> = Omit<
  Extract<Message, { type: T }>,
  'type' | 'from' | 'to' | 'term'
>

const flag = fc.boolean()
const append = fc
  .tuple(text, text, count, count, count, fc.array(fc.tuple(count, payload), { maxLength: 20 }))
  .chain(([from, to, term, prevTerm, commit, items]) =>
    count.map((index): Message => {
      const prevIndex = Math.min(index, Number.MAX_SAFE_INTEGER - items.length)
      const entries = items.map(([entryTerm, entryPayload], n) => ({
        index: prevIndex + 1 + n,
        term: entryTerm,
        payload: entryPayload,
      }))
      return { type: 'append', from, to, term, prevIndex, prevTerm, entries, commit }
    }),
  )
const snapshotChunk = fc
  .tuple(text, text, count, count, count, membership, fc.nat(2 ** 40), fc.nat(2 ** 40), data)
  .map(
    ([from, to, term, index, indexTerm, members, offset, restBytes, piece]): Message => ({
      type: 'snapshot-chunk',
      from,
      to,
      term,
      index,
      indexTerm,
      membership: members,
      offset,
      totalBytes: offset + piece.length + restBytes,
      data: piece,
    }),
  )

/** Messages by their type: a new type needs a row. */
export const MESSAGES: { readonly [T in Message['type']]: fc.Arbitrary<Message> } = {
  'pre-vote': message('pre-vote', { lastIndex: count, lastTerm: count }),
  'pre-vote-reply': message('pre-vote-reply', { isGranted: flag }),
  'vote': message('vote', { lastIndex: count, lastTerm: count, isTransfer: flag }),
  'vote-reply': message('vote-reply', { isGranted: flag }),
  'append': append,
  'append-reply': message('append-reply', {
    index: count,
    isRejected: flag,
    hintIndex: count,
    hintTerm: count,
  }),
  'heartbeat': message('heartbeat', { commit: count, round: count }),
  'heartbeat-reply': message('heartbeat-reply', { round: count }),
  'snapshot-chunk': snapshotChunk,
  'snapshot-reply': message('snapshot-reply', { index: count, offset: count }),
  'timeout-now': message('timeout-now', {}),
  'read-request': message('read-request', { context: count }),
  'read-reply': message('read-reply', { context: count, index: fc.option(count) }),
}

/** A message of any type. */
export const anyMessage = fc.oneof(...Object.values(MESSAGES))
