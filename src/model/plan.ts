import type { Address } from '../base/address.ts'
import type { BindTlsConfig, ClientVerification } from './bind-tls.ts'
import type {
  BackendConfig,
  FrontendConfig,
  ServerConfig,
  ServerProtocol,
  TuneConfig,
} from './config.ts'
import type { OutgoingTlsConfig } from './outgoing-tls.ts'
import type { OwnAnswer } from './own-answer.ts'

/** The answer to give instead of the standard one of a status. */
export interface PlannedErrorAnswer {
  /** The status that is to be answered. */
  readonly status: number
  /** What it is answered with, which may be of another status. */
  readonly answer: OwnAnswer
}

/**
 * A server with its row in the server table, and with an IP address in place of its host name; one
 * whose name has none yet keeps the name, and is in maintenance.
 */
export interface PlannedServer extends Omit<ServerConfig, 'initAddress' | 'tls'> {
  readonly row: number
  /** The same object for all servers that go by the same: what is made of it is made once. */
  readonly tls: PlannedOutgoingTls | null
}

/** How TLS is spoken to a server, with what it takes of files. */
export interface PlannedOutgoingTls extends Omit<OutgoingTlsConfig, 'caFile' | 'crlFile' | 'crt'> {
  /** Who may have signed its certificate; null: it is not verified. */
  readonly authorities: PlannedAuthorities | null
  /** Lists of certificates that are trusted no more, in PEM form; null: none. */
  readonly revocations: string | null
  /** What it is shown; null: nothing. */
  readonly certificate: PlannedCertificate | null
}

/** A backend with its row in the server table. */
export interface PlannedBackend
  extends Omit<
    BackendConfig,
    'servers' | 'newServer' | 'errorAnswers' | 'healthAgreement' | 'checkSharding'
  > {
  readonly row: number
  readonly errorAnswers: readonly PlannedErrorAnswer[]
  readonly servers: readonly PlannedServer[]
  /** The stick table, which all threads open; null where nothing sticks by one. */
  readonly stickMemory: SharedArrayBuffer | null
}

/** A backend without its servers, which may change without the rest. */
export type BackendTerms = Omit<PlannedBackend, 'servers'>

/** A certificate that clients may be shown, with its private key. */
export interface PlannedCertificate {
  /** The file that it was read from. */
  readonly path: string
  /** In PEM form: the certificate itself first, then each that has certified the one before. */
  readonly chain: string
  /** Its private key, in PEM form. Never told to anybody. */
  readonly key: string
  /** Host names that it is for, in lower case; `*.example.com` stands for one label more. */
  readonly names: readonly string[]
  /** As node:crypto calls it: `rsa`, `ec` ... */
  readonly keyType: string
  /** Its last moment, in milliseconds since 1970. */
  readonly notAfterMs: number
}

/** What certificates of clients are held against, with what that takes of files. */
export interface PlannedClientVerification extends ClientVerification {
  readonly authorities: PlannedAuthorities
  /** Lists of certificates that are trusted no more, in PEM form; null: none. */
  readonly revocations: string | null
}

/** TLS of a listening socket. */
export interface PlannedTls extends Omit<BindTlsConfig, 'crt' | 'clients'> {
  /** In the order in which they count; one at least. */
  readonly certificates: readonly PlannedCertificate[]
  /** Null: no client is asked for a certificate. */
  readonly clients: PlannedClientVerification | null
}

/** A listening socket that the control plane holds open for the workers to accept on. */
export interface PlannedListener {
  /** Mode, protocol and bind address: the identity of the listener over reloads. */
  readonly key: string
  /** The listening descriptor, open for as long as a plan names it. */
  readonly fd: number
  readonly kind: Address['kind']
  /** Length of the kernel's accept queue. */
  readonly backlog: number
  /** Every connection begins with a PROXY protocol header. */
  readonly acceptProxy: boolean
  /** What clients speak, whatever it says; null: what ALPN chooses, or their first bytes. */
  readonly proto: ServerProtocol | null
  /** Null: connections are not encrypted. */
  readonly tls: PlannedTls | null
}

/** A frontend with its row in the server table and its listening sockets. */
export interface PlannedFrontend extends Omit<FrontendConfig, 'binds' | 'errorAnswers'> {
  readonly row: number
  readonly errorAnswers: readonly PlannedErrorAnswer[]
  readonly listeners: readonly PlannedListener[]
}

/** The authorities of one `ca-file`, which many servers may trust. */
export interface PlannedAuthorities {
  /** As the config names it. */
  readonly caFile: string
  /** Their certificates in PEM form. */
  readonly pem: string
}

/**
 * What the data plane runs: the config of one moment with everything settled that only the control
 * plane can settle (rows, descriptors, resolved names). Plain data, sent by structured clone.
 */
export interface Plan {
  /** Grows by one with every plan of this process. */
  readonly serial: number
  /** Client connections that are accepted at once, over all frontends and threads. */
  readonly maxconn: number
  /** The first descriptor number that the data plane leaves to the rest of the process. */
  readonly trafficNumbersMax: number
  readonly tune: TuneConfig
  readonly frontends: readonly PlannedFrontend[]
  readonly backends: readonly PlannedBackend[]
}
