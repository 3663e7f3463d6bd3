import { describe, expect, it } from 'vitest'
import {
  compareSights,
  decodeCorruptNotice,
  decodeSight,
  decodeStateQuestion,
  encodeCorruptNotice,
  encodeSight,
  encodeStateQuestion,
} from '../../../../src/cluster/duties/state-sight.ts'
import { encodeCommand } from '../../../../src/cluster/state-machine/command-encoding.ts'
import { NodeLab } from '../node-lab.ts'

/** As the first comparison comes after three seconds, and ticks every half. */
const FIRST_MS = 4_000
/** As another comes each minute. */
const NEXT_MS = 62_000

const OTHER = encodeCommand(
  {
    kind: 'server-add',
    backend: 'app',
    server: 'z',
    address: '10.0.0.9:80',
    weight: null,
    author: 'me',
  },
  1,
)

type Seen = readonly [from: number, to: number, hash: string]

function compared(sights: Readonly<Record<string, Seen>>) {
  const seen = Object.entries(sights).map(([name, [fromIndex, toIndex, hash]]) => {
    return [name, { fromIndex, toIndex, hash }] as const
  })
  return compareSights(new Map(seen))
}

describe('sights of states', () => {
  it.each<[string, Record<string, Seen>, readonly string[], readonly string[]]>([
    ['of nobody', {}, [], []],
    ['of one node', { a: [1, 1, 'x'] }, [], []],
    ['that agree', { a: [5, 9, 'x'], b: [9, 9, 'x'] }, ['a', 'b'], []],
    [
      'of which one differs',
      { a: [5, 5, 'x'], b: [5, 5, 'y'], c: [5, 5, 'x'] },
      ['a', 'b', 'c'],
      ['b'],
    ],
    ['of which none is right', { a: [5, 5, 'x'], b: [5, 5, 'y'] }, ['a', 'b'], ['a', 'b']],
    ['at other indexes', { a: [5, 7, 'x'], b: [8, 8, 'y'] }, [], []],
    ['of which one is behind', { a: [8, 9, 'x'], b: [9, 9, 'x'], c: [3, 5, 'y'] }, ['a', 'b'], []],
    [
      'after a snapshot',
      { a: [4, 9, 'x'], b: [9, 9, 'y'], c: [4, 9, 'x'] },
      ['a', 'b', 'c'],
      ['b'],
    ],
  ])('%s', (_, sights, seen, differing) => {
    expect(compared(sights)).toEqual({ compared: seen, differing })
  })

  it('go over the wire, and anything else is none', () => {
    const sight = { fromIndex: 3, toIndex: 4, hash: 'a'.repeat(64) }
    expect(decodeSight(encodeSight(sight))).toEqual(sight)
    expect(decodeStateQuestion(encodeStateQuestion(7))).toBe(7)
    expect(decodeCorruptNotice(encodeCorruptNotice(['lb1']))).toEqual(['lb1'])
    const otherScheme = { ...sight, scheme: 2 }
    for (const text of ['', '[]', '{}', JSON.stringify(otherScheme), ' '.repeat(70_000)]) {
      const bytes = Buffer.from(text)
      expect(decodeSight(bytes)).toBeNull()
      expect(decodeStateQuestion(bytes)).toBeNull()
      expect(decodeCorruptNotice(bytes)).toBeNull()
    }
  })
})

/** `CODE NODE` of the alarms of each node. */
function alarmsIn(lab: NodeLab): string[][] {
  return [...lab.nodes.values()].map(({ node }) =>
    node.alarms.map((one) => `${one.code} ${one.node}`),
  )
}

describe('the states of nodes', () => {
  it('that agree raise no alarm', async () => {
    const lab = await NodeLab.start()
    await lab.get('lb2').node.setServer('app', 'a', { weight: 4 }, 'me')
    await lab.timers.advance(FIRST_MS + NEXT_MS)
    expect(alarmsIn(lab)).toEqual([[], [], []])
    expect(lab.get('lb1').events()).not.toContain('state-corrupt')
  })

  it('of which one differs raise one on every node, until it agrees again', async () => {
    const lab = await NodeLab.start()
    lab.cluster.diverge('lb3', OTHER)
    await lab.get('lb2').node.setServer('app', 'a', { weight: 4 }, 'me')
    await lab.timers.advance(NEXT_MS)
    const alarm = ['state-corrupt lb3']
    expect(alarmsIn(lab)).toEqual([alarm, alarm, alarm])
    expect(lab.get('lb3').node.muteness).toBe('its state differs from that of the other nodes')
    expect(lab.get('lb1').node.muteness).toBe('')
    for (const { lines } of lab.nodes.values()) {
      const told = lines.filter(({ event }) => event === 'state-corrupt')
      expect(told).toMatchObject([{ level: 'error', fields: { nodes: ['lb3'] } }])
    }
    const { alarms } = await lab.get('lb2').node.status()
    expect(alarms).toMatchObject([{ code: 'state-corrupt', node: 'lb3' }])

    // Out of sight is not well again.
    lab.cluster.cut('lb3')
    await lab.timers.advance(2 * NEXT_MS)
    expect(alarmsIn(lab)[0]).toContain('state-corrupt lb3')
    lab.cluster.heal('lb3')
    await lab.cluster.sendSnapshot('lb1', 'lb3')
    await lab.timers.advance(NEXT_MS)
    expect(alarmsIn(lab)).toEqual([[], [], []])
    expect(lab.get('lb3').events()).toContain('state-agrees')
    expect(lab.get('lb3').node.muteness).toBe('')
  })

  it('are compared at one index while changes go on', async () => {
    const lab = await NodeLab.start()
    lab.cluster.diverge('lb1', OTHER)
    let weight = 0
    for (let ms = 0; ms < NEXT_MS; ms += 100) {
      await lab.get('lb2').node.setServer('app', 'a', { weight: ++weight % 256 }, 'me')
      await lab.timers.advance(100)
    }
    const alarm = ['state-corrupt lb1']
    expect(alarmsIn(lab)).toEqual([alarm, alarm, alarm])
  })

  it('of which one cannot be told are compared without it', async () => {
    const lab = await NodeLab.start()
    lab.cluster.cut('lb3')
    lab.cluster.diverge('lb2', OTHER)
    await lab.get('lb1').node.setServer('app', 'a', { weight: 4 }, 'me')
    await lab.timers.advance(NEXT_MS)
    const corrupt = alarmsIn(lab)[0]?.filter((one) => one.startsWith('state-corrupt'))
    // Of two, nobody knows who is right.
    expect(corrupt).toEqual(['state-corrupt lb1', 'state-corrupt lb2'])
  })
})
