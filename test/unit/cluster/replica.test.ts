import { describe, expect, it } from 'vitest'
import { SluiceError } from '../../../src/base/errors.ts'
import { Replica } from '../../../src/cluster/replica.ts'
import { ClusterStateMachine } from '../../../src/cluster/state-machine/cluster-state-machine.ts'
import { encodeCommand } from '../../../src/cluster/state-machine/command-encoding.ts'
import type { Agreement } from '../../../src/consensus/agreement.ts'

const CHANGING = encodeCommand({ kind: 'witnesses-set', nodes: ['lb1'] }, 1)
const NEWER = new TextEncoder().encode('{"format":99,"command":{"kind":"any"}}')
/** Refused: there is no such version. */
const REFUSED = encodeCommand({ kind: 'config-confirm', version: 7 }, 1)

/** Agreement whose proposals the test settles, in any order. */
class ManualAgreement implements Agreement {
  readonly settle: { readonly at: (index: number) => void; readonly fail: () => void }[] = []

  propose(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.settle.push({
        at: resolve,
        fail: () => reject(new SluiceError('outcome-unknown', 'nobody knows')),
      })
    })
  }

  read(): Promise<void> {
    return Promise.resolve()
  }

  status(): Promise<never> {
    return Promise.reject(new Error('not asked'))
  }
}

function lab(): { replica: Replica; agreement: ManualAgreement } {
  return {
    replica: new Replica(new ClusterStateMachine(() => {}), () => {}),
    agreement: new ManualAgreement(),
  }
}

describe('a replica', () => {
  it('gives each proposer the outcome at its own index', async () => {
    const { replica, agreement } = lab()
    replica.apply(1, REFUSED)
    const changing = replica.propose(agreement, CHANGING)
    const refused = replica.propose(agreement, REFUSED)
    for (const [index, command] of [CHANGING, REFUSED, CHANGING, REFUSED].entries()) {
      // Not every index has a command.
      replica.apply(3 + 2 * index, command)
    }
    agreement.settle[1]?.at(5)
    agreement.settle[0]?.at(7)
    expect(await refused).toMatchObject({ kind: 'refused' })
    expect(await changing).toMatchObject({ kind: 'done' })
  })

  it('has the outcome of what is told long after it was applied', async () => {
    const { replica, agreement } = lab()
    const first = replica.propose(agreement, REFUSED)
    replica.apply(1, REFUSED)
    for (let index = 2; index <= 5000; index++) replica.apply(index, CHANGING)
    const second = replica.propose(agreement, CHANGING)
    replica.apply(5001, CHANGING)
    agreement.settle[1]?.at(5001)
    expect(await second).toMatchObject({ kind: 'done' })
    agreement.settle[0]?.at(1)
    expect(await first).toMatchObject({ kind: 'refused' })
  })

  it('tells when an index is applied, and when that cannot be known', () => {
    const { replica } = lab()
    const told: string[] = []
    replica.apply(2, CHANGING)
    replica.whenApplied(2, () => told.push('before'))
    replica.whenApplied(3, () => told.push('next'))
    replica.whenApplied(4, () => told.push('given up'))()
    replica.whenApplied(9, () => told.push('far'))
    expect(told).toEqual(['before'])
    replica.apply(4, CHANGING)
    expect(told).toEqual(['before', 'next'])
    replica.restore(new Uint8Array(), 8)
    expect(told).toEqual(['before', 'next'])
    replica.restore(new Uint8Array(), 9)
    expect(replica.appliedIndex).toBe(9)
    expect(told).toEqual(['before', 'next', 'far'])
  })

  it.each([
    ['a command', (replica: Replica) => replica.apply(2, NEWER)],
    ['a snapshot', (replica: Replica) => replica.restore(NEWER, 2)],
  ])('halts at %s of a newer program, for good', async (_, meet) => {
    const errors: SluiceError[] = []
    const machine = new ClusterStateMachine(() => {})
    const replica = new Replica(machine, (error) => errors.push(error))
    const agreement = new ManualAgreement()
    const proposed = replica.propose(agreement, CHANGING)
    replica.apply(1, CHANGING)
    const before = machine.snapshot()
    meet(replica)
    replica.apply(3, encodeCommand({ kind: 'witnesses-set', nodes: ['lb9'] }, 1))
    replica.restore(new Uint8Array(), 4)
    expect(machine.snapshot()).toEqual(before)
    expect(replica.appliedIndex).toBe(1)
    expect(errors).toMatchObject([{ code: 'state-newer' }])
    agreement.settle[0]?.at(4)
    await expect(proposed).rejects.toMatchObject({ code: 'state-newer' })
    await expect(replica.propose(agreement, CHANGING)).rejects.toMatchObject({
      code: 'state-newer',
    })
    const late = Symbol('no snapshot')
    const turns = new Promise((resolve) => setImmediate(() => resolve(late)))
    expect(await Promise.race([replica.snapshot(), turns])).toBe(late)
  })

  it('keeps no outcome that nobody can ask for', async () => {
    const { replica, agreement } = lab()
    const early = replica.propose(agreement, REFUSED)
    replica.apply(1, REFUSED)
    agreement.settle[0]?.at(1)
    await early
    const late = replica.propose(agreement, REFUSED)
    agreement.settle[1]?.at(1)
    await expect(late).rejects.toMatchObject({ code: 'invariant-broken' })
  })

  it('passes on why nothing is known, and forgets that proposal', async () => {
    const { replica, agreement } = lab()
    const lost = replica.propose(agreement, CHANGING)
    replica.apply(1, CHANGING)
    agreement.settle[0]?.fail()
    await expect(lost).rejects.toMatchObject({ code: 'outcome-unknown' })
    const next = replica.propose(agreement, REFUSED)
    replica.apply(2, REFUSED)
    agreement.settle[1]?.at(2)
    expect(await next).toMatchObject({ kind: 'refused' })
  })

  it('takes over a state, and gives it on', async () => {
    const { replica, agreement } = lab()
    replica.apply(1, CHANGING)
    const data = await replica.snapshot()
    const other = lab().replica
    other.restore(data, 1)
    expect(await other.snapshot()).toEqual(data)
    const change = other.propose(agreement, CHANGING)
    other.apply(9, CHANGING)
    agreement.settle[0]?.at(9)
    expect(await change).toMatchObject({ kind: 'done' })
  })
})
