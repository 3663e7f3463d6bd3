import { describe, expect, it } from 'vitest'
import { COUNTER, COUNTER_STRIDE, type CounterName } from '../../../../src/memory/counters.ts'
import {
  ProcessVariables,
  reserveProcessVariables,
} from '../../../../src/memory/process-variables.ts'
import { ExchangeRecord } from '../../../../src/worker/exchange/exchange-record.ts'

const ROW = 1
const COLUMNS = ['serverResponses', 'serverErrors', 'gatewayErrors', 'responseTime'] as const

/** What an exchange that ends with a status adds to the observed columns of a row. */
function countedOf(status: number, isOfServer: boolean): Record<string, number | undefined> {
  const record = new ExchangeRecord(new ProcessVariables(reserveProcessVariables()))
  record.begin(100, 101)
  record.connectedMs = 102
  record.responseMs = isOfServer ? 109 : -1
  record.status = status
  const cells = new Float64Array(2 * COUNTER_STRIDE)
  record.count(cells, ROW, 110)
  const read = (name: CounterName) => cells[ROW * COUNTER_STRIDE + COUNTER[name]]
  return Object.fromEntries(COLUMNS.map((name) => [name, read(name)]))
}

describe('what servers are observed by', () => {
  it.each([
    [200, 0, 0],
    [404, 0, 0],
    [500, 1, 0],
    [501, 0, 0],
    [502, 1, 1],
    [503, 1, 1],
    [504, 1, 1],
    [505, 0, 0],
    [599, 1, 0],
  ])('a response %i is %i error, %i of a gateway', (status, serverErrors, gatewayErrors) => {
    const expected = { serverResponses: 1, serverErrors, gatewayErrors, responseTime: 7 }
    expect(countedOf(status, true)).toEqual(expected)
  })

  it.each([408, 500, 502, 503, 504])('an answer %i of our own is nothing of theirs', (status) => {
    const nothing = { serverResponses: 0, serverErrors: 0, gatewayErrors: 0, responseTime: 0 }
    expect(countedOf(status, false)).toEqual(nothing)
  })
})
