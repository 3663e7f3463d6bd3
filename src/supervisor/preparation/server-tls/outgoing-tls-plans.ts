import { isDeepStrictEqual } from 'node:util'
import type { OutgoingTlsConfig } from '../../../model/outgoing-tls.ts'
import type { Plan, PlannedAuthorities, PlannedOutgoingTls } from '../../../model/plan.ts'
import type { Gathered } from '../gathering.ts'

/**
 * Makes of what a config says of the TLS of servers what a plan says: servers that go by the same
 * have the same object, and where nothing has changed it is that of the plan before, so that workers
 * and checks need not look at certificates again. One instance a plan.
 */
export class OutgoingTlsPlans {
  readonly #gathered: Gathered
  readonly #previous: Plan | null
  readonly #made = new Map<string, PlannedOutgoingTls>()
  #before: PlannedOutgoingTls[] | null = null

  constructor(gathered: Gathered, previous: Plan | null) {
    this.#gathered = gathered
    this.#previous = previous
  }

  /** @param tls whose files are gathered; null gives null */
  of(tls: OutgoingTlsConfig | null): PlannedOutgoingTls | null {
    if (tls === null) return null
    const identity = JSON.stringify(tls)
    const known = this.#made.get(identity)
    if (known !== undefined) return known
    const planned = this.#running(this.#plan(tls))
    this.#made.set(identity, planned)
    return planned
  }

  #plan({ caFile, crlFile, crt, ...settings }: OutgoingTlsConfig): PlannedOutgoingTls {
    const { authorities, revocations, certificates } = this.#gathered
    return {
      ...settings,
      authorities: settings.verify ? (authorities.get(caFile) as PlannedAuthorities) : null,
      revocations: crlFile === null || !settings.verify ? null : (revocations.get(crlFile) ?? null),
      certificate: crt === null ? null : (certificates.get(crt)?.[0] ?? null),
    }
  }

  #running(planned: PlannedOutgoingTls): PlannedOutgoingTls {
    this.#before ??= [
      ...new Set(
        this.#previous?.backends.flatMap(({ servers }) => servers.flatMap(({ tls }) => tls ?? [])),
      ),
    ]
    return this.#before.find((one) => isDeepStrictEqual(one, planned)) ?? planned
  }
}
