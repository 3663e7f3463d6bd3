import { createHash } from 'node:crypto'
import { PassThrough } from 'node:stream'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SluiceError } from '../../../src/base/errors.ts'
import { SoloEngine } from '../../../src/consensus/solo/solo-engine.ts'
import { NodeLab, request, TEXT } from './node-lab.ts'

const NEXT = 'app majority: a b c\n'
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)

describe('the status of a cluster', () => {
  it('is what each node says of itself', async () => {
    const lab = await NodeLab.start()
    await lab.get('lb2').node.setServer('app', 'a', { weight: 4 }, 'me')
    await lab.timers.advance(3_000)
    const status = await lab.get('lb2').node.status()
    expect(status).toMatchObject({
      engine: 'memory',
      clusterId: 'c1',
      node: 'lb2',
      leader: 'lb1',
      epoch: 1,
      hasQuorum: true,
      configVersion: 1,
      format: 2,
    })
    expect(status.nodes).toHaveLength(3)
    const [first] = status.nodes
    expect(first).toMatchObject({
      name: 'lb1',
      address: '10.0.0.1:7400',
      role: 'leader',
      isReachable: true,
      lagEntries: 0,
      configVersion: 1,
      configHash: sha256(TEXT),
      formatMin: 1,
      formatMax: 2,
      uptimeSeconds: 5,
      note: '',
    })
    expect(first?.stateHash).toMatch(/^[0-9a-f]{64}$/)
    expect(status.nodes.map(({ role }) => role)).toEqual(['leader', 'follower', 'follower'])
    expect(new Set(status.nodes.map(({ stateHash }) => stateHash)).size).toBe(1)
    expect(new Set(status.nodes.map(({ appliedIndex }) => appliedIndex)).size).toBe(1)
  })

  it('needs no quorum', async () => {
    const lab = await NodeLab.start()
    lab.cluster.cut('lb1', 'lb2')
    const status = await lab.get('lb3').node.status()
    expect(status).toMatchObject({ leader: null, hasQuorum: false, configVersion: 1 })
    expect(status.nodes.map(({ role, isReachable }) => [role, isReachable])).toEqual([
      ['unknown', false],
      ['unknown', false],
      ['candidate', true],
    ])
    expect(status.nodes[0]).toMatchObject({ epoch: null, configHash: null, stateHash: null })
  })

  it('shows a node that lags', async () => {
    const lab = await NodeLab.start()
    lab.cluster.cut('lb3')
    await lab.get('lb1').node.applyConfig(request(NEXT))
    const before = await lab.get('lb3').node.status()
    expect(before.nodes[2]).toMatchObject({ configVersion: 1, configHash: sha256(TEXT) })
    lab.cluster.heal('lb3')
    const { nodes } = await lab.get('lb3').node.status()
    expect(nodes.map(({ lagEntries }) => lagEntries)).toEqual([0, 0, 0])
    expect(nodes.map(({ configVersion }) => configVersion)).toEqual([2, 2, 1])
    await lab.settle()
    const after = await lab.get('lb3').node.status()
    expect(after.nodes[2]).toMatchObject({ configVersion: 2, configHash: sha256(NEXT) })
  })

  it.each([
    ['no JSON', 'x', true],
    ['a map of another kind', '{"format":1}', true],
    ['a hash that is none', '{"stateHash":"x"}', true],
    ['a long text', `"${'x'.repeat(70_000)}"`, true],
    ['nothing, but a refusal', null, true],
  ])('shows nothing of a node that answers %s', async (_, answer, isReachable) => {
    const lab = new NodeLab(['lb1', 'lb2'])
    const machine = { apply: () => {}, snapshot: async () => new Uint8Array(), restore: () => {} }
    lab.cluster.start('lb2', machine, {
      onStatus: () => {},
      onFatal: () => {},
      onStream: () => {},
      onQuestion: async () => {
        if (answer === null) throw new SluiceError('request-invalid', 'what is that')
        return bytesOf(answer)
      },
    })
    await lab.startNode('lb1')
    const { nodes } = await lab.get('lb1').node.status()
    expect(nodes[1]).toMatchObject({ role: 'unknown', isReachable, epoch: null, note: '' })
  })
})

