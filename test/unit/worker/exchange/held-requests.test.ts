import { describe, expect, it } from 'vitest'
import type { FakeConn } from '../fake-network.ts'
import { CONNECT_MS, FRONTEND, type LabPlan, start } from '../session-lab.ts'

const GET = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`
const POST = 'POST /tar HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n'
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
/** `timeout tarpit` of the lab. */
const TARPIT_MS = CONNECT_MS
/** The wheel's tick and its granularity. */
const SLACK_MS = 200

const WAIT_MS = 2 * CONNECT_MS
const BODY: LabPlan = {
  frontend: {
    httpRequest: [
      `wait-for-body time ${WAIT_MS} at-least 8 if { method POST PUT }`,
      'deny if { req.body -m sub evil }',
      'set-header X-Seen "%[req.body] %[req.body_len] %[req.body_size]"',
    ],
  },
}
const postOf = (body: string, length = body.length, method = 'POST'): string =>
  `${method} / HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n${body}`
const chunkOf = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`
const CHUNKED = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n'

const HOLDING: LabPlan = {
  frontend: {
    httpRequest: ['set-header X-Path %[path]', 'tarpit deny_status 429 if { path_beg /tar }'],
  },
}

describe('a request that a rule holds', () => {
  it('is answered when its time has passed, and its connection closed', () => {
    const { client, pass, counted } = start({}, HOLDING)
    client.receive(GET('/tar'))
    pass(TARPIT_MS - SLACK_MS)
    expect(client.written).toBe('')
    pass(2 * SLACK_MS)
    expect(client.written).toMatch(/^HTTP\/1\.1 429 .*\r\nConnection: close\r\n/is)
    expect([client.ended, counted('requestsDenied', FRONTEND)]).toEqual([true, 1])
  })

  it('is held no longer than its client is there', () => {
    const { client, pass } = start({}, HOLDING)
    client.receive(GET('/tar'))
    pass(SLACK_MS)
    client.handler.onEnd(client)
    expect(client.written).toContain(' 429 ')
    const gone = start({}, HOLDING)
    gone.client.receive(GET('/tar'))
    gone.client.handler.onClose(gone.client, null)
    gone.pass(2 * TARPIT_MS)
    expect([gone.client.written, gone.table.sessions(FRONTEND)]).toEqual(['', 0])
  })

  it('has a head of its own: others go their way meanwhile', () => {
    const { client, connectClient, connectServer, pass } = start({}, HOLDING)
    client.receive(GET('/tar'))
    let server: FakeConn | null = null
    for (const path of ['/one', '/two']) {
      const other = connectClient()
      other.receive(GET(path))
      server ??= connectServer()
      expect(server.written).toMatch(new RegExp(`GET ${path} .*X-Path: ${path}\r\n\r\n$`, 's'))
      server.receive(OK)
      expect(other.written).toBe(OK)
    }
    pass(TARPIT_MS + SLACK_MS)
    expect(client.written).toContain(' 429 ')
  })

  it('has nothing read of what its client sends meanwhile', () => {
    const { client, pass } = start({}, HOLDING)
    client.receive(`${POST}hello${GET('/tar')}`)
    pass(TARPIT_MS + SLACK_MS)
    expect(client.written.match(/^HTTP\/1\.1 /gm)).toHaveLength(1)
    pass(10 * TARPIT_MS)
    expect(client.destroyed).toBe(true)
  })

  it('waits for each of the rules that hold it', () => {
    const { client, pass } = start(
      {},
      { frontend: { httpRequest: [] }, backend: { httpRequest: ['tarpit if { path /tar }'] } },
    )
    client.receive(GET('/tar'))
    pass(TARPIT_MS + SLACK_MS)
    expect(client.written).toContain(' 500 ')
  })

  it('is given up with its worker', () => {
    const { client, connections, pass, table } = start({}, HOLDING)
    client.receive(GET('/tar'))
    connections.cut()
    pass(2 * TARPIT_MS)
    expect([client.written, client.destroyed]).toEqual(['', true])
    client.handler.onClose(client, null)
    expect(table.sessions(FRONTEND)).toBe(0)
  })
})

