import { createHash } from 'node:crypto'
import { WorkSlices } from '../../base/work-slices.ts'
import type { Config } from '../../model/config.ts'

/**
 * SHA-256, hexadecimal, of what is the cluster's: the sections that are the node's own do not count.
 * Made in slices, for 10,000 servers take 70 ms.
 */
export async function digestOf({ frontends, backends }: Config): Promise<string> {
  const slices = new WorkSlices()
  const hash = createHash('sha256').update(JSON.stringify(frontends))
  for (const backend of backends) {
    hash.update(JSON.stringify(backend))
    if (slices.isOver) await slices.next()
  }
  return hash.digest('hex')
}
