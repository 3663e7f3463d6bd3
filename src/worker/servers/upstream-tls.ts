import type { TrafficTlsConfig } from '../../model/outgoing-tls.ts'
import type { PlannedOutgoingTls } from '../../model/plan.ts'
import { ClientSessions } from '../../net/tls/client-sessions.ts'
import type {
  ClientTlsContexts,
  ClientTlsSettings,
  ClientTlsTerms,
} from '../../net/tls/client-tls.ts'

/**
 * The names that the expressions of `sni` give for one session or request, by the expression as it
 * is written; null: it gives none.
 */
export type ServerNames = ReadonlyMap<string, string | null>

/** TLS of the traffic to one server, in one worker: its terms, and the sessions that may be resumed. */
export class UpstreamTls {
  readonly #plan: PlannedOutgoingTls
  readonly #traffic: TrafficTlsConfig
  readonly #terms: ClientTlsTerms
  readonly #sessions: ClientSessions | null
  /** Where every connection asks for the same name. */
  #standard: ClientTlsSettings | null = null

  constructor(plan: PlannedOutgoingTls, traffic: TrafficTlsConfig, contexts: ClientTlsContexts) {
    this.#plan = plan
    this.#traffic = traffic
    this.#terms = contexts.of(plan)
    this.#sessions = traffic.reusesSessions ? new ClientSessions() : null
  }

  /** Connections of the one are as good as those of the other. */
  isSameAs({ plan, trafficTls, contexts }: OtherTls): boolean {
    return (
      contexts.of(plan) === this.#terms &&
      plan.verify === this.#plan.verify &&
      plan.verifyHost === this.#plan.verifyHost &&
      trafficTls.reusesSessions === this.#traffic.reusesSessions &&
      trafficTls.alpn.join() === this.#traffic.alpn.join() &&
      JSON.stringify(trafficTls.sni) === JSON.stringify(this.#traffic.sni)
    )
  }

  /** Connections may ask for different names, so that one is not as good as another. */
  get asksByExpression(): boolean {
    return this.#traffic.sni?.kind === 'expression'
  }

  /** The name that a session or request asks for. */
  nameFor(names: ServerNames | null): string | null {
    const { sni } = this.#traffic
    if (sni === null) return null
    return sni.kind === 'name' ? sni.name : (names?.get(sni.text) ?? null)
  }

  /** @throws what OpenSSL has against a certificate, a key or a list */
  settingsFor(names: ServerNames | null): ClientTlsSettings {
    if (this.#standard !== null) return this.#standard
    const serverName = this.nameFor(names)
    const settings = {
      context: this.#terms.context,
      verify: this.#plan.verify,
      serverName,
      certificateName: this.#plan.verifyHost ?? serverName,
      alpn: this.#traffic.alpn,
      sessions: this.#sessions,
    }
    if (!this.asksByExpression) this.#standard = settings
    return settings
  }
}

/** What TLS of a server is compared with. */
interface OtherTls {
  readonly plan: PlannedOutgoingTls
  readonly trafficTls: TrafficTlsConfig
  readonly contexts: ClientTlsContexts
}
