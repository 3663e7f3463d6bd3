import { DURATION_MS_MAX, DURATION_UNITS_US, readDurationMs } from '../../base/quantities.ts'
import { type Parsed, refused } from '../diagnostics/diagnostics.ts'

/** What a duration looks like, for JSON Schema. */
export const DURATION_PATTERN = '^[0-9]+(us|ms|s|m|h|d)?$'

const UNITS_HINT = 'Use a whole number and one unit: us, ms, s, m, h or d.'

/** As {@link readDurationMs}, 0 to {@link DURATION_MS_MAX}. */
export function parseDuration(text: string): Parsed<number> {
  const ms = readDurationMs(text)
  if (ms === null) return refuseDuration(text)
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
    return sum + Number(number) * (DURATION_UNITS_US.get(unit || 'ms') ?? Number.NaN)
  }, 0)
  const understood = parts.map(([part]) => part).join('') === text && parts.length > 0
  const ms = Math.ceil(sumUs / 1_000)
  const isNear = understood && ms <= DURATION_MS_MAX
  return refused('this is not a duration', isNear ? `Write ${formatDuration(ms)}.` : UNITS_HINT)
}

/** A duration in milliseconds as it is written: in the largest unit that it is a multiple of. */
export function formatDuration(durationMs: number): string {
  for (const [unit, unitUs] of DURATION_UNITS_US) {
    if (durationMs > 0 && (durationMs * 1_000) % unitUs === 0) {
      return `${(durationMs * 1_000) / unitUs}${unit}`
    }
  }
  return '0ms'
}
