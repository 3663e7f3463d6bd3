import { readSizeBytes, SIZE_BYTES_MAX, SIZE_UNITS_BYTES } from '../../base/quantities.ts'
import { type Parsed, refused } from '../diagnostics/diagnostics.ts'

/** What a size looks like, for JSON Schema. */
export const SIZE_PATTERN = '^[0-9]+[kKmMgG]?$'

/** As {@link readSizeBytes}, 0 to {@link SIZE_BYTES_MAX}. */
export function parseSize(text: string): Parsed<number> {
  const bytes = readSizeBytes(text)
  if (bytes === null) {
    if (/^-[0-9]/.test(text)) return refused('a size cannot be negative', '', 'out-of-range')
    const binary = /^([0-9]+)([kmg])i?b$/i.exec(text)
    const hint =
      binary === null
        ? 'Use a whole number, and k, m or g.'
        : `Write ${binary[1]}${binary[2]?.toLowerCase()}.`
    return refused('this is not a size', hint)
  }
  if (bytes > SIZE_BYTES_MAX) {
    return refused('the size is too large', `At most ${SIZE_BYTES_MAX} bytes.`, 'out-of-range')
  }
  return { value: bytes }
}

/** A size in bytes as it is written: in the largest unit that it is a multiple of. */
export function formatSize(bytes: number): string {
  for (const [unit, unitBytes] of SIZE_UNITS_BYTES) {
    if (bytes > 0 && bytes % unitBytes === 0) return `${bytes / unitBytes}${unit}`
  }
  return '0'
}
