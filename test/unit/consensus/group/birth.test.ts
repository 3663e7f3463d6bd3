import { describe, expect, it } from 'vitest'
import {
  type BirthView,
  clusterIdOf,
  decideBirth,
  decodeBirth,
  encodeBirth,
} from '../../../../src/consensus/group/birth.ts'
import type { PeerHello } from '../../../../src/consensus/peers/transport.ts'
import { memberOf, membershipOf } from '../driver/driver-lab.ts'

const peers = ['lb1', 'lb2', 'lb3'].map((name) => ({ name, address: `${name}:7400` }))

/** A node that has no cluster. */
function unborn(id: string): PeerHello {
  return { name: id.split('/')[0] ?? '', id, clusterId: null, memberIds: [id] }
}

function born(id: string, ...memberIds: readonly string[]): PeerHello {
  return { ...unborn(id), clusterId: 'c', memberIds }
}

function viewOf(name: string, hellos: readonly PeerHello[], known = peers): BirthView {
  const self = memberOf(name)
  return { self, peers: known, hellos: new Map(hellos.map((hello) => [hello.name, hello])) }
}

describe('birth', () => {
  it('waits until every configured peer is there', () => {
    expect(decideBirth(viewOf('lb1', []))).toMatchObject({
      kind: 'wait',
      note: expect.stringContaining('lb2, lb3'),
    })
    expect(decideBirth(viewOf('lb1', [unborn('lb3/1')]))).toMatchObject({
      kind: 'wait',
      note: expect.stringMatching(/waits for lb2 /),
    })
  })

  it('is the same on all who found a cluster', () => {
    const ids = ['lb1/1', 'lb2/1', 'lb3/1']
    const decisions = ['lb1', 'lb2', 'lb3'].map((name) => {
      const others = ids.filter((id) => !id.startsWith(name)).map(unborn)
      return decideBirth(viewOf(name, others.reverse()))
    })
    expect(decisions[0]).toEqual({
      kind: 'found',
      clusterId: clusterIdOf(ids),
      snapshot: {
        index: 0,
        term: 0,
        membership: membershipOf('lb1', 'lb2', 'lb3'),
        data: new Uint8Array(),
      },
    })
    expect(decisions[1]).toEqual(decisions[0])
    expect(decisions[2]).toEqual(decisions[0])
  })

  it('makes another cluster of other nodes', () => {
    expect(clusterIdOf(['lb1/1', 'lb2/1'])).toBe(clusterIdOf(['lb2/1', 'lb1/1']))
    expect(clusterIdOf(['lb1/1', 'lb2/2'])).not.toBe(clusterIdOf(['lb1/1', 'lb2/1']))
  })

  it('is at once where a node is alone', () => {
    const alone = [{ name: 'lb1', address: 'lb1:7400' }]
    expect(decideBirth(viewOf('lb1', [], alone))).toMatchObject({ kind: 'found' })
  })

  it('goes through a cluster that has this very node, whoever is missing', () => {
    const host = born('lb2/1', 'lb1/1', 'lb2/1', 'lb3/1')
    expect(decideBirth(viewOf('lb1', [host]))).toEqual({ kind: 'join', through: 'lb2/1' })
    const stale = born('lb3/1', 'lb2/1', 'lb3/1')
    expect(decideBirth(viewOf('lb1', [stale, host]))).toEqual({ kind: 'join', through: 'lb2/1' })
  })

  it('never founds a cluster where there is one: the data of this node may have been lost', () => {
    const other = born('lb2/1', 'lb1/0', 'lb2/1', 'lb3/1')
    expect(decideBirth(viewOf('lb1', [other, unborn('lb3/1')]))).toMatchObject({
      kind: 'wait',
      note: expect.stringContaining('lb2 has a cluster'),
    })
  })

  it('comes with a certificate', () => {
    const certificate = { clusterId: 'c', membership: membershipOf('lb1', 'lb2') }
    expect(decodeBirth(encodeBirth(certificate))).toEqual(certificate)
    const bytes = encodeBirth(certificate)
    expect(() => decodeBirth(bytes.subarray(1))).toThrow()
  })
})
