import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SluiceError } from '../../../src/base/errors.ts'
import type { EngineEvents } from '../../../src/consensus/engine.ts'
import { NodeLab } from './node-lab.ts'

const NAMES = ['lb1', 'lb2', 'lb3'] as const
type Name = (typeof NAMES)[number]

/** Formats in which what was agreed on is written, in its order. */
function formatsIn(lab: NodeLab): number[] {
  return lab.cluster.log.map((bytes) => {
    return (JSON.parse(new TextDecoder().decode(bytes)) as { format: number }).format
  })
}

/** As an earlier version of Sluice answers, which has never heard of formats to be raised. */
function earlier(events: EngineEvents): EngineEvents {
  return {
    ...events,
    onQuestion: async (from, kind, body) => {
      if (kind !== 'formats') return events.onQuestion(from, kind, body)
      throw new SluiceError('request-invalid', 'this node knows no request "formats"')
    },
  }
}

async function startOld(lab: NodeLab, name: Name): Promise<void> {
  await lab.startNode(name, undefined, {
    formatMax: 1,
    startEngine: async (machine, events) => lab.cluster.start(name, machine, earlier(events)),
  })
}

async function exchange(lab: NodeLab, name: Name): Promise<void> {
  await lab.get(name).node.stop()
  await lab.timers.advance(100)
  await lab.startNode(name)
}

async function startOldCluster(): Promise<NodeLab> {
  const lab = new NodeLab(NAMES)
  for (const name of NAMES) await startOld(lab, name)
  await lab.timers.advance(2_000)
  return lab
}

const hasHalted = (lab: NodeLab): boolean =>
  [...lab.nodes.values()].some((node) => node.events().includes('cluster-node-halted'))

/** Who set servers, as the log of a node tells it. */
const settersIn = (lab: NodeLab, name: Name): unknown[] =>
  lab
    .get(name)
    .lines.filter(({ event }) => event === 'server-set')
    .map(({ fields }) => fields['author'])

describe('nodes of two versions', () => {
  it('say only in the newer format what the older has no room for', async () => {
    const lab = await startOldCluster()
    await exchange(lab, 'lb1')
    await exchange(lab, 'lb2')
    await lab.timers.advance(10_000)
    await lab.get('lb1').node.setServer('app', 'a', { weight: 1 }, 'ci')
    expect(NAMES.map((name) => settersIn(lab, name))).toEqual(NAMES.map(() => [undefined]))
    await exchange(lab, 'lb3')
    await lab.timers.advance(10_000)
    await lab.get('lb1').node.setServer('app', 'a', { weight: 2 }, 'ci')
    expect(settersIn(lab, 'lb2')).toEqual([undefined, 'ci'])
    expect(settersIn(lab, 'lb3')).toEqual(['ci'])
  })

  it('agree in the format of the older until the last of it is exchanged', async () => {
    const lab = await startOldCluster()
    for (const name of NAMES) {
      const status = await lab.get('lb3').node.status()
      expect(status.format).toBe(1)
      expect(new Set(formatsIn(lab))).toEqual(new Set([1]))
      expect(new Set(status.nodes.map(({ stateHash }) => stateHash)).size).toBe(1)
      await exchange(lab, name)
      await lab.timers.advance(10_000)
    }
    const status = await lab.get('lb1').node.status()
    expect(status).toMatchObject({ format: 2, nodes: NAMES.map(() => ({ formatMax: 2 })) })
    expect(formatsIn(lab).filter((format) => format === 2)).toHaveLength(1)
    expect(hasHalted(lab)).toBe(false)
  })

  it('do not agree in a newer one while a member says nothing, for it may be the old one', async () => {
    const lab = await startOldCluster()
    await exchange(lab, 'lb1')
    await exchange(lab, 'lb2')
    lab.cluster.cut('lb3')
    await lab.timers.advance(60_000)
    expect(lab.get('lb1').node.state().format).toBe(1)
    lab.cluster.heal('lb3')
    await lab.timers.advance(60_000)
    expect(lab.get('lb1').node.state().format).toBe(1)
    await exchange(lab, 'lb3')
    await lab.timers.advance(10_000)
    expect(NAMES.map((name) => lab.get(name).node.state().format)).toEqual([2, 2, 2])
  })

  it('leave an old one halted that comes when all others agree in a newer', async () => {
    const lab = await NodeLab.start()
    await lab.get('lb3').node.stop()
    await startOld(lab, 'lb3')
    await lab.timers.advance(1_000)
    const { node, events, host } = lab.get('lb3')
    expect(events()).toContain('cluster-node-halted')
    expect(node.muteness).toBe('needs a newer version of Sluice')
    // The others go on, and do not count it as lost.
    await lab.get('lb1').node.setServer('app', 'a', { weight: 3 }, 'me')
    const { nodes, missing, format } = await lab.get('lb1').node.status()
    expect({ missing, format }).toEqual({ missing: [], format: 2 })
    expect(nodes[2]?.note).toMatch(/^applies nothing more: a command is of format 2, this is 1/)
    await exchange(lab, 'lb3')
    await lab.timers.advance(1_000)
    expect(lab.get('lb3').node.state().pool).toMatchObject([{ server: 'a', weight: 3 }])
    expect(host).not.toBe(lab.get('lb3').host)
  })

  type Step =
    | {
        readonly kind: 'exchange' | 'cut' | 'heal' | 'lead' | 'keep' | 'write'
        readonly name: Name
      }
    | { readonly kind: 'wait'; readonly forMs: number }

  const anyStep: fc.Arbitrary<Step> = fc.oneof(
    fc.record({
      kind: fc.constantFrom('exchange', 'cut', 'heal', 'lead', 'keep', 'write', 'write'),
      name: fc.constantFrom(...NAMES),
    }),
    fc.record({ kind: fc.constant('wait'), forMs: fc.integer({ min: 1, max: 5_000 }) }),
  )

  async function take(lab: NodeLab, step: Step, old: Set<Name>): Promise<void> {
    switch (step.kind) {
      case 'wait':
        await lab.timers.advance(step.forMs)
        return
      case 'exchange':
        old.delete(step.name)
        await exchange(lab, step.name)
        return
      case 'cut':
        lab.cluster.cut(step.name)
        return
      case 'heal':
        lab.cluster.heal(step.name)
        return
      case 'lead':
        lab.cluster.lead(step.name)
        return
      case 'keep':
        await lab.cluster.keepSnapshot(step.name)
        return
      case 'write': {
        const weight = lab.cluster.length % 256
        await lab
          .get(step.name)
          .node.setServer('app', 'a', { weight }, 'me')
          .catch(() => {})
      }
    }
  }

  it('never meet what one of them does not know, whatever happens on the way', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyStep, { maxLength: 40 }), async (steps) => {
        const lab = await startOldCluster()
        const old = new Set<Name>(NAMES)
        for (const step of steps) {
          await take(lab, step, old)
          if (old.size > 0) expect(formatsIn(lab)).not.toContain(2)
          expect(hasHalted(lab)).toBe(false)
        }
        lab.cluster.heal(...NAMES)
        for (const name of old) await exchange(lab, name)
        await lab.timers.advance(30_000)
        expect(hasHalted(lab)).toBe(false)
        const { format, nodes } = await lab.get('lb2').node.status()
        expect(format).toBe(2)
        expect(new Set(nodes.map(({ stateHash }) => stateHash)).size).toBe(1)
      }),
      { numRuns: 60 },
    )
  })
})
