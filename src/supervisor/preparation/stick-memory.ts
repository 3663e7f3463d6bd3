import { randomInt } from 'node:crypto'
import { reserveStickTable } from '../../memory/stick-table.ts'
import type { BackendConfig } from '../../model/config.ts'
import type { Plan } from '../../model/plan.ts'

const SEEDS = 2 ** 32

/**
 * The memory of a backend's stick table: what it has in the present plan, while type and size stay
 * the same, so that clients keep their servers over a reload; else an empty one.
 *
 * @param previous null at the start
 * @returns null where the backend has no table
 */
export function stickMemoryOf(
  { name, persistence }: BackendConfig,
  previous: Plan | null,
): SharedArrayBuffer | null {
  const table = persistence?.stickTable ?? null
  if (table === null) return null
  const before = previous?.backends.find((backend) => backend.name === name)
  const known = before?.persistence?.stickTable
  const isSame =
    known?.type === table.type &&
    known.keyBytesMax === table.keyBytesMax &&
    known.entriesMax === table.entriesMax
  const kept = isSame ? before?.stickMemory : null
  return kept ?? reserveStickTable(table.entriesMax, randomInt(SEEDS))
}
