import { describe, expect, it } from 'vitest'
import { HandshakeSlots } from '../../../../../src/consensus/peers/handshake/handshake-slots.ts'

/** Connections `HOST#N`; those of hosts that begin with `m` are of members. */
class Gate {
  readonly yielded: string[] = []
  readonly slots = new HandshakeSlots({
    strangers: { max: 4, perAddressMax: 2 },
    members: { max: 3, perAddressMax: 2 },
  })

  come(...keys: readonly string[]): this {
    for (const key of keys) {
      const host = key.split('#')[0] ?? ''
      const onYield = () => void this.yielded.push(key)
      this.slots.take(key, { host, isMember: host.startsWith('m'), onYield })
    }
    return this
  }
}

describe('places of connections that are not admitted yet', () => {
  it('go to the newest of one address, and leave the others alone', () => {
    const gate = new Gate().come('x#1', 'y#1', 'x#2', 'x#3', 'x#4')
    expect(gate.yielded).toEqual(['x#1', 'x#2'])
    expect(gate.slots.size).toBe(3)
  })

  it('go to the newest of all strangers', () => {
    expect(new Gate().come('a#1', 'b#1', 'c#1', 'd#1', 'e#1').yielded).toEqual(['a#1'])
  })

  it('are kept for those who have said something while others have not', () => {
    const gate = new Gate().come('a#1', 'b#1', 'c#1', 'd#1')
    gate.slots.spoke('a#1')
    gate.come('e#1', 'f#1', 'g#1')
    expect(gate.yielded).toEqual(['b#1', 'c#1', 'd#1'])
    for (const key of ['e#1', 'f#1', 'g#1']) gate.slots.spoke(key)
    expect(gate.come('h#1').yielded.at(-1)).toBe('a#1')
  })

  it('of members are out of the reach of strangers', () => {
    const gate = new Gate().come('m1#1', 'm2#1')
    for (let n = 0; n < 100; n++) gate.come(`s${n}#1`)
    expect(gate.yielded).not.toContain('m1#1')
    expect(gate.come('m3#1', 'm3#2').yielded.at(-1)).toBe('m1#1')
  })

  it('are free again when a connection needs none any more', () => {
    const gate = new Gate().come('a#1', 'a#2')
    gate.slots.leave('a#1')
    expect(gate.come('a#3').yielded).toEqual([])
    expect(gate.slots.has('a#1')).toBe(false)
  })
})
