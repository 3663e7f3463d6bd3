import { plainHost } from '../host-port.ts'
import type { PeerAddress } from '../transport.ts'

/**
 * The addresses at which members are known to be: those that the peers' own addresses name, and
 * those from which peers have called that have proved who they are.
 */
export class MemberHosts {
  /** As configured or agreed on, by name; names of hosts are no address to compare. */
  #named = new Map<string, string>()
  /** Where each peer has called from last, by name. */
  readonly #proved = new Map<string, string>()

  /** Forgets all but these. */
  setPeers(peers: readonly PeerAddress[]): void {
    this.#named = new Map(peers.map(({ name, address }) => [name, hostOf(address)]))
    for (const name of this.#proved.keys()) if (!this.#named.has(name)) this.#proved.delete(name)
  }

  /** A peer that has proved who it is has called from here. */
  proved(name: string, address: string): void {
    if (this.#named.has(name)) this.#proved.set(name, hostOf(address))
  }

  /** Whether a member is known to be at a host. */
  has(host: string): boolean {
    const plain = plainHost(host)
    return [...this.#named.values(), ...this.#proved.values()].includes(plain)
  }
}

/** What cannot be called is no reason to fail: it gives a host that nobody calls from. */
function hostOf(address: string): string {
  const host = address.slice(0, Math.max(address.lastIndexOf(':'), 0))
  return plainHost(host.replace(/^\[(.*)\]$/, '$1'))
}
