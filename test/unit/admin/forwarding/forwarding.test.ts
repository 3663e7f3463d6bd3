import { once } from 'node:events'
import { connect } from 'node:net'
import { type Duplex, duplexPair, Readable } from 'node:stream'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import {
  decodeAnswer,
  encodeAnswer,
  encodeChange,
} from '../../../../src/admin/forwarding/forwarded-change.ts'
import { FORWARDED_STREAMS_MAX } from '../../../../src/admin/forwarding/forwarded-server.ts'
import { CHANGE_TIMEOUT_MS } from '../../../../src/admin/forwarding/forwarding.ts'
import type { AdminServer, AdminServerOptions } from '../../../../src/admin/server.ts'
import { type ErrorCode, SluiceError } from '../../../../src/base/errors.ts'
import { FakeCluster } from '../../operations/fake-cluster.ts'
import { SERVERS, sourceOf } from '../../operations/fake-source.ts'
import { recordingLog } from '../admin-fixture.ts'
import { adminServer, ask, askJson, change, startAdmin, TOKEN } from '../raw-admin.ts'
import { startLink } from './peer-stream-link.ts'

const SERVER = '/api/v1/servers/app/app1'
const HOST = ['Host: localhost']

/** Two nodes: what is asked of the follower comes to the leader. */
interface Pair {
  /** Of the follower's admin address. */
  readonly port: number
  readonly follower: FakeCluster
  readonly leader: FakeCluster
  readonly leaderServer: AdminServer
}

async function startPair(
  leaderChanges: Partial<AdminServerOptions> = {},
  followerChanges: Partial<AdminServerOptions> = {},
): Promise<Pair> {
  const leader = new FakeCluster()
  const leaderServer = adminServer({ cluster: leader, node: 'lb1', ...leaderChanges })
  onTestFinished(() => leaderServer.close())
  const follower = new FakeCluster()
  follower.leader = 'lb1'
  follower.onChange = (sent) => leaderServer.answerForwarded(sent)
  const port = await startAdmin({ cluster: follower, node: 'lb2', ...followerChanges })
  return { port, follower, leader, leaderServer }
}

/** A follower whose leader does this with every stream. */
async function startBefore(
  onStream: (far: Duplex) => void,
  changes: Partial<AdminServerOptions> = {},
): Promise<number> {
  const cluster = new FakeCluster()
  cluster.leader = 'lb1'
  cluster.onStream = await startLink(onStream)
  return startAdmin({ cluster, ...changes })
}

function* withoutEnd(): Generator<string> {
  for (;;) yield 'a'.repeat(60_000)
}

