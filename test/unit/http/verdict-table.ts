import { describe, expect, it } from 'vitest'
import { everyCut, MessageReader, type ReaderOptions, type Transcript } from './message-reader.ts'

/**
 * One row: the section that decides it, what it tries, the bytes, and what is to become of them:
 * the name of the reject, or each message that is read as `start line|body`.
 */
export type VerdictRow = readonly [
  section: string,
  what: string,
  bytes: string,
  verdict: string | readonly string[],
]

function verdictOf({ messages, outcome }: Transcript): string | string[] {
  if (outcome !== 'open' && outcome !== 'closed') return outcome
  return messages.map(({ startLine, body, whole }) => `${startLine}|${body}${whole ? '' : ' ...'}`)
}

/** Tests every row whole, byte by byte, and cut in two at every place. */
export function describeVerdicts(
  title: string,
  rows: readonly VerdictRow[],
  options: ReaderOptions = {},
): void {
  describe(title, () => {
    it.each(rows)('%s: %s', (_section, _what, text, verdict) => {
      const bytes = Buffer.from(text, 'latin1')
      const reader = new MessageReader(options)
      const whole = reader.readAll(bytes)
      expect(verdictOf(whole)).toEqual(verdict)
      expect(reader.readAll(bytes, everyCut(bytes))).toEqual(whole)
      for (const cut of everyCut(bytes)) expect(reader.readAll(bytes, [cut])).toEqual(whole)
    })
  })
}
