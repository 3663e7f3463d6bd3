import { describe, expect, it } from 'vitest'
import { errorAnswer } from '../../../src/http/answers/error-answers.ts'
import type { FakeConn } from './fake-network.ts'
import { CLIENT_MS, FRONTEND_TIMEOUTS, type LabPlan, start } from './session-lab.ts'

const POST = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n'
const TOO_LARGE = 'HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig'
const CLOSING = TOO_LARGE.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n')
/** `timeout client-fin` here, longer than `timeout client`. */
const CLIENT_FIN_MS = 4 * CLIENT_MS
/** Later than a deadline that is due: the wheel's tick and its granularity are added. */
const SLACK_MS = 200

const PLAN: LabPlan = {
  frontend: { timeouts: { ...FRONTEND_TIMEOUTS, clientFinMs: CLIENT_FIN_MS } },
}

/** A client that uploads, and is answered before it has finished. */
function startEarly(answer = TOO_LARGE) {
  const lab = start({}, PLAN)
  lab.client.receive(POST)
  const server = lab.connectServer()
  server.receive(answer)
  return { ...lab, server }
}

/** Sends a byte every so often, for as long as the connection is there; returns how long that was. */
function upload(client: FakeConn, pass: (ms: number) => void, everyMs: number): number {
  let sinceMs = 0
  for (; !client.destroyed && sinceMs < 10 * CLIENT_FIN_MS; sinceMs += everyMs) {
    client.receive('u')
    pass(everyMs)
  }
  return sinceMs
}

describe('an answer that comes before its request is whole', () => {
  it('is delivered at once, says that the connection closes, and frees the server', () => {
    const { client, server, places } = startEarly()
    expect([client.written, client.ended, client.destroyed]).toEqual([CLOSING, true, false])
    expect(server.destroyed).toBe(true)
    expect(places()).toEqual([0, 0])
  })

  it('says so, too, where its request turns out whole before it is', () => {
    const { client, server } = startEarly(TOO_LARGE.slice(0, -1))
    client.receive('u'.repeat(100_000))
    server.receive('g')
    expect([client.written, client.ended]).toEqual([CLOSING, true])
  })

  it('leaves a slow upload the time of client-fin, and reads it', () => {
    const { client, pass } = startEarly()
    const lastedMs = upload(client, pass, CLIENT_MS - SLACK_MS)
    expect(lastedMs).toBeGreaterThanOrEqual(CLIENT_FIN_MS)
    expect(lastedMs).toBeLessThan(CLIENT_FIN_MS + CLIENT_MS)
    expect([client.paused, client.written]).toEqual([false, CLOSING])
  })

  it('gives up an upload that stands still for the client timeout', () => {
    const { client, pass } = startEarly()
    pass(CLIENT_MS / 2)
    client.receive('u')
    pass(CLIENT_MS - SLACK_MS)
    expect(client.destroyed).toBe(false)
    pass(2 * SLACK_MS)
    expect(client.destroyed).toBe(true)
  })

  it('counts the time from when the answer has left', () => {
    const lab = start({}, PLAN)
    lab.client.receive(POST)
    lab.client.queuedBytes = 50_000
    lab.connectServer().receive(TOO_LARGE)
    lab.pass(CLIENT_MS - SLACK_MS)
    lab.client.queuedBytes = 0
    lab.pass(2 * SLACK_MS)
    expect(upload(lab.client, lab.pass, SLACK_MS)).toBeGreaterThan(CLIENT_FIN_MS - 2 * SLACK_MS)
  })

  it('is one of ours where a rule refuses the request', () => {
    const { client, pass } = start(
      {},
      { ...PLAN, frontend: { ...PLAN.frontend, httpRequest: ['deny'] } },
    )
    client.receive(POST)
    expect(client.written).toMatch(/^HTTP\/1\.1 403 .*\r\nConnection: close\r\n/s)
    expect(upload(client, pass, CLIENT_MS / 2)).toBeGreaterThanOrEqual(CLIENT_FIN_MS)
  })

  it('waits no second time for a client that was late with its request', () => {
    const { client, pass, connectServer } = start({}, PLAN)
    client.receive(POST)
    connectServer()
    pass(CLIENT_MS + SLACK_MS)
    expect(client.written).toMatch(/^HTTP\/1\.1 408 /)
    pass(2000 + SLACK_MS)
    expect(client.destroyed).toBe(true)
  })

  it('ends with a reset for a client that takes nothing of it', () => {
    const lab = start({}, PLAN)
    lab.client.receive(POST)
    lab.client.queuedBytes = 50_000
    lab.connectServer().receive(TOO_LARGE)
    lab.pass(CLIENT_MS + SLACK_MS)
    expect(lab.client.wasReset).toBe(true)
  })
})