describe('a node that is asked by another', () => {
  it.each([
    ['prepare', ''],
    ['prepare', '{"format":1,"text":7,"keepMs":1}'],
    ['prepare', '{"format":1,"text":"app any: a"}'],
    ['prepare', '{"format":1,"text":"","keepMs":1e99}'],
    ['forget', '{}'],
    ['__proto__', '{}'],
  ])('refuses %s with %s', async (kind, body) => {
    const lab = await NodeLab.start(['lb1'])
    await expect(lab.cluster.ask('lb1', kind, bytesOf(body))).rejects.toMatchObject({
      code: 'request-invalid',
    })
    expect(lab.get('lb1').host.prepared).toEqual([])
  })

  it('passes over what it does not know of a request', async () => {
    const lab = await NodeLab.start(['lb1'])
    const body = { format: 2, text: NEXT, keepMs: 1_000, more: true }
    await lab.cluster.ask('lb1', 'prepare', bytesOf(JSON.stringify(body)))
    expect(lab.get('lb1').host.prepared).toEqual([NEXT])
  })

  it('answers or refuses any bytes', async () => {
    const lab = await NodeLab.start(['lb1'])
    const bodies = fc.oneof(fc.uint8Array(), fc.json().map(bytesOf))
    await fc.assert(
      fc.asyncProperty(fc.constantFrom('prepare', 'status', 'x'), bodies, async (kind, body) => {
        try {
          expect(await lab.cluster.ask('lb1', kind, body)).toBeInstanceOf(Uint8Array)
        } catch (error) {
          expect(error).toBeInstanceOf(SluiceError)
        }
      }),
    )
  })

  it('has a change made by the node that it names', async () => {
    const lab = await NodeLab.start()
    const answer = await lab.get('lb2').node.forward('lb1', bytesOf('change'), 1000)
    expect(Buffer.from(answer).toString()).toBe('made: change')
  })

  it('serves the streams that are forwarded to it', async () => {
    const lab = await NodeLab.start()
    const stream = await lab.get('lb2').node.openStream('lb1')
    expect(lab.get('lb1').host.streams).toEqual([stream])
    expect(stream).toBeInstanceOf(PassThrough)
  })
})

