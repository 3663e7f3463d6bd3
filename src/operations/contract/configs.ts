/** One version of the config, in the history. */
export interface ConfigVersionReport {
  /** From 1, growing by one. */
  readonly version: number
  /** When it was applied, ISO 8601 in UTC, by the clock of the node that proposed it. */
  readonly time: string
  /** Who applied it, as far as is known: `lb2, admin API`. */
  readonly author: string
  readonly comment: string
  /** How it came: from a node's file, applied, by a rollback, or since nobody confirmed another. */
  readonly cause: 'seed' | 'apply' | 'rollback' | 'expiry'
  /** What became of it. */
  readonly result: 'active' | 'unconfirmed' | 'superseded' | 'rolled-back'
}

/** The active version goes back by itself. */
export interface ConfirmationReport {
  /** That is to be confirmed. */
  readonly version: number
  /** Whose text becomes active again otherwise. */
  readonly previous: number
  /** Until when, ISO 8601 in UTC. */
  readonly deadline: string
}

/** The versions of the config. */
export interface ConfigHistoryReport {
  /** The active version; 0 while there is none. */
  readonly active: number
  readonly confirmation: ConfirmationReport | null
  /** Those that are kept, oldest first. */
  readonly versions: readonly ConfigVersionReport[]
}

/** One version of the config, with its text. */
export interface ConfigReport extends ConfigVersionReport {
  /** As written. */
  readonly text: string
}

/** What the asked node runs. */
export interface RunningConfigReport {
  /** Of the config; 0: the node's file, of which the cluster knows nothing yet. */
  readonly version: number
  /** Why it is not the active version, or what of the node's file is not loaded; '' for neither. */
  readonly note: string
}

/** The active version of the config. */
export interface ActiveConfigReport extends ConfigReport {
  readonly confirmation: ConfirmationReport | null
  readonly running: RunningConfigReport
}

/** What makes one version of the config another. */
export interface ConfigDiffReport {
  /** 0: nothing, as before the first version. */
  readonly from: number
  readonly to: number
  /** Unified diff; '' where the texts are equal. */
  readonly diff: string
}

/**
 * A config that is to be applied.
 */
export interface ConfigApplication {
  readonly text: string
  /** Refused unless this version is active; 0: unless there is none. Default: whichever is. */
  readonly ifVersion?: number
  /** For the history. Default: none. */
  readonly comment?: string
  /** Goes back by itself unless confirmed within this time, 1000 at least. Default: it stays. */
  readonly confirmMs?: number
}

/** The version that is to be confirmed, or to go back to. */
export interface VersionChoice {
  /** Default: for a rollback the version before the active one, for a confirmation the active one. */
  readonly version?: number
}

/** What has come of an application, or of a rollback. */
export interface ConfigOutcome {
  /** That is active now. */
  readonly version: number
  /** False: its text was active already, and nothing was done. */
  readonly changed: boolean
  /** Of the text, rendered; '' where there are none. */
  readonly warnings: string
  /** `prepared`: the node runs it; `unreachable`: it will when it is back. */
  readonly nodes: readonly { readonly name: string; readonly result: 'prepared' | 'unreachable' }[]
}

/** A version that stays. */
export interface Confirmed {
  readonly version: number
}
