import { describe, expect, it } from 'vitest'
import { NodeLab } from '../node-lab.ts'

const NAMES = ['lb1', 'lb2', 'lb3'] as const
const ROTATION_MS = 60_000
/** By then every node has asked its leader again. */
const ASKED_MS = 12_000

function keysOf(lab: NodeLab, names: readonly string[] = NAMES): string[] {
  return names.map((name) => lab.get(name).ticketKeys.text)
}

describe('the keys of session tickets', () => {
  it('are those of the leader on every node, from the start and after each rotation', async () => {
    const lab = await NodeLab.start()
    expect(keysOf(lab)).toEqual(Array(3).fill('lb1#1 0'))
    for (let rotation = 1; rotation <= 3; rotation++) {
      await lab.timers.advance(ROTATION_MS)
      expect(keysOf(lab)[0]).toBe(`lb1#1 ${rotation}`)
      await lab.timers.advance(ASKED_MS)
      expect(keysOf(lab)).toEqual(Array(3).fill(`lb1#1 ${rotation}`))
    }
  })

  it('stay when another leads, which rotates them then', async () => {
    const lab = await NodeLab.start()
    lab.cluster.lead('lb2')
    await lab.timers.advance(ROTATION_MS)
    await lab.timers.advance(ASKED_MS)
    expect(keysOf(lab)).toEqual(Array(3).fill('lb1#1 1'))
  })

  it('are handed to a node that starts anew, and so to one that leads at once', async () => {
    const lab = await NodeLab.start()
    await lab.get('lb3').node.stop()
    await lab.startNode('lb3')
    await lab.timers.advance(2_000)
    expect(keysOf(lab, ['lb3'])).toEqual(['lb1#1 0'])
    await lab.get('lb1').node.stop()
    await lab.startNode('lb1')
    await lab.timers.advance(2_000)
    expect(keysOf(lab)).toEqual(Array(3).fill('lb1#1 0'))
  })

  it('are rotated by each node alone that hears of no leader, and shared again afterwards', async () => {
    const lab = await NodeLab.start()
    lab.cluster.cut('lb3')
    await lab.timers.advance(3 * ROTATION_MS)
    expect(lab.get('lb3').ticketKeys.rotations).toBeGreaterThanOrEqual(2)
    lab.get('lb3').ticketKeys.name = 'its own'
    lab.cluster.heal('lb3')
    await lab.timers.advance(ASKED_MS)
    expect(keysOf(lab)).toEqual(Array(3).fill('lb1#1 3'))
  })

  it('are never proposed', async () => {
    const lab = await NodeLab.start()
    const { length } = lab.cluster
    await lab.timers.advance(5 * ROTATION_MS)
    expect(lab.cluster.length).toBe(length)
    expect(lab.get('lb1').ticketKeys.rotations).toBe(5)
  })
})
