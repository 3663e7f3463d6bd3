import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from './temporary-folder.ts'

/** A process that finds host names in a file of its own alone. */
export interface PrivateHosts {
  /** For `startDaemon`. Needs root and Linux: the process has a mount namespace of its own. */
  readonly launcher: readonly [string, ...string[]]
  /** Sets all names that are found, from the next look-up on. */
  readonly set: (addresses: Readonly<Record<string, string>>) => void
}

/** Mounts the two files that are given over those of the system, and becomes the command. */
const MOUNT = `mount --bind "$0" /etc/hosts && mount --bind "$1" /etc/nsswitch.conf && shift && exec "$@"`

/** Makes an empty file of hosts. */
export function privateHosts(): PrivateHosts {
  const folder = temporaryFolder()
  const hosts = join(folder, 'hosts')
  const order = join(folder, 'nsswitch.conf')
  // No other source is asked, so that a name that is not there is not found at once.
  writeFileSync(order, 'hosts: files\n')
  const set: PrivateHosts['set'] = (addresses) => {
    const lines = Object.entries(addresses).map(([name, address]) => `${address} ${name}\n`)
    writeFileSync(hosts, lines.join(''))
  }
  set({})
  return { launcher: ['unshare', '--mount', 'sh', '-c', MOUNT, hosts, order], set }
}
