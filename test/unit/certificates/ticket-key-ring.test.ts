import { beforeEach, describe, expect, it } from 'vitest'
import { TicketKeyRing } from '../../../src/certificates/ticket-key-ring.ts'
import { TICKET_KEY_BYTES, type TicketKeys } from '../../../src/model/bind-tls.ts'

const ROTATION_MS = 10_000
const KEPT = 4
let nowMs = 0

function ring(): TicketKeyRing {
  return new TicketKeyRing({ rotationMs: ROTATION_MS, kept: KEPT, clock: () => nowMs })
}

function rotate(one: TicketKeyRing): void {
  nowMs += ROTATION_MS
  one.rotateIfDue(0)
}

beforeEach(() => {
  nowMs = 1_000
})

describe('a ring of ticket keys', () => {
  it('seals by what was the next key, and opens by as many as are kept', () => {
    const one = ring()
    const seen: TicketKeys[] = [one.keys]
    one.onChange = (keys) => seen.push(keys)
    for (let n = 0; n < 6; n++) rotate(one)
    expect(seen).toHaveLength(7)
    expect(seen.map(({ opening }) => opening.length)).toEqual([2, 3, 4, 4, 4, 4, 4])
    for (const [n, { sealing, opening }] of seen.entries()) {
      expect(opening[1]).toBe(sealing)
      if (n > 0) expect(sealing).toBe(seen[n - 1]?.opening[0])
    }
    const all = new Set(seen.flatMap(({ opening }) => opening.map((key) => key.join())))
    expect(all.size).toBe(8)
    const lengths = new Set(seen.flatMap(({ opening }) => opening.map((key) => key.length)))
    expect([...lengths]).toEqual([TICKET_KEY_BYTES])
  })

  it('rotates at its time, and makes up for rotations that were missed', () => {
    const one = ring()
    const { keys } = one
    nowMs += ROTATION_MS - 1
    one.rotateIfDue(0)
    nowMs += 1
    one.rotateIfDue(1)
    expect(one.keys).toEqual(keys)
    nowMs += 100 * ROTATION_MS
    one.rotateIfDue(1)
    expect(one.keys.opening).toHaveLength(KEPT)
    expect(one.keys.opening.some((key) => keys.opening.includes(key))).toBe(false)
  })

  it('is another’s, keys and age, once it has taken them', () => {
    const [one, other] = [ring(), ring()]
    rotate(one)
    nowMs += ROTATION_MS - 100
    let changes = 0
    other.onChange = () => changes++
    expect([other.isShared, other.take(one.encode()), other.isShared]).toEqual([false, true, true])
    expect(other.keys).toEqual(one.keys)
    expect(other.take(one.encode())).toBe(true)
    expect(changes).toBe(1)
    nowMs += 100
    other.rotateIfDue(0)
    expect(other.keys.sealing).toEqual(one.keys.opening[0])
    expect(other.keys).not.toEqual(one.keys)
  })

  it('takes nothing that is none, whatever it is', () => {
    const one = ring()
    const other = ring()
    const whole = one.encode()
    const { keys } = other
    const bad = [
      new Uint8Array(),
      ...Array.from({ length: whole.length }, (_, length) => whole.slice(0, length)),
      Uint8Array.from([2, ...whole.slice(1)]),
      Uint8Array.from([1, 0, 0, 0, 0, ...new Uint8Array(17 * TICKET_KEY_BYTES)]),
    ]
    expect(bad.map((bytes) => other.take(bytes))).toEqual(bad.map(() => false))
    expect([other.keys, other.isShared]).toEqual([keys, false])
  })

  it('has memory of its own for each key, since threads are sent all that shares it', () => {
    const one = ring()
    one.take(ring().encode())
    for (const key of [...one.keys.opening, ...ring().keys.opening]) {
      expect(key.buffer.byteLength).toBe(TICKET_KEY_BYTES)
    }
  })
})
