/**
 * What an operator wants of a server (HAProxy management manual, `set server state`). `ready`: its
 * checks decide. `drain`: it finishes what it has and takes no new session, but is checked.
 * `maint`: it takes none and is not checked.
 */
export const ADMIN_STATES = ['ready', 'drain', 'maint'] as const

/** One of {@link ADMIN_STATES}. */
export type AdminState = (typeof ADMIN_STATES)[number]

/** The greatest weight. HAProxy configuration manual, weight. */
export const WEIGHT_MAX = 256

/** What can be set of a server at run time. */
export type ServerSetting = 'state' | 'weight' | 'address'

/** Whether this is a state that an operator can set. */
export function isAdminState(value: unknown): value is AdminState {
  return ADMIN_STATES.some((state) => state === value)
}

/** Whether this is a weight, 0-256. */
export function isWeight(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= WEIGHT_MAX
}
