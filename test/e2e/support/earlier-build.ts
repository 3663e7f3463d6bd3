import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const BUILDS = fileURLToPath(new URL('../../fixtures/builds', import.meta.url))
/** Inside of the packages that a build has outside of itself, where Node finds them from. */
const CACHE = fileURLToPath(new URL('../../../node_modules/.cache/sluice-builds', import.meta.url))

/**
 * Unpacks an earlier build of Sluice that is kept beside the tests: what `npm run build` made of a
 * commit, without maps. A clone without history has it too.
 *
 * @param commit as in the file's name
 * @returns its command, for {@link DaemonOptions.command}
 */
export function earlierBuild(commit: string): string {
  const folder = join(CACHE, commit)
  if (!existsSync(folder)) {
    mkdirSync(CACHE, { recursive: true })
    // Another test may unpack it in the same moment: who is done first wins.
    const own = mkdtempSync(join(CACHE, 'new-'))
    execFileSync('tar', ['-xzf', join(BUILDS, `sluice-${commit}.tar.gz`), '-C', own])
    try {
      renameSync(own, folder)
    } catch {
      rmSync(own, { recursive: true })
    }
  }
  return join(folder, 'bin', 'sluice')
}
