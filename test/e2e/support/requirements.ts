import { spawnSync } from 'node:child_process'
import type { TestContext } from 'vitest'
import { postgresqlPrograms } from './postgresql.ts'

/** What a test may need beyond Node and npm: a program, the rights of root, or Linux. */
export type Requirement =
  | 'root'
  | 'linux'
  | 'wrk'
  | 'haproxy'
  | 'nginx'
  | 'curl'
  | 'ab'
  | 'chromium'
  | 'slowhttptest'
  | 'redis-server'
  | 'postgresql'
  | 'mariadbd'
  | 'openssl'
  | 'nghttp'
  | 'h2load'
  | 'nghttpd'

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
  if (need === 'linux') return process.platform === 'linux'
  if (need === 'postgresql') return postgresqlPrograms() !== null
  return spawnSync('which', [need]).status === 0
}
