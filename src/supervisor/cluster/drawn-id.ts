import { randomBytes } from 'node:crypto'

/** Drawn at random, so that no two are the same. */
const ID_BYTES = 8

/** Tells a node's data, or one of its runs, apart from all others of its name. */
export function drawnId(): string {
  return randomBytes(ID_BYTES).toString('hex')
}
