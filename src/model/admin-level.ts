/** What a caller of the admin API may do, each level all that the ones before it may. */
export const ADMIN_LEVELS = ['read', 'operate', 'admin'] as const

/** One of {@link ADMIN_LEVELS}. */
export type AdminLevel = (typeof ADMIN_LEVELS)[number]

/** Whether who has one level may do what takes another. */
export function reachesLevel(level: AdminLevel, needed: AdminLevel): boolean {
  return ADMIN_LEVELS.indexOf(level) >= ADMIN_LEVELS.indexOf(needed)
}

/** Whether this is a level. */
export function isAdminLevel(value: unknown): value is AdminLevel {
  return ADMIN_LEVELS.some((level) => level === value)
}
