/** The longest duration in milliseconds, about 24.8 days: HAProxy's limit, and setTimeout's. */
export const DURATION_MS_MAX = 2_147_483_647

/** Microseconds in a unit, the largest first. */
export const DURATION_UNITS_US: ReadonlyMap<string, number> = new Map([
  ['d', 86_400_000_000],
  ['h', 3_600_000_000],
  ['m', 60_000_000],
  ['s', 1_000_000],
  ['ms', 1_000],
  ['us', 1],
])

/** The largest size in bytes that HAProxy reads: 32 bits. */
export const SIZE_BYTES_MAX = 4_294_967_295

/** Bytes in a unit of sizes, the largest first. */
export const SIZE_UNITS_BYTES: ReadonlyMap<string, number> = new Map([
  ['g', 1024 ** 3],
  ['m', 1024 ** 2],
  ['k', 1024],
  ['', 1],
])

/**
 * Reads a duration as HAProxy does (configuration manual, section 2.4, Time format): a whole number
 * with one of the units `us ms s m h d`, a bare number counting milliseconds.
 *
 * @returns whole milliseconds, rounded up, however long; null where it is none
 */
export function readDurationMs(text: string): number | null {
  const [, digits, unit = 'ms'] = /^([0-9]+)([a-z]+)?$/.exec(text) ?? []
  const unitUs = DURATION_UNITS_US.get(unit)
  return digits === undefined || unitUs === undefined
    ? null
    : Math.ceil((Number(digits) * unitUs) / 1_000)
}

/**
 * Reads a size as HAProxy does: a whole number of bytes, or of 1024, 1024² or 1024³ bytes with `k`,
 * `m` or `g` in either case.
 *
 * @returns bytes, however many; null where it is none
 */
export function readSizeBytes(text: string): number | null {
  const [, digits, unit = ''] = /^([0-9]+)([kKmMgG]?)$/.exec(text) ?? []
  const unitBytes = SIZE_UNITS_BYTES.get(unit.toLowerCase())
  return digits === undefined || unitBytes === undefined ? null : Number(digits) * unitBytes
}