describe('our own answer to a request that came whole', () => {
  const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'

  it.each([403, 429])('keeps the connection with %i of a rule', (status) => {
    const httpRequest = [`deny deny_status ${status}`]
    const { client } = start({}, { frontend: { httpRequest } })
    client.receive(GET + GET)
    expect(client.written.match(new RegExp(`HTTP/1\\.1 ${status} `, 'g'))).toHaveLength(2)
    expect([client.ended, client.written.includes('Connection')]).toEqual([false, false])
  })

  it.each([
    ['502', (server: FakeConn) => server.handler.onEnd(server)],
    ['503', (server: FakeConn) => server.handler.onClose(server, 'refused')],
  ] as const)('keeps it with %s', (status, fail) => {
    const { client, engine, connectServer } = start({}, { backend: { retries: 0 } })
    client.receive(GET + GET)
    for (let n = 0; n < 2; n++) {
      const server = engine.opened.at(-1) as FakeConn
      if (status === '502') connectServer()
      fail(server)
    }
    expect(client.written.match(new RegExp(`HTTP/1\\.1 ${status} `, 'g'))).toHaveLength(2)
    expect(client.ended).toBe(false)
  })

  it('tells an HTTP/1.0 client that it keeps it, where that was asked for', () => {
    const { client } = start({}, { frontend: { httpRequest: ['deny'] } })
    client.receive('GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n')
    expect(client.written).toContain('\r\nConnection: keep-alive\r\n')
    client.receive('GET / HTTP/1.0\r\n\r\n')
    expect(client.written).toContain('\r\nConnection: close\r\n')
    expect(client.ended).toBe(true)
  })

  it.each([
    [
      'an empty answer',
      { errorAnswers: [{ status: 403, answer: { ...errorAnswer(403), isSilent: true } }] },
      GET,
      '',
    ],
    ['a client that closes', {}, GET.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'), '403'],
    ['a malformed request', {}, 'GET / HTTP/9.9\r\nHost: a\r\n\r\n', '505'],
  ])('closes it after %s', (_, frontend, request, status) => {
    const { client } = start({}, { frontend: { httpRequest: ['deny'], ...frontend } })
    client.receive(request)
    expect(client.ended).toBe(true)
    expect(client.written.slice(9, 12)).toBe(status)
    if (status !== '') expect(client.written).toContain('\r\nConnection: close\r\n')
  })
})

describe('interim responses', () => {
  const PROCESSING = 'HTTP/1.1 102 Processing\r\n\r\n'
  const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

  it('may be as many as a long task needs', () => {
    const { client, pass, connectServer } = start()
    client.receive('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    const server = connectServer()
    for (let n = 0; n < 5000; n++) {
      server.receive(PROCESSING)
      pass(100)
    }
    server.receive(OK)
    expect(client.written).toBe(PROCESSING.repeat(5000) + OK)
  })

  it('come to an end where a server says nothing else', () => {
    const { client, connectServer } = start()
    client.receive('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    const server = connectServer()
    for (let bytes = 0; bytes <= 65_536; bytes += PROCESSING.length) server.receive(PROCESSING)
    expect(server.destroyed).toBe(true)
    expect(client.written).toMatch(/HTTP\/1\.1 502 /)
  })
})