describe('a change that comes to a follower', () => {
  it.each([
    ['PATCH', SERVER, { weight: 5 }, ['setServer', 'app', 'app1', { weight: 5 }], 200],
    ['DELETE', SERVER, undefined, ['removeServer', 'app', 'app1'], 204],
    ['DELETE', '/api/v1/servers/app/a%2Fb', undefined, ['removeServer', 'app', 'a/b'], 204],
    ['POST', '/api/v1/config/confirm', { version: 2 }, ['confirmConfig', 2], 200],
    ['POST', '/api/v1/config/rollback', {}, ['rollbackConfig', null, 'lb2, admin API'], 200],
    ['POST', '/api/v1/cluster/transfer', { node: 'lb2' }, ['transfer', 'lb2'], 200],
  ])('%s %s %j is made by the leader', async (method, path, body, call, status) => {
    const { port, follower, leader } = await startPair()
    expect((await askJson(port, method, path, body)).status).toBe(status)
    expect(leader.calls).toEqual([call])
    // And runs on the follower too when it answers.
    expect(follower.calls).toEqual([
      ['forward', 'lb1'],
      ['untilApplied', 7],
    ])
  })

  it('is answered where the follower has lost the cluster meanwhile', async () => {
    const { port, follower } = await startPair()
    follower.failures.set('untilApplied', new SluiceError('no-quorum', 'cut off'))
    expect((await askJson(port, 'PATCH', SERVER, { weight: 5 })).status).toBe(200)
  })

  it('is answered as the leader answers', async () => {
    const { port } = await startPair()
    const { json, head } = await askJson(port, 'PATCH', SERVER, { weight: 5 })
    expect(json).toEqual(SERVERS.servers[0])
    expect(head).toMatch(/^content-type: application\/json\r?$/im)
    expect(head).toMatch(/^cache-control: no-store\r?$/im)
  })

  it.each<[ErrorCode, number, boolean]>([
    ['config-conflict', 409, false],
    ['config-invalid', 422, false],
    ['no-quorum', 503, true],
  ])('gets the refusal %s of the leader', async (code, status, isTemporary) => {
    const { port, leader } = await startPair()
    leader.failures.set('applyConfig', new SluiceError(code, 'lb1 says no'))
    const { json, head, ...answer } = await askJson(port, 'POST', '/api/v1/config', { text: '' })
    expect([answer.status, json]).toMatchObject([status, { code, message: 'lb1 says no' }])
    expect(/^retry-after: 1$/im.test(head)).toBe(isTemporary)
  })

  it('may hold as long a config as the leader takes, as JSON and as YAML', async () => {
    const { port, leader } = await startPair()
    const text = `# ${'é'.repeat(500_000)}\n`
    expect((await askJson(port, 'POST', '/api/v1/config', { text })).status).toBe(200)
    const head = [...HOST, `Content-Length: ${Buffer.byteLength(text)}`]
    const yaml = {
      method: 'POST',
      path: '/api/v1/config?comment=why%3F',
      headers: [...head, 'Content-Type: application/yaml'],
      body: text,
    }
    expect((await ask(port, yaml)).status).toBe(200)
    const author = 'lb2, admin API'
    const none = { ifVersion: null, confirmMs: null, author }
    expect(leader.calls).toEqual([
      ['applyConfig', { text, comment: '', ...none }],
      ['applyConfig', { text, comment: 'why?', ...none }],
    ])
  })

  it('leaves the connection of the client as it is', async () => {
    const { port, leader } = await startPair()
    const socket = connect(port, '127.0.0.1')
    onTestFinished(() => void socket.destroy())
    for (let n = 1; n <= 3; n++) {
      const body = `{"weight":${n}}`
      const head = ['PATCH /api/v1/servers/app/app1 HTTP/1.1', ...HOST]
      head.push(`Authorization: Bearer ${TOKEN}`)
      head.push('Content-Type: application/json', `Content-Length: ${body.length}`)
      socket.write(`${head.join('\r\n')}\r\n\r\n${body}`)
      const [data] = (await once(socket, 'data')) as [Buffer]
      expect(data.toString()).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
      expect(data.toString()).toMatch(/^connection: keep-alive\r$/im)
    }
    expect(leader.calls).toHaveLength(3)
  })

  it('is not forwarded when this node is the leader, or knows of none', async () => {
    const { port, follower, leader } = await startPair()
    follower.leader = null
    expect((await askJson(port, 'PATCH', SERVER, { weight: 5 })).status).toBe(200)
    expect([follower.calls, leader.calls]).toEqual([
      [['setServer', 'app', 'app1', { weight: 5 }]],
      [],
    ])
  })

  it('is only forwarded, not the reads', async () => {
    const { port, follower, leader } = await startPair()
    expect((await askJson(port, 'GET', '/api/v1/config')).status).toBe(200)
    expect([follower.calls, leader.calls]).toEqual([[['read']], []])
  })
})