describe('a cluster node', () => {
  it('knows who leads elsewhere', async () => {
    const lab = await NodeLab.start()
    expect(lab.get('lb1').node.leaderElsewhere()).toBeNull()
    expect(lab.get('lb2').node.leaderElsewhere()).toBe('lb1')
    await lab.get('lb1').node.transfer('lb2')
    expect(lab.get('lb1').node.leaderElsewhere()).toBe('lb2')
    lab.cluster.cut('lb1', 'lb2')
    expect(lab.get('lb3').node.leaderElsewhere()).toBeNull()
  })

  it('logs who leads, and who belongs to it, when it changes', async () => {
    const lab = await NodeLab.start()
    await lab.timers.advance(5_000)
    lab.cluster.lead('lb3')
    await lab.timers.advance(5_000)
    const lines = lab.get('lb2').lines.filter(({ event }) => event.startsWith('cluster-'))
    expect(lines.map(({ event, message }) => `${event} ${message}`)).toEqual([
      'cluster-leader lb1 leads the cluster',
      'cluster-quorum the cluster has a quorum',
      'cluster-nodes the nodes of the cluster are lb1 (voter), lb2 (voter), lb3 (voter)',
      'cluster-format the cluster agrees in format 2 from now on, which all of its nodes know',
      'cluster-leader lb3 leads the cluster',
    ])
  })

  it('never logs a config text', async () => {
    const lab = await NodeLab.start()
    const secret = 'app majority: hunter2\n'
    await lab.get('lb1').node.applyConfig(request(secret, { confirmMs: 1_000 }))
    await lab.timers.advance(5_000)
    for (const { lines } of lab.nodes.values()) {
      expect(JSON.stringify(lines)).not.toContain('hunter2')
    }
  })

  it('goes by itself when its engine has failed', async () => {
    const lab = await NodeLab.start()
    const { node, host, lines } = lab.get('lb2')
    expect(host.verdicts).not.toBeNull()
    lab.cluster.fail('lb2', new SluiceError('data-dir-failed', 'EIO'))
    await lab.timers.advance(5_000)
    expect(host.verdicts).toBeNull()
    expect(host.runningVersion).toBe(1)
    expect(lines).toContainEqual(
      expect.objectContaining({ level: 'error', event: 'cluster-node-failed' }),
    )
    const { nodes } = await node.status()
    expect(nodes[1]?.note).toBe('has failed: EIO')
  })

  it('stops at what a newer program has agreed on, serves on, and gives the lead away', async () => {
    const lab = new NodeLab(['lb1', 'lb2', 'lb3'])
    await lab.startNode('lb1')
    // The newer program, which knows more.
    const machine = { apply: () => {}, snapshot: async () => new Uint8Array(), restore: () => {} }
    for (const name of ['lb2', 'lb3']) {
      lab.cluster.start(name, machine, {
        onStatus: () => {},
        onFatal: () => {},
        onStream: () => {},
        onQuestion: async () => new Uint8Array(),
      })
    }
    const { node, host, lines } = lab.get('lb1')
    await lab.settle()
    expect(node.leaderElsewhere()).toBeNull()
    expect(host.runningVersion).toBe(1)
    await lab.cluster.put(bytesOf('{"format":99,"command":{"kind":"any"}}'))
    await lab.cluster.put(bytesOf('{"format":1,"command":{"kind":"config-confirm","version":1}}'))
    await lab.timers.advance(1_000)
    expect(host.verdicts).toBeNull()
    expect(host.runningVersion).toBe(1)
    expect(node.muteness).toBe('needs a newer version of Sluice')
    expect(lines.filter(({ event }) => event === 'cluster-node-halted')).toHaveLength(1)
    expect(node.leaderElsewhere()).not.toBeNull()
    await expect(node.read()).rejects.toMatchObject({ code: 'state-newer' })
    await expect(node.setServer('app', 'a', { weight: 1 }, 'me')).rejects.toMatchObject({
      code: 'state-newer',
    })
    const { nodes, missing } = await node.status()
    expect(nodes[0]).toMatchObject({
      isReachable: true,
      note: expect.stringMatching(/^applies nothing more: a command is of format 99/),
    })
    expect(missing).toEqual([])
  })

  it('tells where its file differs when it is read again', async () => {
    const lab = await NodeLab.start()
    const { node, events } = lab.get('lb2')
    await node.compareFile(`# other words\n${TEXT}`)
    expect(events()).not.toContain('config-file-differs')
    await node.compareFile(NEXT)
    expect(events().filter((event) => event === 'config-file-differs')).toHaveLength(1)
    await lab.get('lb1').node.applyConfig(request(NEXT))
    await lab.timers.advance(1_000)
    const { nodes } = await node.status()
    expect(nodes[1]?.note).toBe('')
    await expect(node.compareFile('nonsense')).rejects.toMatchObject({ code: 'config-invalid' })
  })

  it('finds no difference in a file that it has made the config, but in one that it could not', async () => {
    const lab = await NodeLab.start()
    const { node, events } = lab.get('lb1')
    const applied = node.applyFile(request(NEXT))
    await lab.timers.advance(1_000)
    await applied
    await lab.timers.advance(1_000)
    expect((await node.status()).nodes[0]?.note).toBe('')
    expect(events()).not.toContain('config-file-differs')
    await expect(node.applyFile({ ...request(TEXT), ifVersion: 7 })).rejects.toMatchObject({
      code: 'config-conflict',
    })
    await node.applyConfig(request(TEXT))
    await lab.timers.advance(1_000)
    expect((await node.status()).nodes[0]?.note).toMatch(/its file differs from config version 3/)
  })

  it('runs nothing older than it ran last while it catches up after a restart', async () => {
    const lab = await NodeLab.start()
    await lab.cluster.keepSnapshot('lb3')
    await lab.get('lb1').node.applyConfig(request(NEXT))
    await lab.get('lb1').node.setServer('app', 'a', { state: 'maint' }, 'me')
    await lab.get('lb3').node.stop()
    lab.cluster.cut('lb1', 'lb2', 'lb3')
    const running = { version: 2, text: NEXT }
    const { node, host } = await lab.startNode('lb3', TEXT, { running })
    await lab.timers.advance(60_000)
    expect(node.state()).toMatchObject({ activeVersion: 1, pool: [] })
    expect(host.activated).toEqual([])
    const { nodes } = await node.status()
    expect(nodes[2]).toMatchObject({ configVersion: 2, configHash: sha256(NEXT) })
    lab.cluster.heal('lb1', 'lb2', 'lb3')
    await lab.timers.advance(5_000)
    expect(host.activated).toMatchObject([
      { version: { version: 2 }, pool: [{ server: 'a', state: 'maint' }] },
    ])
  })

  it('does nothing any more when it has stopped', async () => {
    const lab = await NodeLab.start()
    for (const { node } of lab.nodes.values()) await node.stop()
    expect(lab.timers.pending).toBe(0)
    await lab.timers.advance(60_000)
    expect(lab.timers.pending).toBe(0)
  })
})

