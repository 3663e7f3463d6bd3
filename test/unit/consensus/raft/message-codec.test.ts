import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Membership } from '../../../../src/consensus/log/entries.ts'
import { decodeMessage, encodeMessage } from '../../../../src/consensus/raft/message-codec.ts'
import type { Message } from '../../../../src/consensus/raft/messages.ts'
import { MESSAGES } from '../encoding/arbitraries.ts'

const envelope = { from: 'a/1', to: 'b/2', term: 300 } as const
const start = '03612f3103622f32ac02'
const membership: Membership = {
  voters: [{ id: 'a/1', name: 'a', address: 'a:1' }],
  outgoing: [],
  learners: [{ id: 'b/2', name: 'b', address: 'b:1' }],
  invited: [],
}
const members = '01' + '03612f31' + '0161' + '03613a31' + '00' + '01' + '03622f32016203623a3100'
const data = Uint8Array.of(1, 2, 3)

/** One of each type as it has gone over the wire since the first version. */
const GOLDEN: readonly (readonly [Message, string])[] = [
  [{ type: 'pre-vote', ...envelope, lastIndex: 9, lastTerm: 2 }, `0101${start}0902`],
  [{ type: 'pre-vote-reply', ...envelope, isGranted: true }, `0102${start}01`],
  [
    { type: 'vote', ...envelope, lastIndex: 9, lastTerm: 2, isTransfer: true },
    `0103${start}090201`,
  ],
  [{ type: 'vote-reply', ...envelope, isGranted: false }, `0104${start}00`],
  [
    {
      type: 'append',
      ...envelope,
      prevIndex: 4,
      prevTerm: 2,
      commit: 3,
      entries: [
        { index: 5, term: 3, payload: { kind: 'empty' } },
        { index: 6, term: 3, payload: { kind: 'command', data } },
        { index: 7, term: 3, payload: { kind: 'membership', membership } },
      ],
    },
    `0105${start}04020303${'050300'}${'06030103010203'}${'070302'}${members}`,
  ],
  [
    { type: 'append-reply', ...envelope, index: 4, isRejected: true, hintIndex: 3, hintTerm: 2 },
    `0106${start}04010302`,
  ],
  [{ type: 'heartbeat', ...envelope, commit: 3, round: 128 }, `0107${start}038001`],
  [{ type: 'heartbeat-reply', ...envelope, round: 128 }, `0108${start}8001`],
  [
    {
      type: 'snapshot-chunk',
      ...envelope,
      index: 4,
      indexTerm: 2,
      membership,
      offset: 10,
      totalBytes: 13,
      data,
    },
    `0109${start}0402${members}0a0d03010203`,
  ],
  [{ type: 'snapshot-reply', ...envelope, index: 4, offset: 13 }, `010a${start}040d`],
  [{ type: 'timeout-now', ...envelope }, `010b${start}`],
  [{ type: 'read-request', ...envelope, context: 5 }, `010c${start}05`],
  [{ type: 'read-reply', ...envelope, context: 5, index: 6 }, `010d${start}050106`],
  [{ type: 'read-reply', ...envelope, context: 5, index: null }, `010d${start}0500`],
]

describe('messages', () => {
  it.each(Object.entries(MESSAGES))('of type %s come back as they were', (_type, message) => {
    fc.assert(
      fc.property(message, (one) => {
        expect(decodeMessage(encodeMessage(one))).toEqual(one)
      }),
    )
  })

  it.each(GOLDEN)('keep their format: $type', (message, bytes) => {
    expect(Buffer.from(encodeMessage(message)).toString('hex')).toBe(bytes)
    expect(decodeMessage(bytesOf(bytes))).toEqual(message)
  })

  it('have a golden one of each type', () => {
    const types = new Set(GOLDEN.map(([message]) => message.type))
    expect([...types].sort()).toEqual(Object.keys(MESSAGES).sort())
  })

  it.each([
    ['nothing', ''],
    ['another version', `020b${start}`],
    ['type 0', `0100${start}`],
    ['a type that is not known', `010e${start}`],
    ['a byte too many', `010b${start}00`],
    ['entries with a hole', `0105${start}04020301${'060300'}`],
    ['more entries than bytes', `0105${start}040203ffffffff07`],
    ['a piece beyond its snapshot', `0109${start}0402${members}0b0d03010203`],
  ])('are refused: %s', (_what, bytes) => {
    expect(() => decodeMessage(bytesOf(bytes))).toThrow(
      expect.objectContaining({ code: 'encoding-invalid' }),
    )
  })
})

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, 'hex'))
}
