import { describe, expect, it } from 'vitest'
import type { SluiceError } from '../../../src/base/errors.ts'
import type { ApplyOutcome } from '../../../src/cluster/cluster.ts'
import { type LabNode, NodeLab, request, TEXT } from './node-lab.ts'

const NEXT = 'app majority: a b c\n'
const OTHER = 'app majority: a\n'

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => '',
    (error: SluiceError) => error.code,
  )

const versions = ({ node }: LabNode): string[] =>
  node.state().versions.map(({ version, cause, result }) => `${version} ${cause} ${result}`)

describe('the first config of a cluster', () => {
  it('is the text of the leader, and runs on every node', async () => {
    const lab = new NodeLab(['lb1', 'lb2', 'lb3'])
    await lab.startNode('lb1', `# lb1\n${TEXT}`)
    await lab.startNode('lb2', `# lb2\n${TEXT}`)
    await lab.startNode('lb3', OTHER)
    await lab.timers.advance(2_000)
    expect(lab.hosts().map(({ runningText }) => runningText)).toEqual(
      Array.from({ length: 3 }, () => `# lb1\n${TEXT}`),
    )
    const [seed] = lab.get('lb2').node.state().versions
    expect(seed).toMatchObject({ version: 1, cause: 'seed', author: 'lb1, its file' })
    // Its witnesses and its format are agreed on beside it.
    expect(lab.cluster.length).toBe(3)
    // A file that says the same in other words is none to be told of.
    expect(lab.get('lb2').events()).not.toContain('config-file-differs')
    expect(lab.get('lb3').lines).toContainEqual(
      expect.objectContaining({ event: 'config-file-differs', level: 'info' }),
    )
    const { nodes } = await lab.get('lb1').node.status()
    expect(nodes.map(({ note }) => note)).toEqual([
      '',
      '',
      'its file differs from config version 1',
    ])
  })

  it('is tried again until there is one', async () => {
    const lab = new NodeLab(['lb1', 'lb2', 'lb3'])
    lab.cluster.refusals.push('overloaded', 'proposal-dropped', 'overloaded')
    for (const name of ['lb1', 'lb2', 'lb3']) await lab.startNode(name)
    await lab.timers.advance(10_000)
    expect(versions(lab.get('lb3'))).toEqual(['1 seed active'])
    expect(lab.get('lb1').events()).toContain('cluster-duty-failed')
  })

  it('is not seeded by a cluster without a quorum, nor again by the next leader', async () => {
    const lab = new NodeLab(['lb1', 'lb2', 'lb3'])
    lab.cluster.cut('lb2', 'lb3')
    for (const name of ['lb1', 'lb2', 'lb3']) await lab.startNode(name)
    await lab.timers.advance(5_000)
    expect(lab.cluster.length).toBe(0)
    lab.cluster.heal('lb2', 'lb3')
    await lab.timers.advance(5_000)
    lab.cluster.lead('lb2')
    await lab.timers.advance(5_000)
    expect(versions(lab.get('lb2'))).toEqual(['1 seed active'])
  })

  it('can be applied where no file seeds', async () => {
    const lab = new NodeLab(['lb1'])
    const { node, host } = await lab.startNode('lb1', null)
    await lab.timers.advance(2_000)
    expect(node.state().activeVersion).toBe(0)
    const outcome = await node.applyConfig(request(TEXT))
    expect(outcome).toMatchObject({ version: 1, isChanged: true })
    expect(host.runningVersion).toBe(1)
  })
})

