import type { SecureContext } from 'node:tls'
import { assert } from '../../base/errors.ts'
import { nodeCrypto } from '../../base/host/late-modules.ts'
import { TICKET_KEY_NAME_BYTES, type TicketKeys } from '../../model/bind-tls.ts'
import type { PlannedCertificate, PlannedTls } from '../../model/plan.ts'
import { CertificateChoice } from '../../net/tls/certificate-choice.ts'
import type { ClientHello } from '../../net/tls/client-hello.ts'
import {
  type ServerContextSettings,
  type ServerTlsSettings,
  serverContext,
} from '../../net/tls/server-tls.ts'

/** Contexts that differ in certificates and settings, and have their ticket key in common. */
interface OfTicketKey {
  readonly key: Uint8Array
  readonly made: Map<string, SecureContext>
  /** Those of the plan before. */
  readonly before: ReadonlyMap<string, SecureContext>
}

/**
 * The TLS contexts that the binds of a plan use, each made when a client first needs it and kept
 * over plans: to make one takes a millisecond, and a config may name thousands of certificates.
 * What two plans in a row have not used is let go.
 *
 * A context has one ticket key (node:tls), and is chosen by the ticket that a client shows: so
 * tickets are opened by older keys too, while sessions that begin get tickets of the newest. What
 * resumes by an older key gets further tickets of that one, and ends with it.
 */
export class ServerContexts {
  readonly #lifetimeMs: number
  readonly #byKeyName = new Map<string, OfTicketKey>()
  #sealing: OfTicketKey

  /**
   * @param lifetimeMs for how long a session can be resumed
   * @param previous those of the plan before
   */
  constructor(keys: TicketKeys, lifetimeMs: number, previous: ServerContexts | null) {
    this.#lifetimeMs = lifetimeMs
    const before = previous === null ? new Map<string, OfTicketKey>() : previous.#byKeyName
    this.#sealing = this.#take(keys, before)
  }

  /** Seals and opens tickets by these from now on. */
  renewTicketKeys(keys: TicketKeys): void {
    const known = new Map(this.#byKeyName)
    this.#byKeyName.clear()
    this.#sealing = this.#take(keys, known)
  }

  /** @param ticketKeyNames of the tickets that the client shows */
  of(shown: Shown, ticketKeyNames: readonly string[]): SecureContext {
    const ofKey = this.#opening(ticketKeyNames)
    const known = ofKey.made.get(shown.identity)
    if (known !== undefined) return known
    const context = ofKey.before.get(shown.identity) ?? this.#make(shown, ofKey.key)
    ofKey.made.set(shown.identity, context)
    return context
  }

  #make({ settings, certificates, scope }: Shown, ticketKey: Uint8Array): SecureContext {
    const lifetimeSeconds = Math.floor(this.#lifetimeMs / 1_000)
    return serverContext(settings, certificates, { ticketKey, scope, lifetimeSeconds })
  }

  #opening(ticketKeyNames: readonly string[]): OfTicketKey {
    for (const name of ticketKeyNames) {
      const ofKey = this.#byKeyName.get(name)
      if (ofKey !== undefined) return ofKey
    }
    return this.#sealing
  }

  /** @returns what belongs to the key that seals */
  #take({ sealing, opening }: TicketKeys, known: ReadonlyMap<string, OfTicketKey>): OfTicketKey {
    for (const key of opening) {
      const name = nameOf(key)
      this.#byKeyName.set(name, {
        key,
        made: new Map(),
        before: known.get(name)?.made ?? new Map(),
      })
    }
    const ofKey = this.#byKeyName.get(nameOf(sealing))
    assert(ofKey !== undefined, 'the key that seals tickets opens none')
    return ofKey
  }
}

function nameOf(ticketKey: Uint8Array): string {
  return Buffer.from(ticketKey.subarray(0, TICKET_KEY_NAME_BYTES)).toString('latin1')
}

/** Certificates of a bind that a client may be shown, with what else makes a context. */
class Shown {
  readonly settings: ServerContextSettings
  readonly certificates: readonly PlannedCertificate[]
  /** Equal where the same context will do. */
  readonly identity: string
  /**
   * Where a session may be resumed that has begun here: wherever clients are let in on the same terms
   * and shown certificates of the same names. Otherwise one bind's trust in a client, or a client's in
   * a name, could be carried to another (CVE-2025-23419 of nginx was that).
   */
  readonly scope: string

  /** @param certificates one of a kind of key */
  constructor(tls: PlannedTls, certificates: readonly PlannedCertificate[]) {
    const { certificates: _, alpn: __, strictSni: ___, ...settings } = tls
    this.settings = settings
    this.certificates = certificates
    const names = certificates.map((one) => (one.names.length > 0 ? one.names : one.chain))
    this.identity = digestOf([settings, certificates])
    this.scope = digestOf([settings, names]).slice(0, SCOPE_LENGTH_MAX)
  }
}

/** Characters that OpenSSL takes of it (`SSL_MAX_SID_CTX_LENGTH`). */
const SCOPE_LENGTH_MAX = 32

function digestOf(value: unknown): string {
  return nodeCrypto().createHash('sha256').update(JSON.stringify(value)).digest('base64')
}

/** How the clients of one bind are answered, by what they ask for. */
export class BindTls {
  readonly #tls: PlannedTls
  readonly #contexts: ServerContexts
  readonly #choice: CertificateChoice<PlannedCertificate>
  readonly #shown = new Map<readonly PlannedCertificate[], Shown>()

  constructor(tls: PlannedTls, contexts: ServerContexts) {
    this.#tls = tls
    this.#contexts = contexts
    this.#choice = new CertificateChoice(tls.certificates)
  }

  /** Null: there is no certificate for it (`strict-sni`). */
  settingsFor(hello: ClientHello): ServerTlsSettings | null {
    const { serverName, alpn: offered, ticketKeyNames } = hello
    const { strictSni, alpn, clients } = this.#tls
    const named = this.#choice.named(serverName)
    if (named === null && strictSni) return null
    // As in HAProxy, a client that offers nothing which is spoken here goes on without ALPN.
    const protocol = alpn.find((one) => offered.includes(one)) ?? null
    const shown = this.#shownOf(named ?? this.#choice.standard)
    const context = this.#contexts.of(shown, ticketKeyNames)
    return { context, alpn: protocol, serverName, clients }
  }

  #shownOf(certificates: readonly PlannedCertificate[]): Shown {
    const known = this.#shown.get(certificates)
    if (known !== undefined) return known
    const shown = new Shown(this.#tls, certificates)
    this.#shown.set(certificates, shown)
    return shown
  }
}
