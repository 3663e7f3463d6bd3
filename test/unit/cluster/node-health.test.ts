import { describe, expect, it } from 'vitest'
import { watchersOf } from '../../../src/cluster/state-machine/watchers.ts'
import { NodeLab, request } from './node-lab.ts'

const NAMES = ['lb1', 'lb2', 'lb3']
const verdicts = (lab: NodeLab, key: string): (boolean | null | undefined)[] =>
  lab.hosts().map((host) => host.verdicts?.get(key))

describe('the health of servers', () => {
  it('is what most nodes say', async () => {
    const lab = await NodeLab.start()
    expect(lab.get('lb1').node.state().witnesses).toEqual(NAMES)
    lab.get('lb1').node.report('app/a', false, 'refused')
    await lab.timers.advance(1_000)
    expect(verdicts(lab, 'app/a')).toEqual([undefined, undefined, undefined])
    lab.get('lb2').node.report('app/a', true, '')
    await lab.timers.advance(1_000)
    expect(verdicts(lab, 'app/a')).toEqual([undefined, undefined, undefined])
    lab.get('lb3').node.report('app/a', false, 'timeout')
    await lab.timers.advance(1_000)
    expect(verdicts(lab, 'app/a')).toEqual([false, false, false])
    expect(lab.get('lb2').node.health('app/a')).toEqual({
      key: 'app/a',
      isUp: false,
      reason: 'refused',
      reports: { lb1: false, lb2: true, lb3: false },
    })
    expect(lab.get('lb2').lines).toContainEqual({
      level: 'warn',
      event: 'server-verdict',
      message: 'the cluster finds server app/a down: refused',
      fields: { server: 'app/a', isUp: false, reason: 'refused' },
    })
    lab.get('lb1').node.report('app/a', true, 'ok')
    await lab.timers.advance(1_000)
    expect(verdicts(lab, 'app/a')).toEqual([true, true, true])
  })

  it('is reported together, and only the latest of each server', async () => {
    const lab = await NodeLab.start()
    const { length } = lab.cluster
    const { node } = lab.get('lb2')
    for (let n = 0; n < 20; n++) {
      node.report('app/a', n % 2 === 0, 'flaps')
      node.report('app/b', true, 'ok')
    }
    await lab.timers.advance(1_000)
    expect(lab.cluster.length).toBe(length + 1)
    node.report('app/a', false, 'the same')
    node.report('app/b', false, '')
    node.report('app/b', true, '')
    await lab.timers.advance(1_000)
    expect(lab.cluster.length).toBe(length + 1)
  })

  it('of many servers is reported in pieces', async () => {
    const names = Array.from({ length: 1_200 }, (_, n) => `s${n}`)
    const lab = await NodeLab.start(['lb1'])
    const { node, host } = lab.get('lb1')
    await node.applyConfig(request(`app majority: ${names.join(' ')}\n`))
    const { length } = lab.cluster
    for (const name of names) node.report(`app/${name}`, false, 'x'.repeat(1_000))
    await lab.timers.advance(1_000)
    expect(lab.cluster.length).toBe(length + 3)
    expect([...host.verdicts!.values()].filter((isUp) => isUp === false)).toHaveLength(1_200)
    expect(node.health('app/s7')?.reason).toHaveLength(200)
  })

  it('is reported again when a report was not agreed on', async () => {
    const lab = await NodeLab.start(['lb1'])
    lab.cluster.refusals.push('overloaded', 'proposal-dropped', 'outcome-unknown')
    lab.get('lb1').node.report('app/a', false, 'refused')
    await lab.timers.advance(200)
    // What it has come to meanwhile is what is sent.
    lab.get('lb1').node.report('app/a', true, 'ok')
    lab.get('lb1').node.report('app/b', false, 'refused')
    await lab.timers.advance(2_000)
    expect(lab.get('lb1').host.verdicts).toEqual(
      new Map([
        ['app/a', true],
        ['app/b', false],
      ]),
    )
  })

  it("is that of a node itself without a quorum, at once, and the cluster's again with it", async () => {
    const lab = await NodeLab.start()
    for (const name of NAMES) lab.get(name).node.report('app/a', true, 'ok')
    await lab.timers.advance(1_000)
    lab.cluster.cut('lb2', 'lb3')
    expect(lab.hosts().map((host) => host.verdicts)).toEqual([null, null, null])
    expect(lab.hosts().map((host) => host.returns)).toEqual([1, 1, 1])
    for (const name of NAMES) lab.get(name).node.report('app/a', false, 'refused')
    await lab.timers.advance(10_000)
    expect(lab.hosts().map((host) => host.verdicts)).toEqual([null, null, null])
    expect(lab.hosts().map((host) => host.returns)).toEqual([1, 1, 1])
    lab.cluster.heal('lb2', 'lb3')
    await lab.timers.advance(0)
    // What was agreed on holds until the nodes have said otherwise.
    expect(verdicts(lab, 'app/a')).toEqual([true, true, true])
    await lab.timers.advance(2_000)
    expect(verdicts(lab, 'app/a')).toEqual([false, false, false])
    expect(lab.get('lb1').events()).toEqual(
      expect.arrayContaining(['cluster-quorum-lost', 'cluster-quorum', 'cluster-leader']),
    )
  })

  it('is not decided by a node that has been gone for five seconds, and is again once it is back', async () => {
    const lab = await NodeLab.start()
    lab.get('lb1').node.report('app/a', true, 'ok')
    lab.get('lb2').node.report('app/a', false, 'refused')
    lab.get('lb3').node.report('app/a', true, 'ok')
    await lab.timers.advance(1_000)
    expect(verdicts(lab, 'app/a')).toEqual([true, true, true])
    lab.cluster.cut('lb3')
    await lab.timers.advance(4_000)
    expect(lab.get('lb1').node.state().witnesses).toEqual(NAMES)
    await lab.timers.advance(2_000)
    expect(lab.get('lb1').node.state().witnesses).toEqual(['lb1', 'lb2'])
    expect(lab.get('lb1').node.health('app/a')).toMatchObject({
      isUp: true,
      reports: { lb1: true, lb2: false },
    })
    expect(lab.get('lb1').events()).toContain('health-witnesses')
    lab.get('lb3').node.report('app/a', false, 'refused')
    lab.cluster.heal('lb3')
    await lab.timers.advance(500)
    expect(lab.get('lb1').node.state().witnesses).toEqual(['lb1', 'lb2'])
    await lab.timers.advance(2_000)
    expect(lab.get('lb1').node.state().witnesses).toEqual(NAMES)
    expect(lab.get('lb1').node.health('app/a')).toMatchObject({
      isUp: false,
      reports: { lb1: true, lb2: false, lb3: false },
    })
  })

  it('is not in question when a node is gone for a moment', async () => {
    const lab = await NodeLab.start()
    const { length } = lab.cluster
    for (let n = 0; n < 5; n++) {
      lab.cluster.cut('lb3')
      await lab.timers.advance(3_000)
      lab.cluster.heal('lb3')
      await lab.timers.advance(3_000)
    }
    expect(lab.cluster.length).toBe(length)
  })

  it('survives the change of the leader', async () => {
    const lab = await NodeLab.start()
    lab.cluster.cut('lb1')
    await lab.timers.advance(7_000)
    expect(lab.get('lb2').node.state().witnesses).toEqual(['lb2', 'lb3'])
    for (const name of ['lb2', 'lb3']) lab.get(name).node.report('app/b', false, 'refused')
    await lab.timers.advance(1_000)
    expect(lab.get('lb3').host.verdicts?.get('app/b')).toBe(false)
    expect(lab.get('lb1').host.verdicts).toBeNull()
  })

  it('has no verdict where nobody checks any more', async () => {
    const lab = await NodeLab.start()
    for (const name of NAMES) lab.get(name).node.report('app/a', false, 'refused')
    await lab.timers.advance(1_000)
    for (const name of NAMES) lab.get(name).node.report('app/a', null, '')
    await lab.timers.advance(1_000)
    expect(verdicts(lab, 'app/a')).toEqual([null, null, null])
    expect(lab.get('lb1').node.health('app/a')).toBeUndefined()
  })

  it('of an added server is reported too, and of one that is not there it is not', async () => {
    const lab = await NodeLab.start(['lb1'])
    const { node, host } = lab.get('lb1')
    node.report('app/x', false, 'refused')
    await lab.timers.advance(1_000)
    const { length } = lab.cluster
    await node.addServer('app', 'x', '10.0.0.9:80', null, 'me')
    await lab.timers.advance(1_000)
    expect(host.verdicts?.get('app/x')).toBe(false)
    expect(lab.cluster.length).toBe(length + 2)
  })

  it('with `local` is not reported', async () => {
    const lab = await NodeLab.start(['lb1'])
    await lab.get('lb1').node.applyConfig(request('app local: a b\n'))
    const { length } = lab.cluster
    lab.get('lb1').node.report('app/a', false, 'refused')
    await lab.timers.advance(5_000)
    expect(lab.cluster.length).toBe(length)
  })

  it('is not forgotten by the restart of a node', async () => {
    const lab = await NodeLab.start()
    for (const name of NAMES) lab.get(name).node.report('app/a', false, 'refused')
    await lab.timers.advance(1_000)
    await lab.get('lb2').node.stop()
    const { node, host } = await lab.startNode('lb2')
    await lab.timers.advance(1_000)
    expect(host.verdicts?.get('app/a')).toBe(false)
    expect(node.health('app/a')?.reports).toEqual({ lb1: false, lb2: false, lb3: false })
    node.report('app/a', true, 'ok')
    await lab.timers.advance(1_000)
    expect(node.health('app/a')?.reports).toEqual({ lb1: false, lb2: true, lb3: false })
  })
})

