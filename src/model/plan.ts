import type { Address } from './address.ts'
import type { BackendConfig, FrontendConfig, ServerConfig, TuneConfig } from './config.ts'

/** A server with its row in the server table and its host name resolved to an IP address. */
export interface PlannedServer extends ServerConfig {
  readonly row: number
}

/** A backend with its row in the server table. */
export interface PlannedBackend extends Omit<BackendConfig, 'servers'> {
  readonly row: number
  readonly servers: readonly PlannedServer[]
}

/** A listening socket that the control plane holds open for the workers to accept on. */
export interface PlannedListener {
  /** The bind address as configured: the identity of the listener over reloads. */
  readonly key: string
  /** The listening descriptor, open for as long as a plan names it. */
  readonly fd: number
  readonly kind: Address['kind']
  /** Length of the kernel's accept queue. */
  readonly backlog: number
}

/** A frontend with its row in the server table and its listening sockets. */
export interface PlannedFrontend extends Omit<FrontendConfig, 'binds'> {
  readonly row: number
  readonly listeners: readonly PlannedListener[]
}

/**
 * What the data plane runs: the config of one moment with everything settled that only the control
 * plane can settle (rows, descriptors, resolved names). Plain data, sent by structured clone.
 */
export interface Plan {
  /** Grows by one with every plan of this process. */
  readonly serial: number
  readonly maxconn: number
  readonly tune: TuneConfig
  readonly frontends: readonly PlannedFrontend[]
  readonly backends: readonly PlannedBackend[]
}
