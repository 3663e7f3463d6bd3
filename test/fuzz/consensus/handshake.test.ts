import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  AcceptingHandshake,
  DiallingHandshake,
  type Handshake,
} from '../../../src/consensus/peers/handshake/handshake.ts'

const runs = Number(process.env['FUZZ_RUNS'] ?? 4000)
const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31)
const MINUTE_MS = 60_000
const testTimeoutMs = Math.max(MINUTE_MS, runs * 10)

const secret = Buffer.alloc(32, 's')
const nonce = Buffer.alloc(32, 1)

function ends(): [Handshake, Handshake] {
  return [
    new DiallingHandshake({ name: 'a', secret }, 'link', 'b', nonce),
    new AcceptingHandshake({ name: 'b', secret }, 'link', nonce),
  ]
}

const head = fc.constantFrom('', '01', '0101010161016200', '02', '03', '0320', '04', '0400')
const message = fc
  .tuple(head, fc.uint8Array({ maxLength: 80 }))
  .map(([start, rest]) => Buffer.concat([Buffer.from(start, 'hex'), rest]))

describe('a handshake with somebody who has no secret', () => {
  it(
    'comes to nothing, whatever is said',
    () => {
      fc.assert(
        fc.property(fc.array(message, { maxLength: 5 }), (messages) => {
          for (const end of ends()) {
            end.begin()
            for (const said of messages) {
              const step = end.step(said)
              expect(step.kind).not.toBe('done')
              if (step.kind === 'failed') break
            }
          }
        }),
        { numRuns: runs, seed },
      )
    },
    testTimeoutMs,
  )
})
