import { describe, expect, it } from 'vitest'
import { PeerDirectory } from '../../../../src/consensus/group/peer-directory.ts'
import type { Refusal } from '../../../../src/consensus/peers/refusals.ts'
import { membershipOf } from '../driver/driver-lab.ts'

const configured = ['lb1', 'lb2'].map((name) => ({ name, address: `moved-${name}:1` }))

function helloOf(id: string) {
  return { name: id.split('/')[0] ?? '', id, clusterId: null, memberIds: [id] }
}

const refusal: Refusal = {
  reason: 'not-admitted',
  message: 'lb1/1 is no member',
  isOurs: false,
  name: 'lb2',
  address: '',
}

describe('a directory', () => {
  it('calls the configured peers first, then whoever takes part or is invited', () => {
    const directory = new PeerDirectory('lb1', configured)
    expect(directory.toCall(null)).toEqual([{ name: 'lb2', address: 'moved-lb2:1' }])
    const invited = [{ name: 'lb4', address: 'lb4:7400' }]
    const called = directory.toCall({ ...membershipOf('lb1', 'lb2', 'lb3'), invited })
    expect(called).toEqual([
      // Its own config rules over what the cluster was told once.
      { name: 'lb2', address: 'moved-lb2:1' },
      { name: 'lb3', address: 'lb3:7400' },
      { name: 'lb4', address: 'lb4:7400' },
    ])
  })

  it('knows what those say that can be reached, and forgets those who are gone', () => {
    const directory = new PeerDirectory('lb1', configured)
    directory.opened(helloOf('lb2/1'))
    directory.heard(helloOf('lb3/1'))
    directory.heard(helloOf('lb3/2'))
    const idsOf = (isConnected: (id: string) => boolean) =>
      [...directory.reachable(isConnected).values()].map(({ id }) => id)
    expect(idsOf(() => true)).toEqual(['lb2/1', 'lb3/2'])
    expect(idsOf((id) => id !== 'lb3/2')).toEqual(['lb2/1'])
    directory.toCall(membershipOf('lb1', 'lb3'))
    expect(idsOf(() => true)).toEqual(['lb3/2'])
  })

  it('keeps what a peer has against this node until it talks to it', () => {
    const directory = new PeerDirectory('lb1', configured)
    for (const other of [
      { ...refusal, isOurs: true },
      { ...refusal, reason: 'timeout' as const },
      { ...refusal, name: null },
    ]) {
      directory.refused(other)
    }
    expect(directory.objection).toBe('')
    directory.refused(refusal)
    expect(directory.objection).toBe('lb2: lb1/1 is no member')
    directory.opened(helloOf('lb2/1'))
    expect(directory.objection).toBe('')
  })
})
