import type { SecureContext } from 'node:tls'
import type { PlannedCertificate, PlannedTls } from '../../model/plan.ts'
import { CertificateChoice } from '../../net/tls/certificate-choice.ts'
import type { ClientHello } from '../../net/tls/client-hello.ts'
import { type ServerTlsSettings, serverContext } from '../../net/tls/server-tls.ts'

/**
 * The TLS contexts that the binds of a plan use, each made when a client first needs it and kept
 * over plans: to make one takes a millisecond, and a config may name thousands of certificates.
 * What two plans in a row have not used is let go.
 */
export class ServerContexts {
  readonly #ticketKeys: Uint8Array
  readonly #made = new Map<string, SecureContext>()
  #before: ReadonlyMap<string, SecureContext>

  /** @param previous those of the plan before */
  constructor(ticketKeys: Uint8Array, previous: ServerContexts | null) {
    this.#ticketKeys = ticketKeys
    this.#before = previous === null ? new Map() : previous.#made
  }

  /** @param certificates one of a kind of key */
  of(tls: PlannedTls, certificates: readonly PlannedCertificate[]): SecureContext {
    const { certificates: _, alpn: __, strictSni: ___, ...settings } = tls
    const identity = JSON.stringify([settings, certificates])
    const known = this.#made.get(identity)
    if (known !== undefined) return known
    const context =
      this.#before.get(identity) ?? serverContext(settings, certificates, this.#ticketKeys)
    this.#made.set(identity, context)
    return context
  }
}

/** How the clients of one bind are answered, by what they ask for. */
export class BindTls {
  readonly #tls: PlannedTls
  readonly #contexts: ServerContexts
  readonly #choice: CertificateChoice<PlannedCertificate>
  readonly #made = new Map<readonly PlannedCertificate[], SecureContext>()

  constructor(tls: PlannedTls, contexts: ServerContexts) {
    this.#tls = tls
    this.#contexts = contexts
    this.#choice = new CertificateChoice(tls.certificates)
  }

  /** Null: there is no certificate for it (`strict-sni`). */
  settingsFor({ serverName, alpn: offered }: ClientHello): ServerTlsSettings | null {
    const { strictSni, alpn } = this.#tls
    const named = this.#choice.named(serverName)
    if (named === null && strictSni) return null
    // As in HAProxy, a client that offers nothing which is spoken here goes on without ALPN.
    const protocol = alpn.find((one) => offered.includes(one)) ?? null
    return { context: this.#contextOf(named ?? this.#choice.standard), alpn: protocol, serverName }
  }

  #contextOf(certificates: readonly PlannedCertificate[]): SecureContext {
    const known = this.#made.get(certificates)
    if (known !== undefined) return known
    const context = this.#contexts.of(this.#tls, certificates)
    this.#made.set(certificates, context)
    return context
  }
}
