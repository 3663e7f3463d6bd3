import { createHash } from 'node:crypto'
import { inSlices, type Steps } from '../../base/work-slices.ts'
import type { Config } from '../../model/config.ts'

/**
 * SHA-256, hexadecimal, of what is the cluster's: the sections that are the node's own do not count.
 * Made in slices, for 10,000 servers take 70 ms.
 */
export function digestOf(config: Config): Promise<string> {
  return inSlices(hashing(config))
}

function* hashing({ frontends, backends }: Config): Steps<string> {
  const hash = createHash('sha256').update(JSON.stringify(frontends))
  for (const backend of backends) {
    hash.update(JSON.stringify(backend))
    yield
  }
  return hash.digest('hex')
}
