import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Member, Membership } from '../../../../src/consensus/log/entries.ts'
import {
  decodeEntry,
  decodeHardState,
  decodeMembership,
  encodeEntry,
  encodeHardState,
  encodeMembership,
  MEMBERS_MAX,
} from '../../../../src/consensus/log/entry-encoding.ts'
import { count, entry, membership } from '../encoding/arbitraries.ts'

const refused = expect.objectContaining({ code: 'encoding-invalid' })

function member(name: string): Member {
  return { id: `${name}/1`, name, address: `${name}:7400` }
}

function membershipOf(parts: Partial<Membership>): Membership {
  return { voters: [member('a')], outgoing: [], learners: [], invited: [], ...parts }
}

describe('entries', () => {
  it('come back as they were', () => {
    fc.assert(
      fc.property(entry, (one) => {
        expect(decodeEntry(encodeEntry(one))).toEqual(one)
      }),
    )
    fc.assert(
      fc.property(membership, (one) => {
        expect(decodeMembership(encodeMembership(one))).toEqual(one)
      }),
    )
    fc.assert(
      fc.property(count, fc.option(fc.string()), (term, vote) => {
        expect(decodeHardState(encodeHardState({ term, vote }))).toEqual({ term, vote })
      }),
    )
  })

  it('keep their format', () => {
    const data = Uint8Array.of(0xca, 0xfe)
    const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
    const command = { index: 300, term: 7, payload: { kind: 'command', data } } as const
    expect(hex(encodeEntry(command))).toBe('01ac02070102cafe')
    expect(hex(encodeEntry({ index: 1, term: 1, payload: { kind: 'empty' } }))).toBe('01010100')
    expect(hex(encodeHardState({ term: 3, vote: 'a/1' }))).toBe('01030103612f31')
    expect(hex(encodeHardState({ term: 3, vote: null }))).toBe('010300')
    const parts = { invited: [{ name: 'b', address: 'b:1' }] }
    const encoded = '010103612f3101610661' + '3a3734303000000101' + '6203623a31'
    expect(hex(encodeMembership(membershipOf(parts)))).toBe(encoded)
  })

  it.each([
    ['nothing', ''],
    ['another format', '02010100'],
    ['index 0', '01000100'],
    ['a kind that is not known', '01010103'],
    ['a byte too many', '0101010000'],
    ['data that are not there', '01010101ffff7f'],
  ])('are refused: %s', (_what, bytes) => {
    expect(() => decodeEntry(bytesOf(bytes))).toThrow(refused)
  })

  it.each<[string, Partial<Membership>]>([
    ['no voters', { voters: [] }],
    ['a voter twice', { voters: [member('a'), member('a')] }],
    ['a voter that learns', { learners: [member('a')] }],
    ['an outgoing voter twice', { outgoing: [member('b'), member('b')] }],
    ['a name that is too long', { invited: [{ name: 'n'.repeat(254), address: 'n:1' }] }],
  ])('make no membership with %s', (_what, parts) => {
    const bytes = encodeMembership(membershipOf(parts))
    expect(() => decodeMembership(bytes)).toThrow(refused)
  })

  it('allow a voter to have been one before', () => {
    const both = membershipOf({ voters: [member('a'), member('b')], outgoing: [member('a')] })
    expect(decodeMembership(encodeMembership(both))).toEqual(both)
  })

  it('allow a voter to become a learner', () => {
    const demoted = membershipOf({ outgoing: [member('b')], learners: [member('b')] })
    expect(decodeMembership(encodeMembership(demoted))).toEqual(demoted)
  })

  it('bound the nodes of a membership', () => {
    const voters = Array.from({ length: MEMBERS_MAX }, (_, n) => member(`n${n}`))
    const largest = membershipOf({ voters })
    expect(decodeMembership(encodeMembership(largest))).toEqual(largest)
    const larger = membershipOf({ voters: [...voters, member('a')] })
    expect(() => encodeMembership(larger)).toThrow(/MEMBERS_MAX/)
  })
})

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, 'hex'))
}
