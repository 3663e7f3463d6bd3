import { describe, expect, it } from 'vitest'
import {
  connectionSample,
  countsBetween,
  exchangeSample,
  type ObservedCounts,
  readObserved,
  sampleIn,
} from '../../../src/health/observation-sample.ts'
import { COUNTER, COUNTER_STRIDE, type CounterName } from '../../../src/memory/counters.ts'
import { ServerTable } from '../../../src/memory/server-table.ts'

const ROW = 3

/** What a table with these cells, of two workers, is read as. */
function observed(...workers: Partial<Record<CounterName, number>>[]): ObservedCounts {
  const table = ServerTable.create(2)
  for (const [worker, cells] of workers.entries()) {
    for (const [name, value] of Object.entries(cells)) {
      table.counters(worker)[ROW * COUNTER_STRIDE + COUNTER[name as CounterName]] = value
    }
  }
  return readObserved(table, ROW)
}

describe('the counters of a server', () => {
  it('are read over all workers', () => {
    const { serverResponses, connectionErrors } = observed(
      { serverResponses: 2, connectionErrors: 1 },
      { serverResponses: 3 },
    )
    expect({ serverResponses, connectionErrors }).toEqual({
      serverResponses: 5,
      connectionErrors: 1,
    })
  })

  it('give what was added, and nothing negative where the row was cleared', () => {
    const before = observed({ serverResponses: 5, serverErrors: 4 })
    const between = countsBetween(before, observed({ serverResponses: 8, serverErrors: 1 }))
    expect(between).toMatchObject({ serverResponses: 3, serverErrors: 0 })
  })
})

describe('exchanges', () => {
  it.each<[string, Partial<Record<CounterName, number>>, [number, number, number]]>([
    ['nothing', {}, [0, 0, 0]],
    ['good answers', { serverResponses: 4 }, [4, 0, 0]],
    ['errors of the server', { serverResponses: 4, serverErrors: 3 }, [1, 3, 0]],
    ['a 503', { serverResponses: 1, serverErrors: 1, gatewayErrors: 1 }, [0, 1, 1]],
    ['no answer', { responseErrors: 2 }, [0, 2, 2]],
    [
      'an answer that is cut',
      { serverResponses: 1, responseErrors: 1, serverAborts: 1 },
      [0, 1, 1],
    ],
    ['a tunnel that is cut', { serverAborts: 1 }, [0, 0, 0]],
    ['no connection', { connectionErrors: 2 }, [0, 2, 2]],
    ['what another server was asked again for', { failedTries: 3 }, [0, 3, 3]],
  ])('%s', (_, cells, [successes, errors, gatewayErrors]) => {
    expect(exchangeSample(observed(cells))).toMatchObject({ successes, errors, gatewayErrors })
  })

  it('have the sum of response times', () => {
    const sample = exchangeSample(observed({ serverResponses: 2, responseTime: 30 }))
    expect(sample).toMatchObject({ responses: 2, responseMs: 30 })
  })
})

describe('connections', () => {
  it('are good once they are open', () => {
    const counts = observed({ connectionsOpened: 3, connectionErrors: 2, serverErrors: 9 })
    expect(connectionSample(counts)).toMatchObject({ successes: 3, errors: 2, gatewayErrors: 2 })
  })

  it('are what counts in mode tcp alone', () => {
    const counts = observed({ connectionsOpened: 1, serverResponses: 1, serverErrors: 1 })
    expect(sampleIn('tcp', counts)).toMatchObject({ successes: 1, errors: 0 })
    expect(sampleIn('http', counts)).toMatchObject({ successes: 0, errors: 1 })
  })
})
