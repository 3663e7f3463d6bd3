import { type Parsed, refused } from '../diagnostics/diagnostics.ts'

/** The largest size in bytes that HAProxy reads: 32 bits. */
export const SIZE_BYTES_MAX = 4_294_967_295

const UNITS_BYTES = new Map([
  ['g', 1024 ** 3],
  ['m', 1024 ** 2],
  ['k', 1024],
  ['', 1],
])

/** What a size looks like, for JSON Schema. */
export const SIZE_PATTERN = '^[0-9]+[kKmMgG]?$'

/**
 * Reads a size as HAProxy does: a whole number of bytes, or of 1024, 1024² or 1024³ bytes with `k`,
 * `m` or `g` in either case. 0 to {@link SIZE_BYTES_MAX}.
 */
export function parseSize(text: string): Parsed<number> {
  const [, digits, unit = ''] = /^([0-9]+)([kKmMgG]?)$/.exec(text) ?? []
  if (digits === undefined) {
    if (/^-[0-9]/.test(text)) return refused('a size cannot be negative', '', 'out-of-range')
    const binary = /^([0-9]+)([kmg])i?b$/i.exec(text)
    const hint =
      binary === null
        ? 'Use a whole number, and k, m or g.'
        : `Write ${binary[1]}${binary[2]?.toLowerCase()}.`
    return refused('this is not a size', hint)
  }
  const bytes = Number(digits) * (UNITS_BYTES.get(unit.toLowerCase()) as number)
  if (bytes > SIZE_BYTES_MAX) {
    return refused('the size is too large', `At most ${SIZE_BYTES_MAX} bytes.`, 'out-of-range')
  }
  return { value: bytes }
}

/** A size in bytes as it is written: in the largest unit that it is a multiple of. */
export function formatSize(bytes: number): string {
  for (const [unit, unitBytes] of UNITS_BYTES) {
    if (bytes > 0 && bytes % unitBytes === 0) return `${bytes / unitBytes}${unit}`
  }
  return '0'
}
