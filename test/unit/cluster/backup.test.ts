import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { type BackupHead, decodeBackup, encodeBackup } from '../../../src/cluster/backup.ts'
import { NodeLab, request } from './node-lab.ts'
import { activation, openLab } from './state-machine/command-lab.ts'

const ORIGIN: Omit<BackupHead, 'format'> = {
  clusterId: 'c0ffee',
  node: 'lb1',
  time: '2026-01-02T03:04:05.000Z',
  epoch: 4,
  index: 120,
  linearizable: true,
}

function stateOf(text: string): Uint8Array {
  const { machine, apply } = openLab()
  apply(activation(0, text))
  return machine.snapshot()
}

const BACKUP = encodeBackup(ORIGIN, stateOf('a: 1\nb: "ü"\n'))

/** What another program would write: right in all but what it means. */
function written(head: object | string, state: object | string): Uint8Array {
  const lines = [head, state].map((line) =>
    typeof line === 'string' ? line : JSON.stringify(line),
  )
  const content = `${lines.join('\n')}\n`
  return Buffer.from(`${content}sha256 ${createHash('sha256').update(content).digest('hex')}\n`)
}

const lines = Buffer.from(BACKUP).toString().split('\n')
const HEAD = JSON.parse(lines[0] ?? '') as BackupHead
const STATE = JSON.parse(lines[1] ?? '') as object

describe('a backup', () => {
  it('gives back what was put in', () => {
    const { head, state } = decodeBackup(BACKUP)
    expect(head).toEqual({ format: 1, ...ORIGIN })
    expect(Buffer.from(state)).toEqual(Buffer.from(stateOf('a: 1\nb: "ü"\n')))
    expect(decodeBackup(written(HEAD, STATE)).head).toEqual(HEAD)
  })

  it('that was cut anywhere is damaged', () => {
    for (let length = 0; length < BACKUP.length; length++) {
      expect(() => decodeBackup(BACKUP.subarray(0, length))).toThrow(
        expect.objectContaining({ code: 'backup-damaged' }),
      )
    }
  })

  it('of which one bit is another is damaged', () => {
    for (let at = 0; at < BACKUP.length; at++) {
      const altered = BACKUP.slice()
      altered[at] = (altered[at] ?? 0) ^ (1 << (at % 8))
      expect(() => decodeBackup(altered)).toThrow(
        expect.objectContaining({ code: 'backup-damaged' }),
      )
    }
  })

  it.each([
    ['more behind it', Buffer.concat([BACKUP, Buffer.from('\n')])],
    ['a head that is none', written('sluice', STATE)],
    ['a head that lacks something', written({ ...HEAD, node: undefined }, STATE)],
    ['a head of no format', written({ ...HEAD, format: 0 }, STATE)],
    ['a state that is none', written(HEAD, { format: 1 })],
  ])('with %s is damaged', (_, bytes) => {
    expect(() => decodeBackup(bytes)).toThrow(expect.objectContaining({ code: 'backup-damaged' }))
  })

  it.each([
    ['the file', written({ format: 2, anything: true }, 'else')],
    ['the state', written(HEAD, { ...STATE, format: 99 })],
  ])('in a newer format of %s says so', (_, bytes) => {
    expect(() => decodeBackup(bytes)).toThrow(expect.objectContaining({ code: 'backup-newer' }))
  })
})

describe('a node', () => {
  it('backs up all that was acknowledged anywhere before', async () => {
    const lab = await NodeLab.start()
    await lab.get('lb1').node.applyConfig(request('app majority: a b c\n'))
    await lab.get('lb3').node.setServer('app', 'c', { weight: 7 }, 'me')
    const { head, state } = decodeBackup(await lab.get('lb2').node.backUp(false))
    expect(head).toMatchObject({ clusterId: 'c1', node: 'lb2', linearizable: true })
    expect(head.index).toBe(lab.cluster.length)
    expect(Date.parse(head.time)).toBe(lab.timers.wallMs())
    const restored = openLab().machine
    restored.restore(state)
    expect(restored.state).toEqual(lab.get('lb1').node.state())
  })

  it('without a quorum backs up what it knows, and only when it is asked for that', async () => {
    const lab = await NodeLab.start()
    lab.cluster.cut('lb3')
    await lab.get('lb1').node.applyConfig(request('app majority: a b c\n'))
    const { node } = lab.get('lb3')
    await expect(node.backUp(false)).rejects.toMatchObject({ code: 'no-quorum' })
    const { head, state } = decodeBackup(await node.backUp(true))
    expect(head).toMatchObject({ node: 'lb3', linearizable: false })
    const restored = openLab().machine
    restored.restore(state)
    expect(restored.state.activeVersion).toBe(1)
  })

  it('backs up nothing where it has learnt nothing since its start', async () => {
    const lab = await NodeLab.start()
    await lab.get('lb3').node.stop()
    lab.cluster.cut('lb3')
    const { node } = await lab.startNode('lb3')
    await expect(node.backUp(true)).rejects.toMatchObject({ code: 'no-quorum' })
  })
})