describe('a single node', () => {
  const single = async (): Promise<NodeLab> => {
    const lab = new NodeLab(['node'])
    await lab.startNode('node', TEXT, {
      isReplicated: false,
      startEngine: async (machine, events) => new SoloEngine('node', machine, events),
    })
    await lab.timers.advance(1_000)
    return lab
  }

  it('goes the same ways alone', async () => {
    const lab = await single()
    const { node, host, events } = lab.get('node')
    expect(node.isReplicated).toBe(false)
    expect(host.runningVersion).toBe(1)
    expect(await node.applyConfig(request(NEXT))).toMatchObject({
      version: 2,
      nodes: [{ name: 'node', result: 'prepared' }],
    })
    await node.addServer('app', 'x', '10.0.0.9:80', null, 'me')
    expect(host.activated.at(-1)).toMatchObject({
      version: { version: 2 },
      pool: [{ server: 'x' }],
    })
    node.report('app/a', false, 'refused')
    await lab.timers.advance(1_000)
    expect(host.verdicts?.get('app/a')).toBe(false)
    // Its own log of checks says what there is to say.
    expect(events()).not.toContain('server-verdict')
    expect(events()).not.toContain('cluster-leader')
    expect(await node.status()).toMatchObject({ hasQuorum: true, configVersion: 2 })
  })

  it('tells its own reason why it cannot run a config', async () => {
    const lab = await single()
    const { node, host } = lab.get('node')
    host.refusal = 'bind :80: address in use'
    await expect(node.applyConfig(request(NEXT))).rejects.toMatchObject({
      code: 'address-in-use',
      message: 'bind :80: address in use',
    })
  })

  it('has no members to change, and no links to others', async () => {
    const lab = await single()
    const { node } = lab.get('node')
    for (const change of [
      node.addNode('lb2', '127.0.0.1:1'),
      node.removeNode('node', { isForced: false }),
      node.transfer('node'),
    ]) {
      await expect(change).rejects.toMatchObject({ code: 'cluster-absent' })
    }
    await expect(node.openStream('lb2')).rejects.toMatchObject({ code: 'peer-unreachable' })
    expect(node.leaderElsewhere()).toBe(null)
    await node.addServer('app', 'x', '10.0.0.9:80', null, 'me')
  })

  it('takes no change any more when it has stopped', async () => {
    const lab = await single()
    const { node } = lab.get('node')
    await node.stop()
    await expect(node.applyConfig(request(NEXT))).rejects.toMatchObject({ code: 'engine-stopped' })
    await expect(node.setServer('app', 'a', { weight: 1 }, 'me')).rejects.toMatchObject({
      code: 'engine-stopped',
    })
    expect(node.state().activeVersion).toBe(1)
  })

  it('has no members to change', async () => {
    const lab = await single()
    const { node } = lab.get('node')
    for (const change of [
      node.addNode('lb2', 'h:1'),
      node.removeNode('node', { isForced: false }),
      node.transfer('x'),
    ]) {
      await expect(change).rejects.toMatchObject({ code: 'cluster-absent' })
    }
  })
})

it('a node says why it can agree on nothing', async () => {
  const lab = await NodeLab.start()
  const { node } = lab.get('lb2')
  expect(node.muteness).toBe('')
  lab.cluster.cut('lb1', 'lb3')
  expect(node.muteness).toBe('no quorum')
  lab.cluster.heal('lb1', 'lb3')
  expect(node.muteness).toBe('')
  lab.cluster.fail('lb2', new Error('the disk is full'))
  expect(node.muteness).toBe('takes no further part in the cluster')
})
