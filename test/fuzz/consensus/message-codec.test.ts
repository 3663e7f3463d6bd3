import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SluiceError } from '../../../src/base/errors.ts'
import {
  decodeEntry,
  decodeHardState,
  decodeMembership,
  encodeEntry,
  encodeHardState,
  encodeMembership,
} from '../../../src/consensus/log/entry-encoding.ts'
import { decodeMessage, encodeMessage } from '../../../src/consensus/raft/message-codec.ts'
import { anyMessage, entry, membership } from '../../unit/consensus/encoding/arbitraries.ts'

const runs = Number(process.env['FUZZ_RUNS'] ?? 4000)
const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31)
const MINUTE_MS = 60_000
const testTimeoutMs = Math.max(MINUTE_MS, runs * 10)

interface Format {
  readonly name: string
  readonly encoded: fc.Arbitrary<Uint8Array>
  /** Decodes, and encodes what came of it. */
  again(bytes: Uint8Array): Uint8Array
}

const FORMATS: readonly Format[] = [
  {
    name: 'message',
    encoded: anyMessage.map(encodeMessage),
    again: (bytes) => encodeMessage(decodeMessage(bytes)),
  },
  {
    name: 'entry',
    encoded: entry.map(encodeEntry),
    again: (bytes) => encodeEntry(decodeEntry(bytes)),
  },
  {
    name: 'membership',
    encoded: membership.map(encodeMembership),
    again: (bytes) => encodeMembership(decodeMembership(bytes)),
  },
  {
    name: 'hard state',
    encoded: fc.record({ term: fc.nat(), vote: fc.option(fc.string()) }).map(encodeHardState),
    again: (bytes) => encodeHardState(decodeHardState(bytes)),
  },
]

interface Change {
  readonly kind: 'set' | 'flip' | 'cut' | 'insert'
  readonly at: number
  readonly to: number
}

const change: fc.Arbitrary<Change> = fc.oneof(
  fc.record({ kind: fc.constant('set' as const), at: fc.nat(), to: fc.nat(255) }),
  fc.record({ kind: fc.constant('flip' as const), at: fc.nat(), to: fc.nat(7) }),
  fc.record({ kind: fc.constant('cut' as const), at: fc.nat(), to: fc.nat(40) }),
  fc.record({ kind: fc.constant('insert' as const), at: fc.nat(), to: fc.nat(255) }),
)

function changed(bytes: Uint8Array, changes: readonly Change[]): Buffer {
  const result = [...bytes]
  for (const { kind, at, to } of changes) {
    const place = at % (result.length + 1)
    const before = result[place] ?? 0
    if (kind === 'cut') result.splice(place, to)
    else if (kind === 'insert') result.splice(place, 0, to)
    else result[place] = kind === 'set' ? to : before ^ (1 << to)
  }
  return Buffer.from(result)
}

/** What is read at all is the one encoding of what was read. */
function expectTotal({ again }: Format, bytes: Uint8Array): boolean {
  try {
    expect(Buffer.from(again(bytes)).equals(bytes)).toBe(true)
    return true
  } catch (error) {
    if (!(error instanceof SluiceError) || error.code !== 'encoding-invalid') throw error
    return false
  }
}

describe.each(FORMATS)('the encoding of a $name', (format) => {
  it(
    'reads any bytes as a value or refuses them',
    () => {
      const bytes = fc.uint8Array({ maxLength: 200 })
      const likely = bytes.map((rest) => Buffer.concat([Buffer.of(1), rest]))
      fc.assert(
        fc.property(fc.oneof(bytes, likely), (some) => void expectTotal(format, some)),
        { numRuns: runs, seed },
      )
    },
    testTimeoutMs,
  )

  it(
    'reads damaged values as other values or refuses them',
    () => {
      let read = 0
      let refused = 0
      const changes = fc.array(change, { minLength: 1, maxLength: 4 })
      fc.assert(
        fc.property(format.encoded, changes, (bytes, some) => {
          if (expectTotal(format, changed(bytes, some))) read++
          else refused++
        }),
        { numRuns: runs, seed },
      )
      expect(Math.min(read, refused)).toBeGreaterThan(0)
    },
    testTimeoutMs,
  )
})
