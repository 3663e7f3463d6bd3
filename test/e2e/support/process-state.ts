import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { constants } from 'node:os'

/** The kernel's number of a socket that is listened on. */
const LISTEN = '0A'

/** Whether a process handles a signal by itself, as Linux tells it (proc(5), `SigCgt`). */
export function catches(pid: number, signal: NodeJS.Signals): boolean {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1')
  const [, caught = '0'] = /^SigCgt:\s*([0-9a-f]+)$/m.exec(status) ?? []
  return ((BigInt(`0x${caught}`) >> BigInt(constants.signals[signal] - 1)) & 1n) === 1n
}

/** TCP ports that a process listens on. */
export function listeningPorts(pid: number): number[] {
  const own = new Set<string>()
  for (const fd of readdirSync(`/proc/${pid}/fd`)) {
    const [, inode] = /^socket:\[(\d+)\]$/.exec(linkAt(`/proc/${pid}/fd/${fd}`)) ?? []
    if (inode !== undefined) own.add(inode)
  }
  const rows = ['tcp', 'tcp6'].flatMap((table) =>
    readFileSync(`/proc/${pid}/net/${table}`, 'latin1').trimEnd().split('\n').slice(1),
  )
  return rows.flatMap((row) => {
    const fields = row.trim().split(/ +/)
    const [, local = '', , state] = fields
    if (state !== LISTEN || !own.has(fields[9] ?? '')) return []
    return [Number.parseInt(local.slice(local.lastIndexOf(':') + 1), 16)]
  })
}

/** Where a link leads; '' when it is gone meanwhile. */
function linkAt(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}
