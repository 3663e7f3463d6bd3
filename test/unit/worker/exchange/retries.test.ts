import { describe, expect, it } from 'vitest'
import { SERVER_STATE } from '../../../../src/memory/server-table.ts'
import type { FakeConn } from '../fake-network.ts'
import {
  BUSY,
  CAUSES,
  EMPTY,
  ends,
  expectReleased,
  GET,
  type Lab,
  lastOf,
  OK,
  POST,
  REFUSED,
  resets,
  SLACK_MS,
  startAll,
  statusOf,
  triesOf,
} from '../retry-lab.ts'
import { FRONTEND_TIMEOUTS, SERVER, SERVER_MS, start } from '../session-lab.ts'

const HINTS = 'HTTP/1.1 103 Early Hints\r\n\r\n'

describe('a status that is tried again', () => {
  it('is not seen by the client, however it comes', () => {
    for (let cut = 0; cut < BUSY.length; cut++) {
      const lab = startAll({ retryOnStatuses: [503] })
      lab.client.receive(GET)
      const first = lab.connectServer()
      if (cut > 0) first.receive(BUSY.slice(0, cut))
      first.receive(BUSY.slice(cut))
      expect(first.destroyed).toBe(true)
      const second = lab.connectServer()
      expect(second.to).not.toBe(first.to)
      expect([second.written, lab.client.written]).toEqual([GET, ''])
      second.receive(OK)
      expect(lab.client.written).toBe(OK)
      expect(lab.places()).toEqual([0, 0, 0])
    }
  })

  it('goes to the same server without redispatch', () => {
    const lab = startAll({ retryOnStatuses: [503], redispatch: false })
    lab.client.receive(GET)
    const { to } = lab.connectServer()
    lastOf(lab).receive(BUSY)
    expect(lastOf(lab).to).toBe(to)
    lab.connectServer().receive(OK)
    expect(lab.client.written).toBe(OK)
    expect([lab.counted('retries'), lab.counted('redispatches')]).toEqual([1, 0])
    expectReleased(lab)
  })

  it('goes to the only server at once', () => {
    const lab = startAll({ retryOnStatuses: [503] }, 1)
    lab.client.receive(GET)
    lab.connectServer().receive(BUSY)
    lab.connectServer().receive(OK)
    expect(lab.client.written).toBe(OK)
    expect([lab.counted('retries'), lab.counted('redispatches')]).toEqual([1, 0])
    expectReleased(lab)
  })

  it('may be sent on an idle connection, and again if that is closed', () => {
    const lab = startAll({ retryOnStatuses: [503] }, 1)
    const other = lab.connectClient()
    const clients = [lab.client, other]
    const idle = clients.map((client) => {
      client.receive(GET)
      return lab.connectServer()
    })
    for (const server of idle) server.receive(OK)
    lab.client.receive(GET)
    const [older, newer] = idle as [FakeConn, FakeConn]
    newer.receive(BUSY)
    expect([newer.destroyed, older.written]).toEqual([true, GET + GET])
    ends(older)
    lab.connectServer().receive(OK)
    expect(lab.client.written).toBe(OK + OK)
    expect(lab.counted('retries')).toBe(2)
    expectReleased(lab)
  })

  it('is seen when the tries are spent, and its connection is kept', () => {
    const lab = startAll({ retryOnStatuses: [503], retries: 2 })
    lab.client.receive(GET)
    for (let n = 0; n < 3; n++) lab.connectServer().receive(BUSY)
    expect(lab.client.written).toBe(BUSY)
    expect(lab.engine.opened.map(({ destroyed }) => destroyed)).toEqual([true, true, false])
    expect(lab.client.ended).toBe(false)
    expectReleased(lab)
  })

  it('is seen when the budget is spent', () => {
    const budget = { percent: 10, minPerSec: 0 }
    const lab = startAll({ retryOnStatuses: [503], retryBudget: budget, httpReuse: 'safe' })
    const ask = (answers: readonly string[]): string => {
      const client = lab.connectClient()
      client.receive(GET)
      for (const answer of answers) lab.connectServer().receive(answer)
      return client.written
    }
    expect(ask([BUSY])).toBe(BUSY)
    for (let n = 0; n < 8; n++) expect(ask([OK])).toBe(OK)
    expect(lab.counted('retriesDenied')).toBe(1)
    expect(ask([BUSY, OK])).toBe(OK)
    expect(ask([BUSY])).toBe(BUSY)
    expect([lab.counted('retriesDenied'), lab.counted('retries')]).toEqual([2, 1])
    lab.pass(11_000)
    for (let n = 0; n < 9; n++) expect(ask([OK])).toBe(OK)
    expect(ask([BUSY, BUSY])).toBe(BUSY)
    expect([lab.counted('retriesDenied'), lab.counted('retries')]).toEqual([3, 2])
  })

  it('is seen where it is not named', () => {
    const lab = startAll({ retryOnStatuses: [500, 504] })
    lab.client.receive(GET)
    lab.connectServer().receive(BUSY)
    expect(lab.client.written).toBe(BUSY)
    expectReleased(lab)
  })
})