describe('before it is forwarded', () => {
  it.each([
    ['a wrong host', change(['Host: evil.example']), 421],
    ['another origin', change([...HOST, 'Origin: http://evil.example']), 403],
    ['no token', { ...change(HOST), hasToken: false }, 401],
    [
      'a wrong type',
      {
        ...change(HOST),
        headers: [
          ...HOST,
          `Authorization: Bearer ${TOKEN}`,
          'Content-Length: 12',
          'Content-Type: text/plain',
        ],
      },
      415,
    ],
    ['no JSON', change([...HOST, `Authorization: Bearer ${TOKEN}`], '{'), 400],
    [
      'an unknown path',
      change([...HOST, `Authorization: Bearer ${TOKEN}`], '{}', '/api/v1/a'),
      404,
    ],
    [
      'too long a body',
      change([...HOST, `Authorization: Bearer ${TOKEN}`], `{"weight":5${' '.repeat(20_000)}}`),
      413,
    ],
  ])('%s is refused', async (_, request, status) => {
    const { port, follower, leader } = await startPair()
    expect((await ask(port, request)).status).toBe(status)
    expect([follower.calls, leader.calls]).toEqual([[], []])
  })

  it('is refused by a node that drains', async () => {
    const { port, leader } = await startPair({}, { source: sourceOf({ draining: true }) })
    const { json } = await askJson(port, 'PATCH', SERVER, { weight: 5 })
    expect(json).toMatchObject({ code: 'node-draining' })
    expect(leader.calls).toEqual([])
  })

  it('loses what the client has no business to say', async () => {
    let sent = ''
    const follower = new FakeCluster()
    follower.leader = 'lb1'
    follower.onChange = async (message) => {
      sent = Buffer.from(message).toString()
      return encodeAnswer({
        answer: { status: 200, contentType: 'application/json', body: '{}' },
        appliedIndex: null,
      })
    }
    const port = await startAdmin({ cluster: follower, node: 'lb é' })
    const spoofed = ['X-Sluice-Author: root', 'X-Sluice-Level: root', 'Cookie: a=b', 'X-Any: 1']
    const headers = [...HOST, `Authorization: Bearer ${TOKEN}`, ...spoofed]
    expect((await ask(port, change(headers))).status).toBe(200)
    const [head = '', body] = sent.split('\n')
    expect(JSON.parse(head)).toEqual({
      method: 'PATCH',
      url: SERVER,
      author: 'lb é, admin API',
      level: 'admin',
      contentType: 'application/json',
      isYaml: false,
    })
    expect(body).toBe('{"weight":5}')
  })
})

describe('a leader of an earlier version', () => {
  it('is told over a stream, once', async () => {
    const { port, follower, leader, leaderServer } = await startPair()
    follower.onChange = async () => {
      throw new SluiceError('peer-refused', 'this node knows no request "change"')
    }
    follower.onStream = await startLink((far) => leaderServer.serveForwarded(far))
    const { status, json } = await askJson(port, 'PATCH', SERVER, { weight: 5 })
    expect([status, json]).toEqual([200, SERVERS.servers[0]])
    expect(leader.calls).toEqual([['setServer', 'app', 'app1', { weight: 5 }]])
    expect(follower.calls).toEqual([['forward', 'lb1'], ['openStream', 'lb1'], ['read']])
  })

  it('hears of no header of the client', async () => {
    let head = ''
    const port = await startBefore(
      (far) => {
        far.on('data', (data: Buffer) => {
          head += data.toString()
          if (head.includes('"weight"')) {
            far.end(
              'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}',
            )
          }
        })
      },
      { node: 'lb é' },
    )
    const headers = [
      ...HOST,
      `Authorization: Bearer ${TOKEN}`,
      'X-Sluice-Level: root',
      'Cookie: a=b',
    ]
    expect((await ask(port, change(headers))).status).toBe(200)
    expect(head).toMatch(/^x-sluice-author: lb%20%C3%A9%2C%20admin%20API\r$/im)
    expect(head).toMatch(/^x-sluice-level: admin\r$/im)
    expect(head).not.toMatch(new RegExp(`${TOKEN}|root|cookie`, 'i'))
  })
})

