import { isIPv4 } from 'node:net'
import { describe, expect, it } from 'vitest'
import {
  PROXY_HEADER_BYTES_MAX,
  parseProxyHeader,
} from '../../../src/net/proxy-protocol/proxy-protocol.ts'
import type { ProxyHeaderReading } from '../../../src/net/proxy-protocol/proxy-protocol-reading.ts'
import { Seeded } from '../http/seeded.ts'
import { headerBytes } from './header-generator.ts'
import { digitsOf, readLikeTwin, type TwinReading } from './header-twin.ts'

const runs = Number(process.env['FUZZ_RUNS'] ?? 4000)
const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31)
const MINUTE_MS = 60_000
const testTimeoutMs = Math.max(MINUTE_MS, runs * 10)
/** The part of the cases that must be read to the end, or the generator makes only rubbish. */
const COMPLETE_SHARE_MIN = 0.3
/** Bytes at the beginning and at the end of a header at each of which it is cut. */
const CUTS_AT_EACH_END = 130

/** A reading in the twin's words. Addresses that have no text form of their own are found out. */
function inTwinsWords(reading: ProxyHeaderReading): TwinReading {
  if (reading.outcome !== 'complete') return reading.outcome
  const { bytes, ends } = reading
  if (ends === null) return { bytes, ends }
  const { source, destination } = ends
  const digits = [source, destination].map(({ address }) => {
    return digitsOf(address, isIPv4(address) ? '4' : '6') ?? `no address: ${address}`
  })
  return { bytes, ends: [...digits, source.port, destination.port].join(' ') }
}

/** Less than the whole may only be less certain, never anything else. */
function expectSameWhenCut(bytes: Buffer, whole: ProxyHeaderReading): void {
  const end = whole.outcome === 'complete' ? whole.bytes : bytes.length
  for (let cut = 0; cut < end; cut++) {
    if (cut > CUTS_AT_EACH_END && cut < end - CUTS_AT_EACH_END) continue
    const { outcome } = parseProxyHeader(bytes, 0, cut)
    const isRight =
      outcome === 'incomplete' || (outcome === 'malformed' && whole.outcome === outcome)
    if (!isRight) expect(outcome, `cut at ${cut} of ${whole.outcome}`).toBe('incomplete')
  }
}

describe('the PROXY protocol beside its plainest reader', () => {
  it(
    'reads headers alike, whole and in pieces',
    () => {
      const random = new Seeded(seed)
      const tally = { complete: 0, malformed: 0, incomplete: 0 }
      let declared = 0
      for (let run = 0; run < runs; run++) {
        const bytes = headerBytes(random)
        try {
          const reading = parseProxyHeader(bytes, 0, bytes.length)
          expect(inTwinsWords(reading)).toEqual(readLikeTwin(bytes))
          expectSameWhenCut(bytes, reading)
          if (bytes.length >= PROXY_HEADER_BYTES_MAX) expect(reading.outcome).not.toBe('incomplete')
          tally[reading.outcome]++
          if (reading.outcome === 'complete' && reading.ends !== null) declared++
        } catch (cause) {
          throw new Error(`seed ${seed}, run ${run}: ${bytes.toString('hex')}`, { cause })
        }
      }
      console.log(
        `headers: seed ${seed}, ${runs} runs, ${tally.complete} complete, ${declared} with ends, ` +
          `${tally.malformed} malformed, ${tally.incomplete} incomplete`,
      )
      expect(tally.complete).toBeGreaterThan(runs * COMPLETE_SHARE_MIN)
      expect(Math.min(declared, tally.malformed, tally.incomplete)).toBeGreaterThan(0)
    },
    testTimeoutMs,
  )
})
