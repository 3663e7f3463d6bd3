import { describe, expect, it } from 'vitest'
import { haveOtherVoters, quorumLackOf } from '../../../../src/consensus/group/quorum-guard.ts'
import { memberOf, membershipOf } from '../driver/driver-lab.ts'

const NAMES = ['lb1', 'lb2', 'lb3', 'lb4', 'lb5', 'lb6', 'lb7']

describe('the guard of the quorum', () => {
  it('lets through what a majority of the voters could agree on, and nothing else', () => {
    for (let voters = 1; voters <= NAMES.length; voters++) {
      const names = NAMES.slice(0, voters)
      for (let there = 0; there <= voters; there++) {
        const ids = names.slice(0, there).map((name) => memberOf(name).id)
        const lack = quorumLackOf(membershipOf(...names), (id) => ids.includes(id))
        expect(lack === null, `${there} of ${voters}`).toBe(there * 2 > voters)
      }
    }
  })

  it('says how many are needed, and who is not there', () => {
    expect(quorumLackOf(membershipOf('lb1', 'lb2', 'lb3'), (id) => id === 'lb2/1')).toEqual({
      neededVoters: 2,
      reached: [memberOf('lb2')],
      missing: [memberOf('lb1'), memberOf('lb3')],
    })
  })

  it('knows a change of the voters from one of the others', () => {
    const before = membershipOf('lb1', 'lb2')
    expect(haveOtherVoters(before, membershipOf('lb2', 'lb1'))).toBe(false)
    expect(haveOtherVoters(before, { ...before, learners: [memberOf('lb3')] })).toBe(false)
    expect(haveOtherVoters(before, membershipOf('lb1'))).toBe(true)
    expect(haveOtherVoters(before, membershipOf('lb1', 'lb3'))).toBe(true)
  })
})
