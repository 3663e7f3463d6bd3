import { describe, expect, it } from 'vitest'
import { DEFECTS, partsWith } from './defects.ts'
import { patchedSources } from './patched-sources.ts'
import { simulate } from './simulation.ts'

/** @returns the first violation, and the seed that has it */
function find(
  parts: Parameters<typeof simulate>[1],
  seedFirst: number,
  seedsMax: number,
): string | null {
  for (let seed = seedFirst; seed <= seedsMax; seed += 1) {
    const { violation } = simulate(seed, parts)
    if (violation !== null) return violation
  }
  return null
}

describe('the judges', () => {
  it.each(DEFECTS)('find that $name', async (defect) => {
    const parts = await partsWith(defect)
    const violation = find(parts, defect.seedFirst ?? 1, defect.seedsMax)
    expect(violation).not.toBeNull()
    expect(violation).not.toMatch(/^unexpected/)
    expect(violation).toMatch(defect.expected)
  })

  it('find nothing where nothing is changed', async () => {
    const sources = await patchedSources([])
    for (let seed = 1; seed <= 20; seed += 1) {
      const parts = { ...(await partsWith({ name: '', expected: /./, seedsMax: 1 })), ...sources }
      expect(simulate(seed, parts)).toEqual(simulate(seed))
    }
  })

  it('take no patch that does not fit', async () => {
    const patch = { file: 'driver/driver.ts', find: 'nothing of the kind', replace: '' }
    await expect(patchedSources([patch])).rejects.toThrow('has 0 places for the defect')
    await expect(patchedSources([{ ...patch, file: 'none.ts' }])).rejects.toThrow('no file none.ts')
  })
})
