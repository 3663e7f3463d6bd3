import { spawnSync } from 'node:child_process'
import type { TestContext } from 'vitest'

/** What a test may need beyond Node and npm: a program, or the rights of root. */
export type Requirement = 'root' | 'wrk' | 'haproxy' | 'nginx' | 'curl'

/**
 * For `beforeEach`: where something is missing the tests are skipped and say why. With
 * `SLUICE_TEST_STRICT=1`, as in CI, they fail instead.
 */
export function requires(...needs: readonly Requirement[]): (context: TestContext) => void {
  return (context) => {
    const missing = needs.filter((need) => !isMet(need))
    if (missing.length === 0) return
    const reason = `needs ${missing.join(' and ')}`
    if (process.env['SLUICE_TEST_STRICT'] === '1') throw new Error(reason)
    console.warn(`skipped, ${reason}: ${context.task.name}`)
    context.skip(reason)
  }
}

function isMet(need: Requirement): boolean {
  if (need === 'root') return process.getuid?.() === 0
  return spawnSync('which', [need]).status === 0
}
