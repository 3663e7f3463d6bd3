import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { warnOfReadableSecrets } from '../../../../src/supervisor/preparation/secret-files.ts'
import type { DaemonLog } from '../../../../src/telemetry/daemon-log.ts'
import { configOf } from '../../config/loading.ts'

it.each([
  [0o644, true],
  [0o640, true],
  [0o604, true],
  [0o600, false],
  [0o400, false],
])('a secret with mode %o is warned of: %s', (mode, isWarned) => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-secrets-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const file = (name: string): string => {
    const path = join(folder, name)
    writeFileSync(path, 'a secret that nobody may read, of more than 32 bytes')
    chmodSync(path, mode)
    return path
  }
  const [token, named, secret] = [file('token'), file('named'), file('secret')]
  const config = configOf(`
admin: {token-file: ${token}, tokens: {ours: {file: ${named}, level: read}}}
cluster:
  node: a
  peers: {a: "127.0.0.1:7400"}
  data-dir: ${folder}
  secret-file: ${secret}
frontends: {web: {bind: "127.0.0.1:8080"}}
`)
  const warned: string[] = []
  const log = { warn: (event: string, message: string) => void warned.push(`${event} ${message}`) }
  warnOfReadableSecrets(config, log as unknown as DaemonLog)
  expect(warned).toHaveLength(isWarned ? 3 : 0)
  for (const [n, path] of [token, named, secret].entries()) {
    if (isWarned) expect(warned[n]).toMatch(new RegExp(`^secret-readable .*chmod 600 ${path}$`))
  }
  expect(warned.join()).not.toContain('nobody may read')
})
