import { type Stats, statSync } from 'node:fs'
import type { Config } from '../../model/config.ts'
import type { DaemonLog } from '../../telemetry/daemon-log.ts'

/** Permission bits by which others than the owner of a file can read it. */
const READABLE_BY_OTHERS = 0o044

/**
 * Warns of each file with a secret of the node that other accounts of this host can read, as ssh(1)
 * refuses such a key. What cannot be read at all is told of by who needs it.
 */
export function warnOfReadableSecrets({ admin, cluster }: Config, log: DaemonLog): void {
  const paths = [
    admin.tokenFile,
    ...admin.tokens.map(({ file }) => file),
    cluster?.secretFile ?? null,
    cluster?.tls?.keyFile ?? null,
  ]
  for (const path of new Set(paths)) {
    if (path === null) continue
    const mode = modeOf(path)
    if ((mode & READABLE_BY_OTHERS) === 0) continue
    const shown = (mode & 0o777).toString(8)
    const message = `other accounts can read ${path} (mode ${shown}): chmod 600 ${path}`
    log.warn('secret-readable', message, { path, mode: shown })
  }
}

function modeOf(path: string): number {
  let file: Stats
  try {
    file = statSync(path)
  } catch {
    return 0
  }
  // A device such as /dev/null keeps nothing.
  return file.isFile() ? file.mode : 0
}
