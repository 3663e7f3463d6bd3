import type { MessagePort } from 'node:worker_threads'
import type { PeerStats } from '../../consensus/peers/peer-counters.ts'
import type { ClusterConfig } from '../../model/cluster-config.ts'
import type { LogFields } from '../../telemetry/daemon-log.ts'

/** How often that thread beats, from its boot on. */
export const BEAT_MS = 250

/** What the thread that agreement runs on is started with. */
export interface AgreementBoot {
  readonly config: ClusterConfig
  /** To the `ThreadedEngine`. */
  readonly enginePort: MessagePort
  /** Of its `HandedBytes`. */
  readonly handed: SharedArrayBuffer
  /** One `Int32`, which grows with each beat. */
  readonly beats: SharedArrayBuffer
  /** For {@link ThreadCalls} and {@link MainCalls}. */
  readonly controlPort: MessagePort
}

/** What the main thread asks of that thread, beside its engine. */
export interface ThreadCalls {
  /** As `PeerLinks.renew`. */
  renew(): Promise<void>
  /** As `PeerLinks.stats`. */
  stats(): Promise<PeerStats | null>
}

/** What that thread tells the main one, beside what its engine does. */
export interface MainCalls {
  log(level: 'info' | 'warn', event: string, message: string, fields: LogFields): void
  /** No descriptor is left for who comes. */
  onExhausted(): void
}
