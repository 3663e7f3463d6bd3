import { createHash, timingSafeEqual } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { SluiceError } from '../errors.ts'

/** The one token that opens the admin address (RFC 6750 section 2.1). */
export class BearerToken {
  readonly #digest: Buffer

  constructor(token: string) {
    this.#digest = digestOf(token)
  }

  /**
   * Whether a request brings the token. Takes the same time whatever is wrong with it.
   *
   * @param authorization value of the request's `Authorization` header
   */
  isIn(authorization: string | undefined): boolean {
    const [, token = ''] = /^bearer +(\S+)$/i.exec(authorization ?? '') ?? []
    return timingSafeEqual(digestOf(token), this.#digest)
  }
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}

/**
 * Reads a token from its file; white space around it does not count.
 *
 * @throws SluiceError `config-unreadable`
 */
export function readTokenFile(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch (error) {
    throw new SluiceError('config-unreadable', `cannot read the token file ${path}`, error)
  }
}
