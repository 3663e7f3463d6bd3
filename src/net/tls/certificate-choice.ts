/** What a certificate is chosen by. */
export interface NamedCertificate {
  /** Host names that it is for, in lower case; `*.example.com` stands for one label more. */
  readonly names: readonly string[]
  /** What kind of key it has: a client may know to verify one kind and not another. */
  readonly keyType: string
}

/**
 * Which certificates a client is shown, by the name that it asks for: those that have exactly this
 * name before those that have it by a wildcard, and where there is none, the first of all. Of each
 * kind of key it is one, the first, so that TLS takes what the client can verify. HAProxy
 * configuration manual, bind, crt.
 */
export class CertificateChoice<T extends NamedCertificate> {
  readonly #byName = new Map<string, readonly T[]>()
  readonly #first: readonly T[]

  /** @param certificates in their order; one at least */
  constructor(certificates: readonly T[]) {
    for (const certificate of certificates) {
      for (const name of certificate.names) {
        const others = this.#byName.get(name) ?? []
        const isNew = others.every(({ keyType }) => keyType !== certificate.keyType)
        if (isNew) this.#byName.set(name, [...others, certificate])
      }
    }
    const [first] = certificates
    this.#first = this.#byName.get(first?.names[0] ?? '') ?? certificates.slice(0, 1)
  }

  /**
   * Those to choose from; null where none has the name.
   *
   * @param serverName in lower case; null: the client asks for none
   */
  named(serverName: string | null): readonly T[] | null {
    if (serverName === null) return null
    const exact = this.#byName.get(serverName)
    if (exact !== undefined) return exact
    const dot = serverName.indexOf('.')
    return dot < 0 ? null : (this.#byName.get(`*${serverName.slice(dot)}`) ?? null)
  }

  /** Those for who asks for no name, or for one that none has. */
  get standard(): readonly T[] {
    return this.#first
  }
}
