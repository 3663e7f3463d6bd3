import { describe, expect, it } from 'vitest'
import type { Sample } from '../../../src/health/observation-sample.ts'
import { findOutliers } from '../../../src/health/outlier-causes.ts'
import { OutlierHistory } from '../../../src/health/outlier-history.ts'
import type { OutlierDetectionConfig } from '../../../src/model/observation-config.ts'
import { CONFIG, STEP_MS, sampleOf } from './outlier-lab.ts'

const COMPARED = { minHosts: 3, minRequests: 30 }

/** Who stands out, each server given by what it did in one step after another. */
function outliersOf(
  servers: Readonly<Record<string, readonly Sample[]>>,
  changes: Partial<OutlierDetectionConfig>,
): Record<string, string> {
  const config = { ...CONFIG, consecutiveErrors: 0, ...changes }
  const suspects = Object.entries(servers).map(([key, samples]) => {
    const history = new OutlierHistory()
    for (const [step, sample] of samples.entries()) {
      history.add(sample, 1_000_000 + step * STEP_MS, config.intervalMs)
    }
    return { key, history }
  })
  return Object.fromEntries(findOutliers(suspects, config).map(({ key, cause }) => [key, cause]))
}

describe('errors in a row', () => {
  const config = { consecutiveErrors: 5, consecutiveGatewayErrors: 3 }
  const gateway = (errors: number): Sample => sampleOf(0, errors, 0, errors)

  it.each<[string, Sample[], string | undefined]>([
    ['too few', [sampleOf(0, 4)], undefined],
    ['enough', [sampleOf(0, 5)], 'consecutive-errors'],
    [
      'enough over several samples',
      [sampleOf(0, 2), sampleOf(0, 0), sampleOf(0, 3)],
      'consecutive-errors',
    ],
    ['a success between them', [sampleOf(0, 3), sampleOf(1, 0), sampleOf(0, 4)], undefined],
    ['a success among them', [sampleOf(0, 3), sampleOf(1, 9)], undefined],
    ['gateway errors', [gateway(3)], 'consecutive-gateway-errors'],
    ['another error between gateway errors', [gateway(2), sampleOf(0, 1), gateway(1)], undefined],
    ['gateway errors that are enough errors', [gateway(5)], 'consecutive-errors'],
  ])('%s', (_, samples, cause) => {
    expect(outliersOf({ s: samples }, config)['s']).toBe(cause)
  })

  it('are not counted with a limit of 0', () => {
    const off = { consecutiveErrors: 0, consecutiveGatewayErrors: 0 }
    expect(outliersOf({ s: [gateway(1000)] }, off)).toEqual({})
  })
})

describe('the success rate', () => {
  const config = { successRate: { ...COMPARED, stdevFactor: 1.9 } }
  const good = [sampleOf(40, 0)]
  const half = [sampleOf(20, 20)]

  it.each<[string, Record<string, Sample[]>, string[]]>([
    ['one of three fails half', { a: good, b: good, c: half }, ['c']],
    ['two of five fail half', { a: good, b: half, c: good, d: half, e: good }, ['b', 'd']],
    ['all fail half', { a: half, b: half, c: half }, []],
    ['all are good', { a: good, b: good, c: good }, []],
    ['an error in forty', { a: good, b: good, c: [sampleOf(39, 1)] }, []],
    ['too few servers', { a: good, b: half }, []],
    ['too few servers with enough requests', { a: good, b: [sampleOf(5, 0)], c: half }, []],
    ['the bad one has too few requests', { a: good, b: good, c: good, d: [sampleOf(0, 29)] }, []],
    [
      'servers that scatter',
      { a: [sampleOf(40, 0)], b: [sampleOf(30, 10)], c: [sampleOf(20, 20)] },
      [],
    ],
  ])('%s', (_, servers, outliers) => {
    expect(Object.keys(outliersOf(servers, config)).sort()).toEqual(outliers)
  })

  it('names the worst first', () => {
    const worse = [sampleOf(4, 36)]
    const found = outliersOf({ a: good, b: half, c: worse, d: good, e: good }, config)
    expect(Object.keys(found)).toEqual(['c', 'b'])
  })

  it('is that of the interval', () => {
    const later = Array.from({ length: 45 }, () => sampleOf(1, 0))
    const samples = { a: [...good, ...later], b: [...good, ...later], c: [...half, ...later] }
    expect(outliersOf(samples, config)).toEqual({})
  })
})

describe('the latency', () => {
  const config = { latency: { ...COMPARED, factor: 3 } }
  const taking = (meanMs: number, responses = 40): Sample[] => [
    sampleOf(responses, 0, meanMs * responses),
  ]

  it.each<[string, Record<string, Sample[]>, string[]]>([
    ['four times the median', { a: taking(50), b: taking(60), c: taking(240) }, ['c']],
    ['twice the median', { a: taking(50), b: taking(60), c: taking(120) }, []],
    ['many times next to nothing', { a: taking(0.1), b: taking(0.2), c: taking(15) }, []],
    ['too few responses', { a: taking(50), b: taking(60), c: taking(50), d: taking(900, 29) }, []],
    ['too few servers', { a: taking(50), b: taking(900) }, []],
    ['no answers at all', { a: [], b: [], c: [] }, []],
  ])('%s', (_, servers, outliers) => {
    expect(Object.keys(outliersOf(servers, config))).toEqual(outliers)
  })
})