describe('applying a config', () => {
  it('prepares it everywhere, agrees on it, and runs it everywhere', async () => {
    const lab = await NodeLab.start()
    const { node } = lab.get('lb1')
    const outcome = await node.applyConfig(
      request(`# warn\n${NEXT}`, { comment: 'rack 7', author: 'lb1, admin API', ifVersion: 1 }),
    )
    expect(outcome).toEqual<ApplyOutcome>({
      version: 2,
      isChanged: true,
      warnings: 'warning: as asked\n',
      nodes: ['lb1', 'lb2', 'lb3'].map((name) => ({ name, result: 'prepared' })),
    })
    await lab.settle()
    for (const { prepared, runningVersion } of lab.hosts()) {
      expect(prepared).toEqual([`# warn\n${NEXT}`])
      expect(runningVersion).toBe(2)
    }
    expect(lab.get('lb3').node.state().versions.at(-1)).toMatchObject({
      author: 'lb1, admin API',
      comment: 'rack 7',
      timeMs: lab.timers.wallMs(),
    })
    expect(lab.get('lb3').lines).toContainEqual(
      expect.objectContaining({
        event: 'config-activated',
        fields: expect.objectContaining({ version: 2, comment: 'rack 7' }),
      }),
    )
  })

  it('runs on the asked node when it is answered', async () => {
    const lab = await NodeLab.start()
    await lab.get('lb2').node.applyConfig(request(NEXT))
    expect(lab.get('lb2').host.runningVersion).toBe(2)
  })

  it('is refused where one node cannot run it, and nothing changes anywhere', async () => {
    const lab = await NodeLab.start()
    lab.get('lb2').host.refusal = 'bind 10.0.0.2:80: address in use'
    lab.get('lb3').host.refusal = 'the config is not valid\nlb.yaml:3:5: error: unknown key'
    const refused = lab.get('lb1').node.applyConfig(request(NEXT))
    await expect(refused).rejects.toMatchObject({
      code: 'cluster-unprepared',
      message:
        'lb2: bind 10.0.0.2:80: address in use\nlb3: the config is not valid\n  lb.yaml:3:5: error: unknown key',
    })
    await lab.timers.advance(5_000)
    for (const { runningVersion } of lab.hosts()) expect(runningVersion).toBe(1)
    expect(versions(lab.get('lb1'))).toEqual(['1 seed active'])
  })

  it('is refused where the asked node itself cannot run it', async () => {
    const lab = await NodeLab.start()
    lab.get('lb1').host.refusal = 'in use'
    await expect(lab.get('lb1').node.applyConfig(request(NEXT))).rejects.toMatchObject({
      code: 'cluster-unprepared',
      message: 'lb1: in use',
    })
  })

  it('goes on without a node that cannot be reached, which catches up', async () => {
    const lab = await NodeLab.start()
    lab.cluster.cut('lb3')
    const { nodes } = await lab.get('lb1').node.applyConfig(request(NEXT))
    expect(nodes).toEqual([
      { name: 'lb1', result: 'prepared' },
      { name: 'lb2', result: 'prepared' },
      { name: 'lb3', result: 'unreachable' },
    ])
    await lab.get('lb2').node.applyConfig(request(OTHER))
    await lab.settle()
    expect(lab.hosts().map(({ runningVersion }) => runningVersion)).toEqual([3, 3, 1])
    lab.cluster.heal('lb3')
    await lab.settle()
    const { host } = lab.get('lb3')
    expect(host.runningText).toBe(OTHER)
    // What it had missed in between it need not run.
    expect(host.activated.map(({ version }) => version.version)).toEqual([1, 3])
  })

  it('that comes as a snapshot runs too', async () => {
    const lab = await NodeLab.start()
    lab.cluster.cut('lb3')
    await lab.get('lb1').node.applyConfig(request(NEXT))
    await lab.cluster.sendSnapshot('lb1', 'lb3')
    await lab.settle()
    expect(lab.get('lb3').host.runningText).toBe(NEXT)
  })

  it('changes nothing where the text is active already', async () => {
    const lab = await NodeLab.start()
    const { length } = lab.cluster
    const outcome = await lab.get('lb1').node.applyConfig(request(TEXT))
    expect(outcome).toEqual({ version: 1, isChanged: false, warnings: '', nodes: [] })
    expect(lab.cluster.length).toBe(length)
    expect(lab.hosts().flatMap(({ prepared }) => prepared)).toEqual([])
  })

  it.each(['lb1', 'lb2'])(
    'lets one of two writers win, the other of whom is asked of %s',
    async (second) => {
      const lab = await NodeLab.start()
      const results = await Promise.all([
        codeOf(lab.get('lb1').node.applyConfig(request(NEXT, { ifVersion: 1 }))),
        codeOf(lab.get(second).node.applyConfig(request(OTHER, { ifVersion: 1 }))),
      ])
      expect(results.toSorted()).toEqual(['', 'config-conflict'])
      await lab.settle()
      const winner = results[0] === '' ? NEXT : OTHER
      expect(lab.hosts().map(({ runningText }) => runningText)).toEqual([winner, winner, winner])
      expect(versions(lab.get('lb3'))).toEqual(['1 seed superseded', '2 apply active'])
    },
  )

  it.each([
    ['not the version that was expected', NEXT, { ifVersion: 7 }, 'config-conflict'],
    ['not valid', 'nonsense', {}, 'config-invalid'],
    ['too long', `# ${'é'.repeat(524_288)}\n`, {}, 'config-invalid'],
    ['to be confirmed too soon', NEXT, { confirmMs: 999 }, 'request-invalid'],
    ['to be confirmed in two days', NEXT, { confirmMs: 172_800_000 }, 'request-invalid'],
    ['to be confirmed at no time', NEXT, { confirmMs: Number.NaN }, 'request-invalid'],
    ['with a comment that is too long', NEXT, { comment: 'c'.repeat(1_001) }, 'request-invalid'],
  ])('is refused: %s', async (_, text, more, code) => {
    const lab = await NodeLab.start()
    await expect(lab.get('lb1').node.applyConfig(request(text, more))).rejects.toMatchObject({
      code,
    })
    expect(lab.hosts().flatMap(({ prepared }) => prepared)).toEqual([])
    expect(versions(lab.get('lb1'))).toEqual(['1 seed active'])
  })

  it.each(['no-quorum', 'outcome-unknown', 'proposal-dropped', 'overloaded'] as const)(
    'tells what the engine tells: %s',
    async (code) => {
      const lab = await NodeLab.start()
      lab.cluster.refusals.push(code)
      expect(await codeOf(lab.get('lb1').node.applyConfig(request(NEXT)))).toBe(code)
    },
  )

  it('needs a quorum before anything is prepared', async () => {
    const lab = await NodeLab.start()
    lab.cluster.cut('lb2', 'lb3')
    expect(await codeOf(lab.get('lb1').node.applyConfig(request(NEXT)))).toBe('no-quorum')
    expect(lab.get('lb1').host.prepared).toEqual([])
  })

  it('waits in a line that has an end', async () => {
    const lab = await NodeLab.start()
    const asked = Array.from({ length: 18 }, (_, n) =>
      codeOf(lab.get('lb1').node.applyConfig(request(`# ${n}\n${TEXT}`))),
    )
    const [first, ...others] = await Promise.all(asked)
    expect(first).toBe('')
    const late = Array.from({ length: 15 }, () => 'config-conflict')
    expect(others).toEqual([...late, 'overloaded', 'overloaded'])
    expect(lab.get('lb2').node.state().activeVersion).toBe(2)
  })

  it('follows the version that was active when it was asked for', async () => {
    const lab = await NodeLab.start()
    const { node } = lab.get('lb1')
    const asked = [node.applyConfig(request(NEXT)), node.applyConfig(request(OTHER))]
    expect(await Promise.all(asked.map(codeOf))).toEqual(['', 'config-conflict'])
    expect(lab.hosts().flatMap(({ prepared }) => prepared)).not.toContain(OTHER)
    // Who has seen how that one ended is not too late.
    expect(await codeOf(node.applyConfig(request(OTHER)))).toBe('')
    expect(node.state().activeVersion).toBe(3)
  })

  it('may be asked for twice at once', async () => {
    const lab = await NodeLab.start()
    const { node } = lab.get('lb1')
    const outcomes = await Promise.all([NEXT, NEXT].map((text) => node.applyConfig(request(text))))
    expect(outcomes.map(({ version, isChanged }) => [version, isChanged])).toEqual([
      [2, true],
      [2, false],
    ])
  })

  it('is not undone by a rollback that did not know of it', async () => {
    const lab = await NodeLab.start()
    const { node } = lab.get('lb1')
    await node.applyConfig(request(NEXT))
    const asked = [node.applyConfig(request(OTHER)), node.rollbackConfig(null, 'operator')]
    expect(await Promise.all(asked.map(codeOf))).toEqual(['', 'config-conflict'])
    expect(node.state().versions.at(-1)?.text).toBe(OTHER)
  })
})

