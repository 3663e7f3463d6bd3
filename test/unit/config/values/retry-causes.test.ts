import { describe, expect, it } from 'vitest'
import type { BackendConfig } from '../../../../src/model/config.ts'
import { configOf } from '../loading.ts'

/** The backend of a config with these keys in `defaults` and in the backend. */
function backendOf(defaults: string, own = ''): BackendConfig {
  const { backends } = configOf(`
defaults: {mode: http${defaults && `, ${defaults}`}}
frontends: {web: {bind: ":1"}}
backends: {app: {servers: {a: "h:1"}${own && `, ${own}`}}}
`)
  return backends[0] as BackendConfig
}

describe('retry-on', () => {
  const four = ['conn-failure', 'empty-response', 'junk-response', 'response-timeout']
  it.each([
    ['none', [], []],
    ['[none]', [], []],
    ['conn-failure', ['conn-failure'], []],
    ['[response-timeout, conn-failure, conn-failure]', ['conn-failure', 'response-timeout'], []],
    ['503', [], [503]],
    ['[504, empty-response, 401, 504]', ['empty-response'], [401, 504]],
    ['all-retryable-errors', four, [500, 502, 503, 504]],
    ['[all-retryable-errors, junk-response, 429]', four, [429, 500, 502, 503, 504]],
    ['[401, 403, 404, 408, 421, 425, 429, 500, 501, 502, 503, 504]', [], 12],
  ])('%s is %j, and the statuses %j', (text, causes, statuses) => {
    const { retryOn, retryOnStatuses } = backendOf(`retry-on: ${text}`)
    expect(retryOn).toEqual(causes)
    if (Array.isArray(statuses)) expect(retryOnStatuses).toEqual(statuses)
    else expect(retryOnStatuses).toHaveLength(statuses)
  })

  it('of a backend takes the place of that of defaults', () => {
    expect(backendOf('retry-on: [503, empty-response]', 'retry-on: 404')).toMatchObject({
      retryOn: [],
      retryOnStatuses: [404],
    })
  })

  it('is cut to failed connections in mode tcp', () => {
    expect(backendOf('retry-on: all-retryable-errors', 'mode: tcp')).toMatchObject({
      retryOn: ['conn-failure'],
      retryOnStatuses: [],
    })
    expect(backendOf('retry-on: 503', 'mode: tcp')).toMatchObject({
      retryOn: [],
      retryOnStatuses: [],
    })
  })
})

describe('retry-budget', () => {
  it.each([
    ['', '', { percent: 20, minPerSec: 10 }],
    ['retry-budget: {percent: 5, min-per-sec: 7}', '', { percent: 5, minPerSec: 7 }],
    ['retry-budget: {percent: 5}', '', { percent: 5, minPerSec: 10 }],
    [
      'retry-budget: {percent: 5, min-per-sec: 7}',
      'retry-on: 503, retry-budget: {min-per-sec: 0}',
      { percent: 5, minPerSec: 0 },
    ],
    ['', 'retry-on: 503, retry-budget: {percent: 0, min-per-sec: 0}', { percent: 0, minPerSec: 0 }],
  ])('{%s} and {%s} are %j', (defaults, own, budget) => {
    expect(backendOf(defaults, own).retryBudget).toEqual(budget)
  })
})

describe('http-reuse', () => {
  it.each(['never', 'safe', 'aggressive', 'always'])('can be %s', (mode) => {
    expect(backendOf(`http-reuse: ${mode}`).httpReuse).toBe(mode)
    expect(backendOf('http-reuse: safe', `http-reuse: ${mode}`).httpReuse).toBe(mode)
  })
})
