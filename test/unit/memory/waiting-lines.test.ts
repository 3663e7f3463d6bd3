import { setTimeout as after } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { ServerTable } from '../../../src/memory/server-table.ts'

const [BACKEND, SERVER, OTHER] = [3, 4, 5]

/** A table of two workers, and which of them were rung for since the last call. */
function listen(): { readonly table: ServerTable; readonly rung: () => Promise<number[]> } {
  const table = ServerTable.create(2)
  const workers: number[] = []
  for (const worker of [0, 1]) table.lines.onRing(worker, () => workers.push(worker))
  const rung = async (): Promise<number[]> => {
    await after(20)
    return workers.splice(0)
  }
  return { table, rung }
}

it('rings for a change of a server where somebody waits, and nowhere else', async () => {
  const { table, rung } = listen()
  const { lines } = table
  table.setWeight(SERVER, 7)
  expect(await rung()).toEqual([])
  const ticket = lines.join(1, BACKEND)
  lines.showFirst(1, BACKEND, ticket)
  table.setWeight(SERVER, 8)
  expect(await rung()).toEqual([1])
  // Another line of the same worker, and another first in it.
  lines.showFirst(1, OTHER, lines.join(1, OTHER))
  lines.showFirst(1, OTHER, lines.join(1, OTHER))
  lines.showFirst(1, OTHER, 0)
  table.setState(SERVER, 1)
  expect(await rung()).toEqual([1])
  lines.showFirst(1, BACKEND, 0)
  lines.showFirst(1, BACKEND, 0)
  table.setWeight(SERVER, 9)
  expect(await rung()).toEqual([])
})

it('forgets who waited in a worker that has died', async () => {
  const { table, rung } = listen()
  const { lines } = table
  lines.showFirst(0, BACKEND, lines.join(0, BACKEND))
  lines.showFirst(1, BACKEND, lines.join(1, BACKEND))
  lines.reclaim(0)
  expect(await rung()).toEqual([1])
  table.setWeight(SERVER, 1)
  expect(await rung()).toEqual([1])
})