describe('a config that is to be confirmed', () => {
  const pending = async (): Promise<NodeLab> => {
    const lab = await NodeLab.start()
    await lab.get('lb1').node.applyConfig(request(NEXT, { confirmMs: 60_000 }))
    return lab
  }

  it('stays when it is confirmed in time', async () => {
    const lab = await pending()
    await lab.timers.advance(59_000)
    expect(await lab.get('lb2').node.confirmConfig(null)).toBe(2)
    await lab.timers.advance(60_000)
    expect(versions(lab.get('lb3'))).toEqual(['1 seed superseded', '2 apply active'])
    expect(lab.get('lb3').events()).toContain('config-confirmed')
  })

  it('goes back by itself when it is not, on every node', async () => {
    const lab = await pending()
    await lab.timers.advance(59_400)
    expect(lab.hosts().map(({ runningVersion }) => runningVersion)).toEqual([2, 2, 2])
    await lab.timers.advance(1_100)
    expect(lab.hosts().map(({ runningText }) => runningText)).toEqual([TEXT, TEXT, TEXT])
    expect(versions(lab.get('lb3'))).toEqual([
      '1 seed superseded',
      '2 apply rolled-back',
      '3 expiry active',
    ])
    expect(lab.get('lb2').lines).toContainEqual(
      expect.objectContaining({
        event: 'config-expired',
        level: 'warn',
        message: 'config version 2 was not confirmed: version 3 is as version 1 was',
      }),
    )
    expect(await codeOf(lab.get('lb1').node.confirmConfig(2))).toBe('confirmation-unknown')
  })

  it('goes back under the next leader too, as soon as there is one', async () => {
    const lab = await pending()
    lab.cluster.cut('lb1', 'lb2')
    await lab.timers.advance(100_000)
    expect(lab.get('lb3').host.runningVersion).toBe(2)
    lab.cluster.heal('lb2')
    await lab.timers.advance(2_000)
    expect(lab.get('lb3').host.runningText).toBe(TEXT)
    expect(lab.get('lb1').host.runningText).toBe(NEXT)
    lab.cluster.heal('lb1')
    await lab.timers.advance(2_000)
    expect(lab.get('lb1').host.runningText).toBe(TEXT)
  })

  it.each([-3_600_000, 3_600_000])(
    'goes back in its time, though clocks are set by %i ms meanwhile',
    async (shiftMs) => {
      const lab = await pending()
      lab.timers.wallShiftMs = shiftMs
      await lab.timers.advance(59_400)
      expect(lab.hosts().map(({ runningVersion }) => runningVersion)).toEqual([2, 2, 2])
      await lab.timers.advance(1_100)
      expect(lab.hosts().map(({ runningText }) => runningText)).toEqual([TEXT, TEXT, TEXT])
      expect(versions(lab.get('lb2')).at(-1)).toBe('3 expiry active')
    },
  )

  it('goes back in its time under a leader that has counted for less', async () => {
    const lab = await pending()
    await lab.timers.advance(40_000)
    await lab.get('lb3').node.stop()
    await lab.timers.advance(10_000)
    // It reads its log from the start, and has seen the version for a moment when it leads.
    await lab.startNode('lb3')
    lab.cluster.lead('lb3')
    await lab.timers.advance(9_000)
    expect(lab.get('lb3').host.runningVersion).toBe(2)
    await lab.timers.advance(2_500)
    expect(versions(lab.get('lb3')).at(-1)).toBe('3 expiry active')
  })

  it('begins anew where every node was started meanwhile: nobody knows better', async () => {
    const lab = await pending()
    await lab.timers.advance(50_000)
    for (const name of ['lb1', 'lb2', 'lb3']) await lab.get(name).node.stop()
    for (const name of ['lb1', 'lb2', 'lb3']) await lab.startNode(name)
    lab.cluster.lead('lb2')
    await lab.timers.advance(58_000)
    expect(lab.get('lb2').host.runningVersion).toBe(2)
    await lab.timers.advance(3_000)
    expect(versions(lab.get('lb2')).at(-1)).toBe('3 expiry active')
  })

  it('lets no other config in before, but a rollback', async () => {
    const lab = await pending()
    const { node } = lab.get('lb1')
    expect(await codeOf(node.applyConfig(request(OTHER)))).toBe('confirmation-pending')
    const outcome = await node.rollbackConfig(null, 'test')
    expect(outcome).toMatchObject({ version: 3, isChanged: true })
    expect(node.state().confirmation).toBeNull()
    await lab.timers.advance(120_000)
    expect(versions(lab.get('lb2'))).toEqual([
      '1 seed superseded',
      '2 apply rolled-back',
      '3 rollback active',
    ])
  })

  it('is not confirmed by what names another version, or none', async () => {
    const lab = await pending()
    const { node } = lab.get('lb1')
    expect(await codeOf(node.confirmConfig(1))).toBe('confirmation-unknown')
    expect(await node.confirmConfig(2)).toBe(2)
    expect(await codeOf(node.confirmConfig(null))).toBe('confirmation-unknown')
  })
})

