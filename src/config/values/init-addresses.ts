import { isIP } from 'node:net'
import { nearestHint } from '../../base/spelling.ts'
import type { InitAddress } from '../../model/config.ts'
import { type Parsed, refused } from '../diagnostics/diagnostics.ts'

const METHODS = ['last', 'libc', 'none'] as const

/** What a list of `init-addr` looks like, for JSON Schema. */
export const INIT_ADDRESS_PATTERN =
  '^(last|libc|none|[0-9A-Fa-f:.]+)(,(last|libc|none|[0-9A-Fa-f:.]+))*$'

/** Entries of a list: each method once, and an address. */
const ENTRIES_MAX = 8

/**
 * Reads `METHOD[,METHOD]...`, of which each is `last`, `libc`, `none` or an IP address. HAProxy
 * configuration manual, init-addr.
 */
export function parseInitAddress(text: string): Parsed<readonly InitAddress[]> {
  const entries = text.split(',')
  if (entries.length > ENTRIES_MAX) return refused(`more than ${ENTRIES_MAX} entries`)
  const methods: InitAddress[] = []
  for (const entry of entries) {
    const method = METHODS.find((known) => known === entry)
    if (method !== undefined) methods.push(method)
    else if (isIP(entry) !== 0 && !entry.includes('%')) methods.push({ host: entry })
    else
      return refused(
        `"${entry}" is no way to find an address`,
        nearestHint(entry, [...METHODS, 'an IP address']),
      )
  }
  return { value: methods }
}
