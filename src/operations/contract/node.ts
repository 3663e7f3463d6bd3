/** What a daemon is. */
export interface NodeInfo {
  readonly name: 'sluice'
  readonly version: string
  readonly nodeVersion: string
  readonly pid: number
  readonly uptimeSeconds: number
  /** Version of the running configuration. */
  readonly configVersion: number
}

/** Whether a node serves its clients and takes part in its cluster. */
export interface Readiness {
  readonly ready: boolean
  /** Why not: `starting`, `draining`, `worker 1 does not answer`, `no quorum`. Empty when ready. */
  readonly reasons: readonly string[]
}
