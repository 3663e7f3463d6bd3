import type { SecureContext } from 'node:tls'
import { nodeTls } from '../../base/host/late-modules.ts'

/** Contexts that are kept at once; a config hardly has more sets of authorities. */
const CONTEXTS_MAX = 64

/**
 * The TLS contexts of outgoing connections, one for each set of authorities: to read a set takes
 * milliseconds. One instance a thread.
 */
export class ClientTlsContexts {
  readonly #byAuthorities = new Map<string, SecureContext>()

  /** @param authorities certificates in PEM form that are trusted; '': none is, or all are */
  of(authorities: string): SecureContext {
    const known = this.#byAuthorities.get(authorities)
    if (known !== undefined) return known
    if (this.#byAuthorities.size >= CONTEXTS_MAX) this.#byAuthorities.clear()
    // Without a list the roots that Node.js brings would be trusted.
    const context = nodeTls().createSecureContext({ ca: authorities === '' ? [] : authorities })
    this.#byAuthorities.set(authorities, context)
    return context
  }
}
