import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Exchange,
  type Side,
  sealsOf,
} from '../../../../../src/consensus/peers/handshake/proofs.ts'
import { SEAL_BYTES_MAX } from '../../../../../src/consensus/peers/records/sealing.ts'

const secret = Buffer.alloc(32, 'secret')
const exchange: Exchange = {
  version: 1,
  purpose: 'link',
  dialler: 'a',
  acceptor: 'b',
  diallerNonce: Buffer.alloc(32, 1),
  acceptorNonce: Buffer.alloc(32, 2),
}

function sealer(side: Side = 'dialler', changes: Partial<Exchange> = {}) {
  return sealsOf(secret, side, { ...exchange, ...changes }).sealer
}

function opener(side: Side = 'acceptor') {
  return sealsOf(secret, side, exchange).opener
}

const plain = Buffer.from('what is said')

describe('seals', () => {
  it('open what was sealed, in its order', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 })), (messages) => {
        const [sealing, opening] = [sealer(), opener()]
        for (const message of messages) {
          const sealed = sealing.seal(message)
          expect(sealed.length).toBeLessThanOrEqual(message.length + SEAL_BYTES_MAX)
          expect(Uint8Array.from(opening.open(sealed) ?? [256])).toEqual(message)
        }
      }),
    )
  })

  it('hide what was sealed, and look different every time', () => {
    const sealing = sealer()
    const [one, two] = [sealing.seal(plain), sealing.seal(plain)]
    expect(Buffer.from(one).includes('said')).toBe(false)
    expect(one).not.toEqual(two)
  })

  it('break when any bit changes', () => {
    const sealed = sealer().seal(plain)
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const changed = Uint8Array.from(sealed)
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expect(opener().open(changed)).toBe(null)
    }
  })

  it.each([0, 1, 15, 16])('break when only %i bytes are left', (length) => {
    expect(opener().open(sealer().seal(plain).subarray(0, length))).toBe(null)
  })

  it('break when a message is left out, repeated, or comes too early', () => {
    const sealing = sealer()
    const [first, second] = [sealing.seal(plain), sealing.seal(plain)]
    expect(opener().open(second)).toBe(null)
    const repeated = opener()
    expect(repeated.open(first)).toEqual(plain)
    expect(repeated.open(first)).toBe(null)
  })

  it('are of one direction, one exchange, one purpose, one pair of names', () => {
    expect(opener('dialler').open(sealer('dialler').seal(plain))).toBe(null)
    const others: Partial<Exchange>[] = [
      { purpose: 'stream' },
      { dialler: 'c' },
      { acceptor: 'c' },
      { version: 2 },
      { diallerNonce: Buffer.alloc(32, 3) },
      { acceptorNonce: Buffer.alloc(32, 3) },
    ]
    for (const changes of others) {
      expect(opener().open(sealer('dialler', changes).seal(plain))).toBe(null)
    }
  })
})
