import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  AcceptingHandshake,
  DiallingHandshake,
} from '../../../src/consensus/peers/handshake/handshake.ts'

const runs = Number(process.env['FUZZ_RUNS'] ?? 4000)
const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31)
const MINUTE_MS = 60_000
const testTimeoutMs = Math.max(MINUTE_MS, runs * 10)

const zeros = '00'.repeat(32)
const head = fc.constantFrom(
  '',
  '01',
  '010100016101',
  `01010001610162${zeros}`,
  '02',
  `02${zeros}00`,
  '03',
  '0300',
  '04',
  '0400',
)
const message = fc
  .tuple(head, fc.oneof(fc.constant(new Uint8Array()), fc.uint8Array({ maxLength: 80 })))
  .map(([start, rest]) => Buffer.concat([Buffer.from(start, 'hex'), rest]))

describe('a handshake with anybody', () => {
  it(
    'comes to a peer with a name, to a refusal, or to nothing yet',
    () => {
      fc.assert(
        fc.property(fc.array(message, { maxLength: 5 }), (messages) => {
          for (const end of [new DiallingHandshake('a', 'b'), new AcceptingHandshake('b')]) {
            end.begin()
            for (const said of messages) {
              const step = end.step(said)
              if (step.kind === 'done') expect(step.peer).toMatch(/^[^\s/.\p{C}][^\s/\p{C}]*$/u)
              if (step.kind !== 'send') break
            }
          }
        }),
        { numRuns: runs, seed },
      )
    },
    testTimeoutMs,
  )
})
