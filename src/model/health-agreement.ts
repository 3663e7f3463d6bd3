/**
 * How the verdicts of the nodes on a server become that of the cluster. `majority`: it changes when
 * more than half of the nodes that watch the server agree on the other. `any`: down while one says
 * so. `all`: down while every one says so. `local`: each node goes by its own checks.
 */
export const HEALTH_AGREEMENTS = ['majority', 'any', 'all', 'local'] as const

/** One of {@link HEALTH_AGREEMENTS}. */
export type HealthAgreement = (typeof HEALTH_AGREEMENTS)[number]
