import { describe, expect, it } from 'vitest'
import type { AgreedBackend, Command } from '../../../../src/cluster/state-machine/commands.ts'
import type { HealthChange } from '../../../../src/cluster/state-machine/state.ts'
import { watchersOf } from '../../../../src/cluster/state-machine/watchers.ts'
import { activation, backendOf, type Lab, openLab, reportOf } from './command-lab.ts'

const witnesses = (...nodes: readonly string[]): Command => ({ kind: 'witnesses-set', nodes })
const told = (changes: readonly HealthChange[]): string[] =>
  changes.map(({ key, isUp, reason }) => `${key} ${isUp} ${reason}`.trim())

function labOf(more: Partial<AgreedBackend> = {}, nodes = ['lb1', 'lb2', 'lb3']): Lab {
  const lab = openLab()
  lab.apply(activation(0, 'one', { backends: [backendOf('app', more)] }))
  lab.apply(witnesses(...nodes))
  return lab
}

describe('health agreement', () => {
  it('comes to a verdict when enough nodes have said so, and tells it once', () => {
    const { apply, takeHealth, machine } = labOf()
    apply(reportOf('lb1', { 'app/a': false }))
    expect(takeHealth()).toEqual([])
    expect(machine.health.verdict('app/a')).toBeUndefined()
    apply(reportOf('lb3', { 'app/a': false }))
    expect(told(takeHealth())).toEqual(['app/a false lb1 saw'])
    apply(reportOf('lb2', { 'app/a': false }))
    expect(takeHealth()).toEqual([])
    expect(machine.health.verdict('app/a')).toEqual({
      key: 'app/a',
      isUp: false,
      reason: 'lb1 saw',
      reports: { lb1: false, lb2: false, lb3: false },
    })
  })

  it('names a reason of those who agree', () => {
    const { apply, takeHealth } = labOf()
    apply(reportOf('lb1', { 'app/a': true }))
    apply(reportOf('lb3', { 'app/a': false }))
    apply(reportOf('lb2', { 'app/a': false }))
    expect(told(takeHealth())).toEqual(['app/a false lb2 saw'])
  })

  it('stays with one node that sees otherwise', () => {
    const { apply, takeHealth } = labOf()
    for (const node of ['lb1', 'lb2', 'lb3']) apply(reportOf(node, { 'app/a': true }))
    takeHealth()
    apply(reportOf('lb2', { 'app/a': false }))
    expect(takeHealth()).toEqual([])
    apply(reportOf('lb1', { 'app/a': false }))
    expect(told(takeHealth())).toEqual(['app/a false lb1 saw'])
  })

  it('takes several servers in one report', () => {
    const { apply, takeHealth } = labOf({ healthAgreement: 'any' })
    apply(reportOf('lb1', { 'app/a': false, 'app/b': true }))
    expect(told(takeHealth())).toEqual(['app/a false lb1 saw', 'app/b true lb1 saw'])
  })

  it.each([
    ['a server that is in no config', labOf(), 'lb1', 'app/zz'],
    ['a node that has no say', labOf({ healthAgreement: 'any' }, ['lb1']), 'lb2', 'app/a'],
    ['a backend that goes by local checks', labOf({ healthAgreement: 'local' }), 'lb1', 'app/a'],
  ])('takes no report of %s', (_, { machine, apply, takeHealth }, node, key) => {
    apply(reportOf(node, { [key]: false }))
    expect(machine.health.reportOf(node, key)).toBeNull()
    expect(machine.health.isWatcher(node, key)).toBe(false)
    expect(takeHealth()).toEqual([])
  })

  it('counts a node no longer that has no say any more', () => {
    const { apply, takeHealth, machine } = labOf()
    apply(reportOf('lb1', { 'app/a': true }))
    apply(reportOf('lb2', { 'app/a': true }))
    apply(reportOf('lb3', { 'app/a': false }))
    takeHealth()
    // Of lb1, lb3: one and one decides nothing. Of lb3 alone: down.
    apply(witnesses('lb1', 'lb3'))
    expect(takeHealth()).toEqual([])
    apply(witnesses('lb3'))
    expect(told(takeHealth())).toEqual(['app/a false lb3 saw'])
    // Back again, lb1 has to say anew what it sees.
    apply(witnesses('lb1', 'lb2', 'lb3'))
    expect(machine.health.reportOf('lb1', 'app/a')).toBeNull()
    expect(machine.health.verdict('app/a')?.reports).toEqual({ lb3: false })
  })

  it('keeps a verdict while a new watcher has yet to look', () => {
    const { apply, takeHealth, machine } = labOf({ watchers: 1 })
    const [watcher] = watchersOf('app/a', ['lb1', 'lb2', 'lb3'], 1)
    apply(reportOf(watcher!, { 'app/a': false }))
    expect(told(takeHealth())).toHaveLength(1)
    const others = ['lb1', 'lb2', 'lb3'].filter((node) => node !== watcher)
    apply(witnesses(...others))
    // The old one, which stops checking, does not take the verdict with it.
    apply(reportOf(watcher!, { 'app/a': null }))
    expect(takeHealth()).toEqual([])
    expect(machine.health.verdict('app/a')).toMatchObject({ isUp: false, reports: {} })
    const [next] = watchersOf('app/a', others, 1)
    apply(reportOf(next!, { 'app/a': true }))
    expect(told(takeHealth())).toEqual([`app/a true ${next} saw`])
  })

  it('asks only the watchers where the checks are shared out', () => {
    const { machine } = labOf({ watchers: 1 })
    const { health } = machine
    const nodes = ['lb1', 'lb2', 'lb3']
    const [watcher] = watchersOf('app/a', nodes, 1)
    for (const node of nodes) {
      expect(health.isWatcher(node, 'app/a')).toBe(node === watcher)
      expect(health.hasToProbe(node, 'app/a')).toBe(node === watcher)
    }
    // One whose reports do not count goes by its own checks, and needs all of them.
    expect(health.hasToProbe('lb9', 'app/a')).toBe(true)
    expect(health.hasToProbe('lb1', 'app/unknown')).toBe(true)
    const local = labOf({ watchers: 1, healthAgreement: 'local' }).machine.health
    expect(nodes.every((node) => local.hasToProbe(node, 'app/a'))).toBe(true)
  })

  it('has no verdict any more when those who watch no longer check', () => {
    const { apply, takeHealth, machine } = labOf()
    apply(reportOf('lb1', { 'app/a': false }))
    apply(reportOf('lb2', { 'app/a': false }))
    takeHealth()
    apply(reportOf('lb1', { 'app/a': null }))
    expect(takeHealth()).toEqual([])
    apply(reportOf('lb2', { 'app/a': null }))
    expect(told(takeHealth())).toEqual(['app/a null'])
    expect(machine.health.verdict('app/a')).toBeUndefined()
  })

  it('forgets what an earlier run had said with the first report of the next', () => {
    const { apply, takeHealth, machine } = labOf()
    for (const node of ['lb1', 'lb2']) apply(reportOf(node, { 'app/a': true, 'app/b': true }))
    takeHealth()
    apply(reportOf('lb1', { 'app/a': true }, 'run2'))
    expect(machine.health.reportOf('lb1', 'app/a')).toBe(true)
    expect(machine.health.reportOf('lb1', 'app/b')).toBeNull()
    // A restart changes no verdict.
    expect(takeHealth()).toEqual([])
    expect(machine.health.runOf('lb1')).toBe('run2')
  })

  it.each<[string, Command]>([
    ['that a config no longer names', activation(1, 'two', { servers: ['app/b'] })],
    [
      'whose backend goes by local checks now',
      activation(1, 'two', { backends: [backendOf('app', { healthAgreement: 'local' })] }),
    ],
  ])('forgets a server %s', (_, command) => {
    const { apply, takeHealth, machine } = labOf({ healthAgreement: 'any' })
    apply(reportOf('lb1', { 'app/a': false }))
    takeHealth()
    apply(command)
    expect(told(takeHealth())).toEqual(['app/a null'])
    expect(machine.health.reportedBy('lb1')).toEqual([])
  })

  it('judges anew where the agreement has changed', () => {
    const { apply, takeHealth } = labOf()
    apply(reportOf('lb1', { 'app/a': false }))
    expect(takeHealth()).toEqual([])
    apply(activation(1, 'two', { backends: [backendOf('app', { healthAgreement: 'any' })] }))
    expect(told(takeHealth())).toEqual(['app/a false lb1 saw'])
  })

  it('has verdicts on added servers until they are removed', () => {
    const { apply, takeHealth } = labOf({ healthAgreement: 'any' })
    const at = { backend: 'app', server: 'x', author: 'me' } as const
    apply({ kind: 'server-add', ...at, address: 'h:1', weight: null })
    apply(reportOf('lb1', { 'app/x': false }))
    expect(told(takeHealth())).toEqual(['app/x false lb1 saw'])
    apply({ kind: 'server-remove', ...at })
    expect(told(takeHealth())).toEqual(['app/x null'])
  })
})
