import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  ClusterStateMachine,
  type StateChange,
} from '../../../../src/cluster/state-machine/cluster-state-machine.ts'
import { encodeCommand } from '../../../../src/cluster/state-machine/command-encoding.ts'
import type { CommandOutcome } from '../../../../src/cluster/state-machine/command-outcomes.ts'
import type { Command } from '../../../../src/cluster/state-machine/commands.ts'
import { activation, anyHistory, openLab, reportOf } from './command-lab.ts'
import { NaiveCluster } from './naive-cluster.ts'

const verdictsOf = (machine: ClusterStateMachine): Record<string, boolean | null> =>
  Object.fromEntries(machine.health.verdicts().map(({ key, isUp }) => [key, isUp]))

const codeOf = (outcome: CommandOutcome): string => (outcome.kind === 'refused' ? outcome.code : '')

function applyAll(machine: ClusterStateMachine, commands: readonly Command[], from = 0): unknown[] {
  return commands.map((command, n) =>
    machine.apply(from + n + 1, encodeCommand(command, machine.state.format)),
  )
}

describe('the state machine of the cluster', () => {
  it('does what its rules say, written down once more', () => {
    fc.assert(
      fc.property(anyHistory, (commands) => {
        const { machine, apply } = openLab()
        const twin = new NaiveCluster()
        for (const command of commands) {
          expect(codeOf(apply(command))).toBe(twin.apply(command))
          expect(machine.state).toEqual(twin.state)
          const verdicts = twin.verdicts.map(({ key, isUp }) => [key, isUp])
          expect(verdictsOf(machine)).toEqual(Object.fromEntries(verdicts))
          for (const node of ['lb1', 'lb2', 'lb3', 'lb4']) {
            const said = twin.said.filter((report) => report.node === node)
            expect(machine.health.runOf(node)).toBe(twin.runs[node] ?? null)
            expect([...machine.health.reportedBy(node)].sort()).toEqual(
              said.map(({ key }) => key).sort(),
            )
            for (const { key, isUp } of said) expect(machine.health.reportOf(node, key)).toBe(isUp)
          }
        }
      }),
      { numRuns: 500 },
    )
  })

  it('tells verdicts so that who follows the changes knows all of them', () => {
    fc.assert(
      fc.property(anyHistory, (commands) => {
        const { machine, apply, takeHealth } = openLab()
        const followed = new Map<string, boolean | null>()
        for (const command of commands) {
          apply(command)
          for (const { key, isUp } of takeHealth()) {
            expect(followed.get(key) ?? null).not.toBe(isUp)
            if (isUp === null) followed.delete(key)
            else followed.set(key, isUp)
          }
          expect(Object.fromEntries(followed)).toEqual(verdictsOf(machine))
        }
      }),
    )
  })

  it('comes to the same bytes on every node, through a snapshot at any point too', () => {
    const history = fc.tuple(anyHistory, fc.nat(60))
    fc.assert(
      fc.property(history, ([commands, cut]) => {
        const first = openLab().machine
        const second = openLab().machine
        const results = applyAll(first, commands)
        expect(applyAll(second, commands)).toEqual(results)
        expect(second.snapshot()).toEqual(first.snapshot())

        const restored = openLab().machine
        const early = openLab().machine
        applyAll(early, commands.slice(0, cut))
        restored.restore(early.snapshot())
        expect(restored.snapshot()).toEqual(early.snapshot())
        expect(restored.state).toEqual(early.state)
        expect(applyAll(restored, commands.slice(cut), cut)).toEqual(results.slice(cut))
        expect(restored.snapshot()).toEqual(first.snapshot())
      }),
      { numRuns: 300 },
    )
  })

  it('tells what a restore has changed', () => {
    fc.assert(
      fc.property(anyHistory, anyHistory, (commands, others) => {
        const from = openLab()
        applyAll(from.machine, commands)
        const to = openLab()
        applyAll(to.machine, others)
        const followed = new Map(Object.entries(verdictsOf(to.machine)))
        to.takeHealth()
        to.machine.restore(from.machine.snapshot())
        for (const { key, isUp } of to.takeHealth()) {
          if (isUp === null) followed.delete(key)
          else followed.set(key, isUp)
        }
        expect(Object.fromEntries(followed)).toEqual(verdictsOf(from.machine))
      }),
    )
  })

  it('starts over from no bytes', () => {
    const { machine, apply } = openLab()
    const empty = machine.snapshot()
    apply(activation(0, 'one'))
    machine.restore(new Uint8Array())
    expect(machine.state.activeVersion).toBe(0)
    expect(machine.snapshot()).toEqual(empty)
  })

  it('tells a change once, with the state of before and after', () => {
    const changes: StateChange[] = []
    const machine = new ClusterStateMachine((change) => changes.push(change))
    machine.apply(1, encodeCommand(activation(0, 'one'), 1))
    machine.apply(2, encodeCommand(activation(1, 'one'), 1))
    machine.apply(3, encodeCommand(activation(7, 'two'), 1))
    expect(changes.map(({ before, after }) => [before.activeVersion, after.activeVersion])).toEqual(
      [[0, 1]],
    )
    expect(changes[0]?.command?.kind).toBe('config-activate')
  })

  it('replaces a part of its state exactly where it has changed', () => {
    const { machine, apply } = openLab()
    apply(activation(0, 'one'))
    const before = machine.state
    apply({ kind: 'server-set', backend: 'app', server: 'a', weight: 5, unset: [], author: '' })
    expect(machine.state.versions).toBe(before.versions)
    expect(machine.state.pool).not.toBe(before.pool)
    const { pool } = machine.state
    apply({ kind: 'witnesses-set', nodes: ['lb1'] })
    apply(reportOf('lb1', { 'app/a': true }))
    expect(machine.state.pool).toBe(pool)
    expect(before.pool).toEqual([])
  })

  it('refuses bytes that are no command, and does not change', () => {
    const { machine } = openLab()
    const before = machine.snapshot()
    expect(machine.apply(1, new Uint8Array([1, 2, 3]))).toMatchObject({ code: 'request-invalid' })
    expect(machine.snapshot()).toEqual(before)
  })

  it('agrees in a newer format from its raise on, and never in an older one again', () => {
    const { machine } = openLab()
    const witnesses = { kind: 'witnesses-set', nodes: ['lb1'] } as const
    const early = machine.apply(1, encodeCommand(witnesses, 2))
    expect(early).toMatchObject({ kind: 'refused', code: 'request-invalid' })
    expect(machine.state).toMatchObject({ format: 1, witnesses: [] })
    const raise = encodeCommand({ kind: 'format-raise', format: 2 }, 1)
    expect(machine.apply(2, raise)).toMatchObject({ kind: 'done', isChanged: true })
    expect(machine.apply(3, raise)).toMatchObject({ kind: 'done', isChanged: false })
    // A node that has yet to hear of it proposes in the older format, which stays known.
    expect(machine.apply(4, encodeCommand(witnesses, 1))).toMatchObject({ isChanged: true })
    expect(machine.state).toMatchObject({ format: 2, witnesses: ['lb1'] })
  })

  it('is halted by a raise to a format that it does not know', () => {
    const machine = new ClusterStateMachine(() => {}, 1)
    const raise = encodeCommand({ kind: 'format-raise', format: 2 }, 1)
    expect(() => machine.apply(1, raise)).toThrow(expect.objectContaining({ code: 'state-newer' }))
    const newer = openLab()
    newer.apply({ kind: 'format-raise', format: 2 })
    expect(() => machine.restore(newer.machine.snapshot())).toThrow(
      expect.objectContaining({ code: 'state-newer' }),
    )
  })

  it('does not go on at a command of a newer program', () => {
    const { machine } = openLab()
    const bytes = new TextEncoder().encode('{"format":3,"command":{"kind":"config-activate"}}')
    expect(() => machine.apply(1, bytes)).toThrow(expect.objectContaining({ code: 'state-newer' }))
  })
})
