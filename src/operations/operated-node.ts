import type { Cluster } from '../cluster/cluster.ts'
import type { AdminLevel } from '../model/admin-level.ts'
import type { PlannedCertificate } from '../model/plan.ts'
import type { MetricPrefix } from '../telemetry/exposition.ts'
import type { RunningConfigReport } from './contract/configs.ts'
import type { NodeInfo, Readiness } from './contract/node.ts'
import type { ServerReport, ServersReport } from './contract/servers.ts'

/**
 * A node, as every operation takes it. Errors are coded and those of {@link Cluster}, besides what
 * is said at each operation; who calls one only translates what goes in and what comes out.
 */
export interface OperatedNode {
  readonly cluster: Cluster
  readonly source: NodeSource
}

/** What a node tells of itself alone, read at the moment it is asked for. */
export interface NodeSource {
  /** Name of the node. */
  readonly name: string
  /** The node is about to end, and takes no change from its own clients any more. */
  readonly draining: boolean
  /** @param isTrafficAlone whether it can agree with others does not count */
  ready(isTrafficAlone: boolean): Readiness
  info(): NodeInfo
  /** What it runs. */
  running(): Promise<RunningConfigReport>
  /** The metrics as Prometheus text, in pieces. */
  metrics(prefix: MetricPrefix): Promise<readonly string[]>
  /** The statistics as HAProxy's CSV, in pieces. */
  statistics(): Promise<readonly string[]>
  servers(): Promise<ServersReport>
  /** @throws SluiceError `server-unknown` */
  server(backend: string, name: string): ServerReport
  /** The certificates that it shows, in the order of its config, each once. */
  certificates(): readonly ShownCertificate[]
  /**
   * Reads the files of TLS again, and goes over to what they say.
   *
   * @param isTrial only to find out whether it could
   * @returns the files that have changed
   * @throws SluiceError why it cannot; what ran goes on
   */
  reloadCertificates(isTrial: boolean): Promise<readonly string[]>
  /**
   * Resolves when this node runs what it has applied of the cluster's state, or has failed to, or
   * takes too long: then {@link servers} shows it.
   */
  caughtUp(): Promise<void>
}

/** A certificate that a node shows, and where: see `CertificateReport`. */
export interface ShownCertificate {
  readonly certificate: PlannedCertificate
  readonly usedBy: readonly string[]
}

/** Who asks. */
export interface Caller {
  /** For the history of what was changed: `lb2, admin API`. */
  readonly author: string
  /** What they may do. Whoever calls an operation has seen to it that they may call it at all. */
  readonly level: AdminLevel
}

/** How a question about what the cluster agrees on is to be answered. */
export interface ReadOptions {
  /**
   * False: with everything that any node had acknowledged before, so that nobody misses their own
   * change on another node. True: with what this node knows, which needs no quorum.
   */
  readonly isStale: boolean
}
