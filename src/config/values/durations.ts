import { type Parsed, refused } from '../diagnostics/diagnostics.ts'

/** The longest duration in milliseconds, about 24.8 days: HAProxy's limit, and setTimeout's. */
export const DURATION_MS_MAX = 2_147_483_647

/** Microseconds in a unit, the largest first. */
const UNITS_US = new Map([
  ['d', 86_400_000_000],
  ['h', 3_600_000_000],
  ['m', 60_000_000],
  ['s', 1_000_000],
  ['ms', 1_000],
  ['us', 1],
])

/** What a duration looks like, for JSON Schema. */
export const DURATION_PATTERN = '^[0-9]+(us|ms|s|m|h|d)?$'

const UNITS_HINT = 'Use a whole number and one unit: us, ms, s, m, h or d.'

/**
 * Reads a duration as HAProxy does (configuration manual, section "Time format"): a whole number
 * with one of the units `us ms s m h d`, a bare number counting milliseconds. Rounded up to whole
 * milliseconds, 0 to {@link DURATION_MS_MAX}.
 */
export function parseDuration(text: string): Parsed<number> {
  const [, digits, unit = 'ms'] = /^([0-9]+)([a-z]+)?$/.exec(text) ?? []
  const unitUs = UNITS_US.get(unit)
  if (digits === undefined || unitUs === undefined) return refuseDuration(text)
  const ms = Math.ceil((Number(digits) * unitUs) / 1_000)
  if (ms > DURATION_MS_MAX) {
    return refused(
      'the duration is too long',
      `At most ${DURATION_MS_MAX} ms, about 24 days.`,
      'out-of-range',
    )
  }
  return { value: ms }
}

function refuseDuration(text: string): Parsed<number> {
  if (/^-[0-9]/.test(text)) return refused('a duration cannot be negative', '', 'out-of-range')
  const parts = [...text.matchAll(/([0-9]+(?:\.[0-9]+)?)([a-z]*)/g)]
  const sumUs = parts.reduce((sum, [, number, unit = '']) => {
    return sum + Number(number) * (UNITS_US.get(unit || 'ms') ?? Number.NaN)
  }, 0)
  const understood = parts.map(([part]) => part).join('') === text && parts.length > 0
  const ms = Math.ceil(sumUs / 1_000)
  const isNear = understood && ms <= DURATION_MS_MAX
  return refused('this is not a duration', isNear ? `Write ${formatDuration(ms)}.` : UNITS_HINT)
}

/** A duration in milliseconds as it is written: in the largest unit that it is a multiple of. */
export function formatDuration(durationMs: number): string {
  for (const [unit, unitUs] of UNITS_US) {
    if (durationMs > 0 && (durationMs * 1_000) % unitUs === 0) {
      return `${(durationMs * 1_000) / unitUs}${unit}`
    }
  }
  return '0ms'
}
