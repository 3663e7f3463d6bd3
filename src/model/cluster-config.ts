import type { Address } from '../base/address.ts'

/** Section `cluster`: how this node takes part. Durations are milliseconds. */
export interface ClusterConfig {
  /** This node's name: one of {@link peers}. */
  readonly node: string
  readonly engine: 'raft'
  /** Where the peers connect to; by default the node's own address in {@link peers}. */
  readonly bind: Address
  /** The nodes that the cluster is founded with, this one among them, in the order written. */
  readonly peers: readonly { readonly name: string; readonly address: string }[]
  /** Directory with what the node must never forget. */
  readonly dataDir: string
  /** File with what all nodes prove to each other that they know; null: {@link tls}, or loopback. */
  readonly secretFile: string | null
  readonly tls: ClusterTlsConfig | null
  readonly heartbeatIntervalMs: number
  /** A follower stands for election after a silence of this to twice this. */
  readonly electionTimeoutMs: number
  /** Whether a read asks a quorum, or trusts the clocks. */
  readonly reads: 'read-index' | 'lease'
  /** Whether a node that lost what it had acknowledged joins anew by itself, or waits for somebody. */
  readonly rejoinAfterLoss: 'never' | 'automatic'
}

/** Files in PEM. Each node's certificate is issued by `ca` to the node's name. */
export interface ClusterTlsConfig {
  readonly caFile: string
  readonly crtFile: string
  readonly keyFile: string
}