describe('the author', () => {
  it('cannot be chosen by a client of the node that makes the change', async () => {
    const cluster = new FakeCluster()
    const port = await startAdmin({ cluster })
    const headers = [...HOST, 'X-Sluice-Author: root']
    const path = '/api/v1/config/rollback'
    expect((await ask(port, change(headers, '{}', path, 'POST'))).status).toBe(200)
    expect(cluster.calls).toEqual([['rollbackConfig', null, 'lb1, admin API']])
  })

  it('is told to the leader by the node that has authenticated the client', async () => {
    const { port, leader } = await startPair()
    const headers = [...HOST, 'X-Sluice-Author: root']
    const path = '/api/v1/config/rollback'
    expect((await ask(port, change(headers, '{}', path, 'POST'))).status).toBe(200)
    expect(leader.calls).toEqual([['rollbackConfig', null, 'lb2, admin API']])
  })

  it.each([
    ['', 'admin API'],
    ['X-Sluice-Author: %ff\r\n', 'admin API'],
    [`X-Sluice-Author: ${'a'.repeat(300)}\r\n`, 'a'.repeat(200)],
    ['X-Sluice-Author: lb%20%C3%A9\r\n', 'lb é'],
  ])('of a peer that says "%s" is %s', async (line, author) => {
    const cluster = new FakeCluster()
    const server = adminServer({ cluster })
    onTestFinished(() => server.close())
    const [near, far] = duplexPair()
    server.serveForwarded(far)
    const head = 'POST /api/v1/config/rollback HTTP/1.1\r\nHost: leader\r\n'
    near.write(`${head}${line}Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}`)
    await once(near.resume(), 'data')
    expect(cluster.calls).toEqual([['rollbackConfig', null, author]])
  })
})

