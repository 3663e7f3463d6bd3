import type { IncomingMessage } from 'node:http'
import { type InetAddress, isLoopback } from '../base/address.ts'
import { SluiceError } from '../base/errors.ts'

/** Names under which this host reaches itself. */
const LOOPBACK_HOSTS = ['localhost', '127.0.0.1', '[::1]']

const AUTHORITY = /^(?<host>\[[0-9a-f:.]+\]|[^:[\]]+)(?::\d{1,5})?$/i

/**
 * Keeps the web pages that a browser on this host shows away from the admin address: a browser can
 * be made to ask any address that its host reaches.
 *
 * - A page of another site is known by its `Origin` (RFC 6454 section 7), which a browser sends
 *   with every request that can change something.
 * - A page whose name was made to point at this host (DNS rebinding) is known by its name in
 *   `Host`, which a page cannot choose. Where the address is not loopback the token does that.
 */
export class RequestGuard {
  /** Lower case, without port; null: any. */
  readonly #hosts: ReadonlySet<string> | null

  readonly #scheme: string

  /**
   * @param bind the admin address; null: there is none to keep anybody away from
   * @param isSecured it speaks TLS, where a browser goes by the name on the certificate
   */
  constructor(bind: InetAddress | null, isSecured = false) {
    const isNamed = bind !== null && isLoopback(bind) && !isSecured
    this.#hosts = isNamed ? hostsOf(bind.host) : null
    this.#scheme = isSecured ? 'https' : 'http'
  }

  /**
   * @param isOpen the path tells no secret and changes nothing: any `Host` will do, as probes and
   *   scrapers send it
   * @throws SluiceError `host-refused`, `origin-refused`
   */
  check(request: IncomingMessage, isOpen: boolean): void {
    const host = hostIn(request)
    if (!isOpen && this.#hosts !== null) {
      const name = AUTHORITY.exec(host)?.groups?.['host']?.toLowerCase() ?? ''
      if (!this.#hosts.has(name)) {
        throw new SluiceError('host-refused', `${host || 'no host'} is not this admin address`)
      }
    }
    const { origin } = request.headers
    if (origin === undefined) return
    if (host === '' || origin.toLowerCase() !== `${this.#scheme}://${host.toLowerCase()}`) {
      throw new SluiceError('origin-refused', `pages of ${origin} may not use this admin address`)
    }
  }
}

/** The one `Host` of a request, or ''. Of several it is not known which one another reader takes. */
function hostIn(request: IncomingMessage): string {
  const hosts = request.headersDistinct['host'] ?? []
  if (hosts.length > 1) throw new SluiceError('host-refused', 'the request has more than one Host')
  return hosts[0] ?? ''
}

function hostsOf(bindHost: string): Set<string> {
  const bound = bindHost.includes(':') ? `[${bindHost}]` : bindHost
  return new Set([...LOOPBACK_HOSTS, bound.toLowerCase()])
}