describe('checks that are shared out', () => {
  const SHARDED = 'app majority 1: a b c d e f\n'
  const keys = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => `app/${name}`)
  const checkers = (lab: NodeLab, key: string): string[] =>
    NAMES.filter((name) => lab.get(name).host.isWatched(key))

  it('are made by one node each, and by all without a quorum', async () => {
    const lab = await NodeLab.start()
    await lab.get('lb1').node.applyConfig(request(SHARDED))
    await lab.timers.advance(1_000)
    for (const key of keys) expect(checkers(lab, key)).toEqual(watchersOf(key, NAMES, 1))
    lab.cluster.cut('lb2', 'lb3')
    for (const key of keys) expect(checkers(lab, key)).toEqual(NAMES)
    lab.cluster.heal('lb2', 'lb3')
    await lab.timers.advance(2_000)
    for (const key of keys) expect(checkers(lab, key)).toEqual(watchersOf(key, NAMES, 1))
  })

  it('are taken over from a node that is gone', async () => {
    const lab = await NodeLab.start()
    await lab.get('lb1').node.applyConfig(request(SHARDED))
    await lab.timers.advance(1_000)
    lab.cluster.cut('lb3')
    await lab.timers.advance(7_000)
    for (const key of keys) {
      const [watcher] = watchersOf(key, ['lb1', 'lb2'], 1)
      expect(checkers(lab, key).filter((name) => name !== 'lb3')).toEqual([watcher])
      lab.get(watcher!).node.report(key, false, 'refused')
    }
    await lab.timers.advance(1_000)
    for (const key of keys) expect(lab.get('lb1').host.verdicts?.get(key)).toBe(false)
  })
})
