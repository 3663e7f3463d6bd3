import { Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { ConnectionSlots } from '../../../src/admin/connection-slots.ts'

function sockets(slots: ConnectionSlots, count: number): Socket[] {
  return Array.from({ length: count }, () => {
    const socket = new Socket()
    slots.add(socket)
    return socket
  })
}

function cut(all: readonly Socket[]): number[] {
  return all.flatMap((socket, n) => (socket.destroyed ? [n] : []))
}

describe('where all places are taken', () => {
  it('the oldest that has proven nothing yields', () => {
    const slots = new ConnectionSlots(4, 2)
    const [first, ...rest] = sockets(slots, 4)
    slots.move(first as Socket, 'idle')
    const later = sockets(slots, 2)
    expect([first?.destroyed, cut(rest), cut(later)]).toEqual([false, [0, 1], []])
  })

  it('then the oldest that is idle, then the oldest probe, and never one that asks', () => {
    const slots = new ConnectionSlots(4, 3)
    const all = sockets(slots, 4)
    const stages = ['asking', 'probing', 'idle', 'asking'] as const
    for (const [n, stage] of stages.entries()) slots.move(all[n] as Socket, stage)
    const [third] = sockets(slots, 1)
    expect(cut(all)).toEqual([2])
    slots.move(third as Socket, 'asking')
    sockets(slots, 1)
    expect(cut(all)).toEqual([1, 2])
  })

  it('probes and new ones have a share that those who ask cannot take', () => {
    const slots = new ConnectionSlots(3, 2)
    const all = sockets(slots, 3)
    expect(all.map((socket) => slots.move(socket, 'asking'))).toEqual([true, true, false])
    expect(slots.move(all[2] as Socket, 'probing')).toBe(true)
    const more = sockets(slots, 5)
    expect([cut(all), cut(more)]).toEqual([[2], [0, 1, 2, 3]])
  })
})

it('a place is free again once its connection is closed', async () => {
  const slots = new ConnectionSlots(2, 1)
  const [first] = sockets(slots, 2)
  await new Promise((resolve) => first?.once('close', resolve).destroy())
  expect(cut(sockets(slots, 1))).toEqual([])
})
