import { describe, expect, it } from 'vitest'
import {
  BUSY,
  CAUSES,
  expectReleased,
  FAILURES,
  GET,
  lastOf,
  OK,
  POST,
  SLACK_MS,
  startAll,
  statusOf,
  triesOf,
} from './retry-lab.ts'

describe.each(FAILURES)('a connection that $what', ({ cause, happen, status }) => {
  it.each([false, true])('is replaced where retry-on says so; redispatch %s', (redispatch) => {
    const lab = startAll({ retryOn: [cause], redispatch })
    lab.client.receive(GET)
    const first = lastOf(lab)
    happen(lab, first)
    // HAProxy's turnaround: a server that could not be reached is left alone for a second.
    if (cause === 'conn-failure' && !redispatch) {
      expect(triesOf(lab)).toBe(1)
      lab.pass(1000 + SLACK_MS)
    }
    expect(triesOf(lab)).toBe(2)
    expect(lab.places().reduce((sum, sessions) => sum + sessions)).toBe(2)
    const second = lab.connectServer()
    expect(second.to === first.to).toBe(!redispatch)
    expect(second.written).toBe(GET)
    second.receive(OK)
    expect(lab.client.written).toBe(OK)
    expect([lab.counted('retries'), lab.counted('redispatches')]).toEqual([1, redispatch ? 1 : 0])
    expectReleased(lab)
    // What the first one still says is heard by nobody.
    first.receive(OK)
    first.handler.onClose(first, 'aborted')
    expect(lab.client.written).toBe(OK)
  })

  it('is an error where retry-on says something else', () => {
    const lab = startAll({ retryOn: CAUSES.filter((other) => other !== cause) })
    lab.client.receive(GET)
    happen(lab, lastOf(lab))
    expect([triesOf(lab), statusOf(lab.client)]).toEqual([1, status])
    expect([lab.client.ended, lab.client.written.includes('Connection:')]).toEqual([false, false])
    expect(lab.counted('retriesDenied')).toBe(0)
    expectReleased(lab)
  })

  it('is an error where no try is left', () => {
    const lab = startAll({ retries: 2 })
    lab.client.receive(GET)
    for (let n = 0; n < 3; n++) happen(lab, lastOf(lab))
    expect([triesOf(lab), statusOf(lab.client)]).toEqual([3, status])
    expect(lab.counted('retries')).toBe(2)
    expectReleased(lab)
  })

  it('is an error where the budget is spent, unless no server has had work', () => {
    const lab = startAll({ retryBudget: { percent: 0, minPerSec: 0 } })
    lab.client.receive(GET)
    happen(lab, lastOf(lab))
    const isFree = cause === 'conn-failure'
    expect(triesOf(lab)).toBe(isFree ? 2 : 1)
    expect(lab.counted('retriesDenied')).toBe(isFree ? 0 : 1)
    if (isFree) lab.connectServer().receive(OK)
    expect(statusOf(lab.client)).toBe(isFree ? 200 : status)
    expectReleased(lab)
  })

  it('is replaced for a request that may not be done twice only if it had none of it', () => {
    const lab = startAll()
    lab.client.receive(POST)
    happen(lab, lastOf(lab))
    const isFree = cause === 'conn-failure'
    expect(triesOf(lab)).toBe(isFree ? 2 : 1)
    if (isFree) {
      const second = lab.connectServer()
      expect(second.written).toBe(POST)
      second.receive(OK)
    }
    expect(statusOf(lab.client)).toBe(isFree ? 200 : status)
    expectReleased(lab)
  })

  it('leaves nothing behind when the client leaves within the next try', () => {
    const lab = startAll()
    lab.client.receive(GET)
    happen(lab, lastOf(lab))
    const second = lastOf(lab)
    lab.client.handler.onClose(lab.client, null)
    expect(second.destroyed).toBe(true)
    expectReleased(lab)
    expect(lab.connections.size).toBe(0)
  })
})

describe('methods', () => {
  it.each([
    ['GET', true],
    ['HEAD', true],
    ['OPTIONS', true],
    ['TRACE', true],
    ['PUT', true],
    ['DELETE', true],
    ['POST', false],
    ['PATCH', false],
    ['BREW', false],
    ['get', false],
  ])('%s is sent a second time: %s', (method, isAgain) => {
    const lab = startAll({ retryOnStatuses: [503] })
    lab.client.receive(`${method} / HTTP/1.1\r\nHost: a\r\n\r\n`)
    lab.connectServer().receive(BUSY)
    expect(triesOf(lab)).toBe(isAgain ? 2 : 1)
    expect(lab.client.written).toBe(isAgain ? '' : BUSY)
  })
})