describe('a request whose body a rule waits for', () => {
  it('goes on as it came, once so much of it is there, and its rules see that', () => {
    const { client, connectServer, engine } = start({}, BODY)
    client.receive(postOf('abcd', 12))
    expect(engine.opened).toEqual([])
    client.receive('efgh')
    const server = connectServer()
    expect(server.written).toMatch(/X-Seen: abcdefgh 8 12\r\n\r\nabcdefgh$/)
    client.receive('ijkl')
    expect(server.written).toMatch(/abcdefghijkl$/)
    server.receive(OK)
    expect(client.written).toBe(OK)
  })

  it.each([
    { what: 'a body that is whole before', sent: postOf('abc'), seen: 'abc 3 3', goesOn: 'abc' },
    { what: 'no body at all', sent: postOf('', 0), seen: ' 0 0', goesOn: '' },
    {
      what: 'chunks, byte by byte',
      sent: `${CHUNKED}${chunkOf('abc')}${chunkOf('defgh')}`,
      seen: 'abcdefgh 8 8',
      goesOn: null,
    },
  ])('waits no longer than there is something to come: $what', ({ sent, seen, goesOn }) => {
    const { client, connectServer } = start({}, BODY)
    for (const byte of sent) client.receive(byte)
    const server = connectServer()
    expect(server.written).toContain(`X-Seen: ${seen}\r\n\r\n`)
    if (goesOn !== null) expect(server.written.split('\r\n\r\n')[1]).toBe(goesOn)
  })

  it('frames chunks anew, whose trailers go on', () => {
    const { client, connectServer } = start({}, BODY)
    client.receive(`${CHUNKED}${chunkOf('abcdefgh')}`)
    const server = connectServer()
    client.receive(`${chunkOf('ij')}0\r\nX-T: 1\r\n\r\n`)
    const [, body] = server.written.split(/chunked.*?\r\n\r\n/s)
    expect(body).toBe(`${chunkOf('abcdefgh')}${chunkOf('ij')}0\r\nX-T: 1\r\n\r\n`)
  })

  it('goes out at once on a connection that is there already', () => {
    const { client, connectServer, engine } = start({}, BODY)
    client.receive(GET('/'))
    const server = connectServer()
    server.receive(OK)
    for (const body of ['abcdefgh', 'ijklmnop']) {
      client.receive(postOf('', 8))
      client.receive(body)
      expect(server.written).toMatch(new RegExp(`X-Seen: ${body} 8 8\r\n\r\n${body}$`))
      server.receive(OK)
    }
    expect([engine.opened.length, client.written]).toEqual([1, OK.repeat(3)])
  })

  it('is refused by what its body says', () => {
    const { client, engine } = start({}, BODY)
    client.receive(`${CHUNKED}${chunkOf('so ev')}`)
    client.receive(chunkOf('il'))
    expect(client.written).toBe('')
    client.receive(chunkOf('!'))
    expect(client.written).toContain(' 403 ')
    expect(engine.opened).toEqual([])
  })

  it('is refused where it does not come in time', () => {
    const { client, pass, engine, counted } = start({}, BODY)
    client.receive(postOf('abc', 100))
    pass(WAIT_MS - SLACK_MS)
    expect(client.written).toBe('')
    pass(2 * SLACK_MS)
    expect(client.written).toContain(' 408 ')
    expect([engine.opened, counted('requestErrors', FRONTEND)]).toEqual([[], 1])
  })

  it('is refused where its client has ended it too early, or breaks its chunks', () => {
    const early = start({}, BODY)
    early.client.receive(postOf('abc', 100))
    early.client.handler.onEnd(early.client)
    expect(early.client.written).toContain(' 400 ')
    const broken = start({}, BODY)
    broken.client.receive(`${CHUNKED}zz\r\n`)
    expect(broken.client.written).toContain(' 400 ')
  })

  it('is read no further than there is room for', () => {
    const { client, connectServer, engine } = start(
      {},
      { frontend: { httpRequest: ['wait-for-body time 1m'] } },
    )
    client.receive(postOf('', 1_000_000))
    const piece = 'x'.repeat(1000)
    let sent = 0
    for (; engine.opened.length === 0; sent += piece.length) client.receive(piece)
    expect(sent).toBeGreaterThan(14_000)
    expect(sent).toBeLessThanOrEqual(16_384)
    client.receive(piece)
    expect(client.paused).toBe(true)
    expect(connectServer().written).toMatch(new RegExp(`x{${sent + piece.length}}$`))
    expect(client.paused).toBe(false)
  })

  it('is told to send it where it waits to be told, and its server is not asked', () => {
    const { client, connectServer } = start({}, BODY)
    client.receive(postOf('', 8).replace('Content', 'Expect: 100-continue\r\nContent'))
    expect(client.written).toBe('HTTP/1.1 100 Continue\r\n\r\n')
    client.receive('abcdefgh')
    expect(connectServer().written).not.toContain('Expect')
  })

  it.each([
    { method: 'PUT', tries: 2 },
    { method: 'POST', tries: 1 },
  ])('is kept for another try where $method may be done twice', ({ method, tries }) => {
    const { client, connectServer, engine } = start(
      {},
      { ...BODY, backend: { retryOn: ['empty-response'] } },
    )
    client.receive(postOf('abcdefgh', 8, method))
    const server = connectServer()
    server.handler.onEnd(server)
    expect(engine.opened).toHaveLength(tries)
    if (tries > 1) expect(connectServer().written).toMatch(/abcdefgh$/)
  })
})
