import { createHash, timingSafeEqual } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { BlockList, isIPv4, isIPv6 } from 'node:net'
import { SluiceError } from '../errors.ts'
import type { Address } from '../model/address.ts'

const LOOPBACK = new BlockList()
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4')
LOOPBACK.addAddress('::1', 'ipv6')

/** Whether only users of this host can connect to an address. */
export function isLocalOnly(address: Address): boolean {
  if (address.kind === 'unix' || address.host === 'localhost') return true
  if (isIPv4(address.host)) return LOOPBACK.check(address.host, 'ipv4')
  return isIPv6(address.host) && LOOPBACK.check(address.host, 'ipv6')
}

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
