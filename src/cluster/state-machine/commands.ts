import type { AdminState } from '../../model/admin-state.ts'
import type { HealthAgreement } from '../../model/health-agreement.ts'

/** A backend that a text names, as far as the state machine has to know it. */
export interface AgreedBackend {
  readonly name: string
  readonly healthAgreement: HealthAgreement
  /** Witnesses that watch each server (`check-sharding`); null: all of them. */
  readonly watchers: number | null
}

/**
 * Makes a text the active config, as a new version. Refused unless `expectedVersion` is the active
 * one, so of two concurrent writers one is told.
 */
export interface ActivateConfig {
  readonly kind: 'config-activate'
  /** 0: while there is none. */
  readonly expectedVersion: number
  /** As written. */
  readonly text: string
  /** `backend/server` of every server that the text names, in its order. */
  readonly servers: readonly string[]
  readonly backends: readonly AgreedBackend[]
  /** Who asked: a node's name and how it was asked. */
  readonly author: string
  /** Milliseconds since 1970 of the node that proposes. */
  readonly timeMs: number
  readonly comment: string
  /** `seed`: the text of a node's file, while there is no version. */
  readonly cause: 'seed' | 'apply' | 'rollback'
  /** Null: it stays. Otherwise it goes back by itself unless confirmed within this time. */
  readonly confirmMs: number | null
}

/** The version stays. */
export interface ConfirmConfig {
  readonly kind: 'config-confirm'
  readonly version: number
}

/** The time to confirm a version is over: the text of before becomes active, as a new version. */
export interface ExpireConfig {
  readonly kind: 'config-expire'
  /** That was not confirmed. */
  readonly version: number
  readonly timeMs: number
}

/** Adds a server that the config does not name. */
export interface AddServer {
  readonly kind: 'server-add'
  readonly backend: string
  readonly server: string
  /** `HOST:PORT` or as `address` of a server in the config. */
  readonly address: string
  /** Null: as `default-server` says. */
  readonly weight: number | null
  /** Who asked, as {@link ActivateConfig.author}; '' where format 1 has not said it. */
  readonly author: string
}

/** What can be set of a server. */
export const SERVER_SETTINGS = ['state', 'weight', 'address'] as const

/** One of {@link SERVER_SETTINGS}. */
export type ServerSettingName = (typeof SERVER_SETTINGS)[number]

/** Sets what is given of a server that the config names or that was added. */
export interface SetServer {
  readonly kind: 'server-set'
  readonly backend: string
  readonly server: string
  readonly state?: AdminState
  readonly weight?: number
  readonly address?: string
  /**
   * What is no longer set: the config rules again. In the order of {@link SERVER_SETTINGS}, none
   * twice, and nothing that is set by the same command.
   */
  readonly unset: readonly ServerSettingName[]
  /** Who asked, as {@link ActivateConfig.author}; '' where format 1 has not said it. */
  readonly author: string
}

/** Removes a server that was added at run time. */
export interface RemoveServer {
  readonly kind: 'server-remove'
  readonly backend: string
  readonly server: string
  /** Who asked, as {@link ActivateConfig.author}; '' where format 1 has not said it. */
  readonly author: string
}

/** What a node's own checks say, where it has changed since its last report. */
export interface ReportHealth {
  readonly kind: 'health-report'
  readonly node: string
  /** Of this run of the node: what an earlier run had reported is forgotten with the first report. */
  readonly run: string
  readonly verdicts: readonly ServerVerdict[]
}

/** One node's verdict on one server. */
export interface ServerVerdict {
  /** `backend/server`. */
  readonly key: string
  /** Null: the node no longer checks it. */
  readonly isUp: boolean | null
  /** Why, as its check said. */
  readonly reason: string
}

/** Which nodes have a say in health, as the leader sees them. */
export interface SetWitnesses {
  readonly kind: 'witnesses-set'
  /** Sorted names. */
  readonly nodes: readonly string[]
}

/**
 * From here on the cluster agrees in a format that all of its nodes know by now. Never back: what
 * was agreed on in it cannot be written down in an older one.
 */
export interface RaiseFormat {
  readonly kind: 'format-raise'
  readonly format: number
}

/** Everything that the cluster agrees on is the result of these. */
export type Command =
  | ActivateConfig
  | ConfirmConfig
  | ExpireConfig
  | AddServer
  | SetServer
  | RemoveServer
  | ReportHealth
  | SetWitnesses
  | RaiseFormat