describe('what goes wrong on the way', () => {
  it('a leader that cannot be reached has not been told', async () => {
    const { port, follower } = await startPair()
    follower.failures.set('forward', new SluiceError('peer-unreachable', 'lb1 is silent'))
    const { status, json, head } = await askJson(port, 'PATCH', SERVER, { weight: 5 })
    expect([status, json]).toMatchObject([503, { code: 'peer-unreachable' }])
    expect(head).toMatch(/^retry-after: 1$/im)
    follower.failures.set('forward', new TypeError('some detail'))
    const other = await askJson(port, 'PATCH', SERVER, { weight: 5 })
    expect([other.status, other.json]).toMatchObject([503, { code: 'peer-unreachable' }])
    expect(JSON.stringify(other.json)).not.toContain('some detail')
  })

  it('a leader that has no room for more has not been told', async () => {
    const { port, follower } = await startPair()
    follower.failures.set('forward', new SluiceError('overloaded', 'too many requests at once'))
    const { status, json } = await askJson(port, 'PATCH', SERVER, { weight: 5 })
    expect([status, json]).toMatchObject([503, { code: 'overloaded' }])
    expect(follower.calls).toEqual([['forward', 'lb1']])
  })

  it('a leader that dies with the change is told of it only once', async () => {
    const { port, follower } = await startPair()
    follower.failures.set('forward', new SluiceError('outcome-unknown', 'lb1 may have been told'))
    const { status, json } = await askJson(port, 'PATCH', SERVER, { weight: 5 })
    expect([status, json]).toMatchObject([504, { code: 'outcome-unknown' }])
    expect(follower.calls).toEqual([['forward', 'lb1']])
  })

  it('an answer that makes no sense leaves the outcome unknown', async () => {
    const { port, follower } = await startPair()
    for (const answer of ['', '{}', '{"status":99}\n', 'no JSON\n']) {
      follower.onChange = async () => Buffer.from(answer)
      const { json } = await askJson(port, 'PATCH', SERVER, { weight: 5 })
      expect(json).toMatchObject({ code: 'outcome-unknown' })
    }
  })

  it.each<[string, (far: Duplex) => void]>([
    ['hangs up at once', (far) => void far.destroy()],
    ['closes', (far) => void far.end()],
    ['hangs up when it is asked', (far) => void far.once('data', () => far.destroy())],
    ['breaks', (far) => void far.once('data', () => far.destroy(new Error('broken')))],
    ['says what is no HTTP', (far) => void far.once('data', () => far.write('hello\r\n\r\n'))],
    [
      'breaks off in its answer',
      (far) =>
        void far.once('data', () => {
          far.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{', () => far.end())
        }),
    ],
    [
      'answers without end',
      (far) =>
        void far.once('data', () => {
          far.write('HTTP/1.1 200 OK\r\n\r\n')
          Readable.from(withoutEnd()).pipe(far)
        }),
    ],
  ])('a leader that %s leaves the outcome unknown', async (_, onLeaderEnd) => {
    const events: string[] = []
    const port = await startBefore(onLeaderEnd, { log: recordingLog(events) })
    const { status, json } = await askJson(port, 'PATCH', SERVER, { weight: 5 })
    expect([status, json]).toMatchObject([504, { code: 'outcome-unknown' }])
    expect(events).toEqual(['admin-change'])
    expect((await ask(port, { path: '/healthz', headers: HOST })).status).toBe(200)
  })

  it('a leader that never answers is waited for only so long', async () => {
    let hear: () => void = () => {}
    const asked = new Promise<void>((resolve) => {
      hear = resolve
    })
    const port = await startBefore((far) => void far.once('data', hear))
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const answer = askJson(port, 'PATCH', SERVER, { weight: 5 })
    await asked
    vi.advanceTimersByTime(CHANGE_TIMEOUT_MS)
    expect(await answer).toMatchObject({ status: 504, json: { code: 'outcome-unknown' } })
  })

  it('a leader that is none any more makes no change, and sends it nowhere', async () => {
    const { port, leader } = await startPair()
    leader.leader = 'lb2'
    const { status, json } = await askJson(port, 'PATCH', SERVER, { weight: 5 })
    expect([status, json]).toMatchObject([503, { code: 'no-quorum' }])
    expect(leader.calls).toEqual([])
  })

  it('a leader that drains still makes changes for others', async () => {
    const { port, leader } = await startPair({ source: sourceOf({ draining: true }) })
    expect((await askJson(port, 'PATCH', SERVER, { weight: 5 })).status).toBe(200)
    expect(leader.calls).toHaveLength(1)
  })
})

describe('the leader', () => {
  it.each([
    ['nothing', ''],
    ['no head', '{"weight":5}'],
    ['a read', '{"method":"GET"}\n'],
    ['a head that lacks something', '{"method":"PATCH","url":"/"}\n{}'],
  ])('refuses %s as a change', async (_, message) => {
    const server = adminServer()
    onTestFinished(() => server.close())
    await expect(server.answerForwarded(Buffer.from(message))).rejects.toMatchObject({
      code: 'request-invalid',
    })
  })

  it('has an answer to a change of what there is not', async () => {
    const server = adminServer()
    onTestFinished(() => server.close())
    const asked = { method: 'PATCH', author: 'lb2', level: 'admin', body: null } as const
    for (const url of ['/api/v1/none', '/healthz', '/api/v1/nodes/lb3/api/v1/servers/app/app1']) {
      const answer = decodeAnswer(await server.answerForwarded(encodeChange({ ...asked, url })))
      expect(answer?.answer.status).toBeGreaterThanOrEqual(400)
    }
  })

  it('asks no peer for a token, nor for its host', async () => {
    const bind = { kind: 'inet', host: '0.0.0.0', port: 0 } as const
    const { port, leader } = await startPair({ bind })
    expect((await askJson(port, 'PATCH', SERVER, { weight: 5 })).status).toBe(200)
    expect(leader.calls).toHaveLength(1)
  })

  it('needs no admin address of its own', async () => {
    const { port, leader, leaderServer } = await startPair({ bind: null })
    expect((await askJson(port, 'PATCH', SERVER, { weight: 5 })).status).toBe(200)
    expect(leader.calls).toHaveLength(1)
    await expect(leaderServer.listen()).rejects.toMatchObject({ code: 'invariant-broken' })
    await leaderServer.close()
  })

  it('cuts streams beyond its bound, and takes others when some have ended', async () => {
    const server = adminServer()
    onTestFinished(() => server.close())
    const pairs = Array.from({ length: FORWARDED_STREAMS_MAX }, () => duplexPair())
    for (const [, far] of pairs) server.serveForwarded(far)
    const [, refused] = duplexPair()
    server.serveForwarded(refused)
    expect(refused.destroyed).toBe(true)
    expect(pairs.some(([, far]) => far.destroyed)).toBe(false)
    const first = pairs[0]?.[1] as Duplex
    first.destroy()
    await once(first, 'close')
    const [, taken] = duplexPair()
    server.serveForwarded(taken)
    expect(taken.destroyed).toBe(false)
  })

  it('cuts what is left when it closes', async () => {
    const server = adminServer()
    const [, far] = duplexPair()
    server.serveForwarded(far)
    await server.close()
    expect(far.destroyed).toBe(true)
  })
})
