/** A certificate that a node shows. Its private key is told to nobody. */
export interface CertificateReport {
  /** That it was read from. */
  readonly file: string
  /** Host names that it is for. */
  readonly names: readonly string[]
  /** Whom it is of, in one line. */
  readonly subject: string
  /** Who has signed it, in one line. */
  readonly issuer: string
  /** Hexadecimal. */
  readonly serial: string
  /** Of the certificate itself, hexadecimal. */
  readonly sha256: string
  /** `rsa`, `ec` ... */
  readonly keyType: string
  /** Its first moment, ISO 8601 in UTC. */
  readonly notBefore: string
  /** Its last. */
  readonly notAfter: string
  /** Whole days until then, rounded down; negative once it is over. */
  readonly daysLeft: number
  /** The subjects of those that are sent along with it, from its issuer on. */
  readonly chain: readonly string[]
  /** Where it is shown: `frontend web 0.0.0.0:443`, `backend app` (to the servers of it), `admin`. */
  readonly usedBy: readonly string[]
}

/** The certificates of one node, in the order of its config. */
export interface CertificatesReport {
  /** Its name. */
  readonly node: string
  readonly certificates: readonly CertificateReport[]
}

/** That changed files are to be taken up. */
export interface CertificateReload {
  /** Only to find out whether they could be. Default: no. */
  readonly trial?: boolean
}

/** What has come of it. */
export interface CertificateReloadReport {
  /** Name of the node. */
  readonly node: string
  /** The files of TLS that say something else than what ran before; none: all goes on as it was. */
  readonly changed: readonly string[]
}
