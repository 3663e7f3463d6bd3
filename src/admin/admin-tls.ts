import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import type { SecureContext, TLSSocket } from 'node:tls'
import { nodeTls } from '../base/host/late-modules.ts'
import { type BindTlsSettings, TICKET_KEY_BYTES } from '../model/bind-tls.ts'
import type { PlannedCertificate } from '../model/plan.ts'
import { CertificateChoice } from '../net/tls/certificate-choice.ts'
import { serverContext } from '../net/tls/server-tls.ts'

/** How long a session of the admin address may be resumed; HAProxy's tune.ssl.lifetime. */
const SESSION_SECONDS = 300

/** What a session of another address cannot be resumed by. */
const SCOPE = 'admin'

/** TLS of the admin address: by the certificates that it has at the moment of a handshake. */
export class AdminTls {
  readonly #settings: BindTlsSettings
  /** Of this address alone: its few clients begin a session anew at another node. */
  readonly #ticketKey = randomBytes(TICKET_KEY_BYTES)
  #certificates: readonly PlannedCertificate[]
  #choice: CertificateChoice<PlannedCertificate>
  /** By what they show. */
  #contexts = new Map<readonly PlannedCertificate[], SecureContext>()

  /** @param certificates that TLS can use; one at least */
  constructor(settings: BindTlsSettings, certificates: readonly PlannedCertificate[]) {
    this.#settings = settings
    this.#certificates = certificates
    this.#choice = new CertificateChoice(certificates)
  }

  /** Those that clients are shown. */
  get certificates(): readonly PlannedCertificate[] {
    return this.#certificates
  }

  /** Shows others from now on; connections that are there stay as they are. */
  renew(certificates: readonly PlannedCertificate[]): void {
    this.#certificates = certificates
    this.#choice = new CertificateChoice(certificates)
    this.#contexts = new Map()
  }

  /** Speaks TLS on a connection that was accepted: `secure` is emitted once it is complete. */
  accept(socket: Socket): TLSSocket {
    const { TLSSocket } = nodeTls()
    return new TLSSocket(socket, {
      isServer: true,
      secureContext: this.#contextOf(this.#choice.standard),
      SNICallback: (name, done) => {
        const shown = this.#choice.named(name.toLowerCase()) ?? this.#choice.standard
        done(null, this.#contextOf(shown))
      },
    })
  }

  #contextOf(certificates: readonly PlannedCertificate[]): SecureContext {
    const known = this.#contexts.get(certificates)
    if (known !== undefined) return known
    const sessions = { ticketKey: this.#ticketKey, scope: SCOPE, lifetimeSeconds: SESSION_SECONDS }
    const settings = { ...this.#settings, clients: null }
    const context = serverContext(settings, certificates, sessions)
    this.#contexts.set(certificates, context)
    return context
  }
}