describe('a request', () => {
  it('has its tries for all causes together', () => {
    const lab = startAll({ retryOnStatuses: [503], retries: 3 })
    lab.client.receive(GET)
    REFUSED.happen(lab, lastOf(lab))
    EMPTY.happen(lab, lastOf(lab))
    lab.connectServer().receive(BUSY)
    expect(lab.client.written).toBe('')
    EMPTY.happen(lab, lastOf(lab))
    expect([triesOf(lab), statusOf(lab.client)]).toEqual([4, 502])
    expectReleased(lab)
  })

  it('has all its tries left when an idle connection had been closed', () => {
    const lab = startAll({ retries: 1 }, 1)
    lab.client.receive(GET)
    const idle = lab.connectServer()
    idle.receive(OK)
    lab.client.receive(GET)
    resets(idle)
    EMPTY.happen(lab, lastOf(lab))
    EMPTY.happen(lab, lastOf(lab))
    expect(triesOf(lab)).toBe(3)
    expect(lab.client.written).toMatch(/^HTTP\/1\.1 200 .*okHTTP\/1\.1 502 /s)
    expectReleased(lab)
  })

  it('has its tries anew when it is the next one of its client', () => {
    const lab = startAll({ retries: 2 })
    let tries = 0
    let answers = ''
    for (const failures of [1, 2, 0, 2]) {
      lab.client.receive(GET)
      for (let n = 0; n < failures; n++) EMPTY.happen(lab, lastOf(lab))
      // What one has been told in between must not keep the next from being tried again.
      lab.connectServer().receive(`${HINTS}${OK.slice(0, -4)}Connection: close\r\n\r\nok`)
      tries += failures + 1
      answers += HINTS + OK
      expect([triesOf(lab), lab.client.written]).toEqual([tries, answers])
    }
    expectReleased(lab)
  })

  it('has the whole of timeout server with each try', () => {
    const lab = startAll({ retries: 1 })
    lab.client.receive(GET)
    lab.connectServer()
    lab.pass(SERVER_MS + SLACK_MS)
    const second = lab.connectServer()
    lab.pass(SERVER_MS - SLACK_MS)
    expect(lab.client.written).toBe('')
    second.receive(OK)
    expect(lab.client.written).toBe(OK)
    expectReleased(lab)
  })

  it('is not late while its client is waited for', () => {
    const timeouts = { ...FRONTEND_TIMEOUTS, clientMs: 10 * SERVER_MS }
    const lab = start({}, { frontend: { timeouts }, backend: { retryOn: CAUSES } })
    lab.client.receive('PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n')
    const server = lab.connectServer()
    lab.pass(2 * SERVER_MS)
    lab.client.receive('hi')
    lab.client.takesMore = false
    server.receive(HINTS)
    lab.pass(2 * SERVER_MS)
    lab.client.takesMore = true
    lab.client.handler.onDrain(lab.client)
    lab.pass(SERVER_MS - SLACK_MS)
    lab.client.takesMore = false
    server.receive(OK.slice(0, -1))
    lab.pass(2 * SERVER_MS)
    expect([triesOf(lab), lab.client.written]).toEqual([1, HINTS + OK.slice(0, -1)])
    lab.client.handler.onDrain(lab.client)
    server.receive(OK.slice(-1))
    expect(lab.client.written).toBe(HINTS + OK)
    expect(lab.client.destroyed).toBe(false)
    expect(lab.places()).toEqual([0, 0])
  })

  it('is late once its response has begun, though its client has more to send', () => {
    const timeouts = { ...FRONTEND_TIMEOUTS, clientMs: 10 * SERVER_MS }
    const lab = start({}, { frontend: { timeouts }, backend: { retryOn: CAUSES } })
    lab.client.receive('PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n')
    lab.connectServer().receive(OK.slice(0, -1))
    lab.pass(SERVER_MS + SLACK_MS)
    const closing = OK.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n')
    expect([triesOf(lab), lab.client.written]).toEqual([1, closing.slice(0, -1)])
    expect(lab.client.ended).toBe(true)
    expectReleased(lab)
  })

  it.each([HINTS, 'HTTP/1.1 100 Continue\r\n\r\n'])(
    'is not tried again once its client has seen %j',
    (interim) => {
      const happenings: ((server: FakeConn, lab: Lab) => void)[] = [
        ends,
        resets,
        (server) => server.receive('junk\r\n\r\n'),
        (_, lab) => lab.pass(SERVER_MS + SLACK_MS),
      ]
      for (const happen of happenings) {
        const lab = startAll()
        lab.client.receive(GET)
        const server = lab.connectServer()
        server.receive(interim)
        expect(lab.client.written).toBe(interim)
        happen(server, lab)
        expect(triesOf(lab)).toBe(1)
        expect(lab.client.written.slice(interim.length)).toMatch(/^HTTP\/1\.1 50[24] /)
        expectReleased(lab)
      }
    },
  )

  it('is answered with a status that is tried again once its client has seen something', () => {
    const lab = startAll({ retryOnStatuses: [503] })
    lab.client.receive(GET)
    lab.connectServer().receive(HINTS + BUSY)
    expect([triesOf(lab), lab.client.written]).toEqual([1, HINTS + BUSY])
    expectReleased(lab)
  })

  it('is not tried again once its response has begun', () => {
    for (const happen of [ends, resets]) {
      const lab = startAll()
      lab.client.receive(GET)
      const server = lab.connectServer()
      server.receive(OK.slice(0, -1))
      happen(server)
      expect([triesOf(lab), lab.client.written]).toEqual([1, OK.slice(0, -1)])
      expect(lab.client.ended).toBe(true)
      expectReleased(lab)
    }
  })

  it('is answered when no server is up any more', () => {
    const lab = startAll()
    lab.client.receive(GET)
    for (const row of [SERVER, SERVER + 1]) lab.table.setState(row, SERVER_STATE.down)
    EMPTY.happen(lab, lastOf(lab))
    expect([triesOf(lab), statusOf(lab.client)]).toEqual([1, 503])
    expectReleased(lab)
  })

  it('goes elsewhere without redispatch where its server has been found to be down', () => {
    const lab = startAll({ redispatch: false })
    lab.client.receive(GET)
    const first = lastOf(lab)
    lab.table.setState(first.to === '10.0.0.1' ? SERVER : SERVER + 1, SERVER_STATE.down)
    EMPTY.happen(lab, first)
    expect(lastOf(lab).to).not.toBe(first.to)
    lab.connectServer().receive(OK)
    expect(lab.client.written).toBe(OK)
    expect(lab.counted('redispatches')).toBe(1)
    expectReleased(lab)
  })

  it('is answered when its client has ended its side meanwhile', () => {
    const lab = startAll()
    lab.client.receive(GET)
    EMPTY.happen(lab, lastOf(lab))
    lab.client.handler.onEnd(lab.client)
    lab.connectServer().receive(OK)
    expect(lab.client.written).toMatch(/^HTTP\/1\.1 200 .*\r\nConnection: close\r\n\r\nok$/s)
    expect(lab.client.ended).toBe(true)
    expectReleased(lab)
  })

  it('leaves nothing behind when its client leaves before the next try', () => {
    const lab = startAll({ redispatch: false })
    lab.client.receive(GET)
    REFUSED.happen(lab, lastOf(lab))
    lab.client.handler.onClose(lab.client, 'reset')
    expectReleased(lab)
    expect([triesOf(lab), lab.connections.size]).toEqual([1, 0])
  })

  it('does not hold up those that its client has sent ahead', () => {
    const lab = startAll({ retryOnStatuses: [503] }, 1)
    lab.client.receive(GET + GET + POST)
    lab.connectServer().receive(BUSY)
    EMPTY.happen(lab, lastOf(lab))
    const server = lab.connectServer()
    expect(server.written).toBe(GET)
    for (let n = 0; n < 3; n++) server.receive(OK)
    expect(server.written).toBe(GET + GET + POST)
    expect(lab.client.written).toBe(OK.repeat(3))
    expectReleased(lab)
  })
})