describe('going back to an earlier config', () => {
  it('applies its text as a new version, prepared everywhere', async () => {
    const lab = await NodeLab.start()
    const { node } = lab.get('lb1')
    await node.applyConfig(request(NEXT))
    await node.applyConfig(request(OTHER))
    expect(await node.rollbackConfig(1, 'lb1, admin API')).toMatchObject({ version: 4 })
    await lab.settle()
    expect(lab.hosts().map(({ runningText }) => runningText)).toEqual([TEXT, TEXT, TEXT])
    expect(lab.get('lb3').host.prepared).toEqual([NEXT, OTHER, TEXT])
    expect(node.state().versions.at(-1)).toMatchObject({
      cause: 'rollback',
      comment: 'back to version 1',
      author: 'lb1, admin API',
    })
  })

  it('goes to the one before where none is named', async () => {
    const lab = await NodeLab.start()
    const { node } = lab.get('lb1')
    await node.applyConfig(request(NEXT))
    await node.rollbackConfig(null, '')
    expect(node.state().versions.at(-1)?.text).toBe(TEXT)
    await node.rollbackConfig(null, '')
    expect(node.state().versions.at(-1)?.text).toBe(NEXT)
  })

  it.each([
    ['a version that was never', 9],
    ['no version before the first', null],
    ['version 0', 0],
  ])('refuses %s', async (_, version) => {
    const lab = await NodeLab.start()
    expect(await codeOf(lab.get('lb1').node.rollbackConfig(version, ''))).toBe(
      'config-version-unknown',
    )
  })

  it('is refused where a node cannot run it any more', async () => {
    const lab = await NodeLab.start()
    await lab.get('lb1').node.applyConfig(request(NEXT))
    lab.get('lb3').host.refusal = 'gone.pem: no such file'
    await expect(lab.get('lb1').node.rollbackConfig(1, '')).rejects.toMatchObject({
      code: 'cluster-unprepared',
      message: 'lb3: gone.pem: no such file',
    })
  })
})
