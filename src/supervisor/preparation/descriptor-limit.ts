import { ADMIN_CONNECTIONS_MAX } from '../../admin/admin-listener.ts'
import { DEFAULT_GLOBAL } from '../../config/values/default-values.ts'
import { PROBES_OPEN_MAX } from '../../health/prober.ts'
import type { Config } from '../../model/config.ts'
import { openFilesLimit, setOpenFilesLimit } from '../../net/descriptor.ts'

/*
 * What the process has open before the first client comes. With two workers and one listener, 34
 * were counted on Node 20 and 39 on Node 26: streams, logs and the loop of the main thread, and for
 * each worker its loop and the channel to it.
 */
const PROCESS_DESCRIPTORS = 32
const WORKER_DESCRIPTORS = 12
/** A worker accepts on one duplicate and holds another for after a pause. */
const WORKER_LISTENER_DESCRIPTORS = 2
/** The consensus store: LevelDB keeps its tables open. */
const STORE_DESCRIPTORS = 64
/** Links to and from a peer, with room for one that is replaced. */
const PEER_DESCRIPTORS = 4
/** The admin API is served at an address and over a Unix socket. */
const ADMIN_LISTENERS = 2
/** HAProxy's share: a client connection has a server connection beside it. */
const CONNECTION_DESCRIPTORS = 2

/**
 * What is derived from the limit of open files is warned of below this. The least hard limit that
 * Linux gives by itself, 4096, has room for nearly twice as many: somebody has set a lower one.
 */
const DERIVED_CONNECTIONS_MIN = 1000

/** How the limit of open files is shared out. */
export interface DescriptorBudget {
  /** The limit of open files. */
  readonly limit: number
  /** Somebody has asked for it by `global.maxconn`. */
  readonly isGiven: boolean
  /** `global.maxconn`, or its default. */
  readonly connectionsWanted: number
  /** Client connections that are accepted at once, at least 1: each finds room for a server connection. */
  readonly connectionsMax: number
  /** The limit of open files that would give all that is wanted. */
  readonly limitWanted: number
  /** The first descriptor number that is left to checks, peers and the admin API. */
  readonly trafficNumbersMax: number
}

/**
 * Shares out a limit of open files. Half of it at least is for traffic, however much a config may
 * need beside: checks are put off and admin connections refused sooner than clients.
 *
 * HAProxy configuration manual, maxconn: it, too, derives what it can hold from `ulimit -n`.
 */
export function descriptorBudget(config: Config, limit: number): DescriptorBudget {
  const connectionsWanted = config.global.maxconn ?? DEFAULT_GLOBAL.maxconn
  const standing = standingDescriptors(config)
  const passing = passingDescriptors(config)
  const forTraffic = Math.max(limit - standing - passing, Math.floor(limit / 2))
  const connectionsMax = Math.max(Math.floor(forTraffic / CONNECTION_DESCRIPTORS), 1)
  return {
    limit,
    isGiven: config.global.maxconn !== null,
    connectionsWanted,
    connectionsMax: Math.min(connectionsWanted, connectionsMax),
    limitWanted: CONNECTION_DESCRIPTORS * connectionsWanted + standing + passing,
    trafficNumbersMax: Math.min(standing + forTraffic, limit),
  }
}

/** Whether an operator should hear of it: fewer clients than were asked for, or really few. */
export function isTight(budget: DescriptorBudget): boolean {
  const { isGiven, connectionsMax, connectionsWanted } = budget
  return connectionsMax < (isGiven ? connectionsWanted : DERIVED_CONNECTIONS_MIN)
}

/**
 * The budget of this process. Where `global.maxconn` is given and takes more than the limit, a
 * higher limit is asked of the system, which grants it up to the hard limit, to privileged
 * processes beyond. Node has raised the soft limit to the hard one when it started.
 *
 * @throws SluiceError `platform-unsupported`
 */
export function grantedBudget(config: Config): DescriptorBudget {
  const { soft, hard } = openFilesLimit()
  const budget = descriptorBudget(config, soft)
  const { limitWanted } = budget
  if (config.global.maxconn === null || limitWanted <= soft) return budget
  setOpenFilesLimit({ soft: limitWanted, hard: Math.max(hard, limitWanted) })
  return descriptorBudget(config, openFilesLimit().soft)
}

/** What stays open as long as the config runs. */
function standingDescriptors({ global, cluster, frontends }: Config): number {
  const listeners = frontends.reduce((sum, { binds }) => sum + binds.length, 0)
  const ofWorker = WORKER_DESCRIPTORS + WORKER_LISTENER_DESCRIPTORS * listeners
  const ofCluster = cluster === null ? 0 : STORE_DESCRIPTORS
  return PROCESS_DESCRIPTORS + listeners + global.nbthread * ofWorker + ofCluster
}

/** What may be open beside. */
function passingDescriptors({ cluster, backends }: Config): number {
  const servers = backends.flatMap((backend) => backend.servers)
  const checks = servers.filter(({ check }) => check !== null).length
  const agents = servers.filter(({ agent }) => agent !== null).length
  const ofPeers = cluster === null ? 0 : PEER_DESCRIPTORS * cluster.peers.length
  return (
    Math.min(checks, PROBES_OPEN_MAX) + agents + ofPeers + ADMIN_LISTENERS * ADMIN_CONNECTIONS_MAX
  )
}
