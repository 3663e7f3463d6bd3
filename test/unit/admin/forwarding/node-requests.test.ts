import { once } from 'node:events'
import { connect } from 'node:net'
import { type Duplex, duplexPair } from 'node:stream'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { AdminServer, AdminServerOptions } from '../../../../src/admin/server.ts'
import { AdminTokens } from '../../../../src/admin/tokens.ts'
import { SluiceError } from '../../../../src/base/errors.ts'
import { FakeCluster } from '../../operations/fake-cluster.ts'
import { sourceOf } from '../../operations/fake-source.ts'
import { recordingLog } from '../admin-fixture.ts'
import { adminServer, ask, askJson, change, startAdmin, TOKEN } from '../raw-admin.ts'
import { startLink } from './peer-stream-link.ts'

const HOST = ['Host: localhost']

/** Two nodes: `lb2` is asked, `lb1` has an admin address that nobody can reach. */
interface Pair {
  readonly port: number
  readonly asked: FakeCluster
  readonly other: FakeCluster
  readonly otherServer: AdminServer
  /** What `lb2` has logged. */
  readonly events: string[]
}

async function startPair(changes: Partial<AdminServerOptions> = {}): Promise<Pair> {
  const other = new FakeCluster()
  const metrics = async () => ['sluice_of_lb1 1\n']
  const source = { ...sourceOf(), metrics }
  const otherServer = adminServer({ cluster: other, node: 'lb1', bind: null, source })
  onTestFinished(() => otherServer.close())
  const asked = new FakeCluster()
  asked.onStream = (node) => {
    if (node !== 'lb1') throw new SluiceError('peer-unreachable', `${node}: no link to it is open`)
    const [near, far] = duplexPair()
    otherServer.serveForwarded(far)
    return near
  }
  const events: string[] = []
  const log = recordingLog(events)
  const port = await startAdmin({ cluster: asked, node: 'lb2', log, ...changes })
  return { port, asked, other, otherServer, events }
}

/** A node whose peer does this with every stream. */
async function startBefore(onStream: (far: Duplex) => void): Promise<number> {
  const cluster = new FakeCluster()
  cluster.onStream = await startLink(onStream)
  return startAdmin({ cluster, node: 'lb2' })
}

describe('what another node shows', () => {
  it('is shown by the node that is asked', async () => {
    const { port } = await startPair()
    const { status, text } = await ask(port, {
      path: '/api/v1/nodes/lb1/metrics?prefix=haproxy',
      headers: HOST,
    })
    expect([status, text]).toEqual([200, expect.stringContaining('sluice_of_lb1 1')])
    expect(text).toMatch(/^content-type: text\/plain; version=/im)
    for (const path of ['/api/v1/info', '/api/v1/servers', '/api/v1/cluster', '/healthz']) {
      expect((await askJson(port, 'GET', `/api/v1/nodes/lb1${path}`)).status).toBe(200)
    }
  })

  it('is its answer, be it a refusal', async () => {
    const { port } = await startPair()
    const { status, json } = await askJson(port, 'GET', '/api/v1/nodes/lb1/api/v1/none')
    expect([status, json]).toMatchObject([404, { code: 'not-found' }])
  })

  it('is shown of the asked node too, by its name', async () => {
    const { port, asked } = await startPair()
    const { text } = await ask(port, { path: '/api/v1/nodes/lb2/metrics', headers: HOST })
    expect(text).not.toContain('sluice_of_lb1')
    expect((await askJson(port, 'GET', '/api/v1/nodes/lb2/api/v1/info')).status).toBe(200)
    expect(asked.calls).toEqual([])
  })

  it('comes bit by bit where it does', async () => {
    const streams: Duplex[] = []
    let text = ''
    const port = await startBefore((far) => {
      streams.push(far)
      far.once('data', () => {
        far.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n')
      })
    })
    const client = connect(port, '127.0.0.1')
    onTestFinished(() => void client.destroy())
    client.write(
      `GET /api/v1/nodes/lb1/api/v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${TOKEN}\r\n\r\n`,
    )
    client.on('data', (data: Buffer) => {
      text += data.toString()
    })
    await expect.poll(() => text).toContain('first')
    const [far] = streams as [Duplex]
    far.write('6\r\nsecond\r\n')
    await expect.poll(() => text).toContain('second')
    // A client that goes takes the stream with it.
    client.destroy()
    if (!far.destroyed) await once(far.resume(), 'close')
  })
})

describe('who may ask for another node', () => {
  it('is who may ask this one, and brings a token for what is free there', async () => {
    const { port, asked } = await startPair()
    for (const path of ['/healthz', '/metrics', '/api/v1/info']) {
      const request = { path: `/api/v1/nodes/lb1${path}`, headers: HOST, hasToken: false }
      expect((await ask(port, request)).status).toBe(401)
    }
    const page = [...HOST, 'Origin: http://evil.example', `Authorization: Bearer ${TOKEN}`]
    const path = '/api/v1/nodes/lb1/metrics'
    expect((await ask(port, { path, headers: page })).status).toBe(403)
    expect((await ask(port, { path, headers: ['Host: evil.example'] })).status).toBe(421)
    expect(asked.calls).toEqual([])
  })

  it('has the level that this takes there', async () => {
    const tokens = new AdminTokens([{ name: 'view', level: 'read', token: TOKEN }])
    const { port, asked, other } = await startPair({ tokens })
    const path = '/api/v1/nodes/lb1/api/v1/servers/app/app1'
    expect((await askJson(port, 'GET', path)).status).toBe(200)
    const { status, json } = await askJson(port, 'PATCH', path, { weight: 5 })
    expect([status, json]).toMatchObject([403, { code: 'level-too-low' }])
    expect(asked.calls).toEqual([['openStream', 'lb1']])
    expect(other.calls).not.toContainEqual(expect.arrayContaining(['setServer']))
  })

  it('changes what is of that node alone there, and not at the leader', async () => {
    const { port, asked, other } = await startPair()
    other.leader = 'lb3'
    asked.leader = 'lb3'
    const reload = '/api/v1/certificates/reload'
    const answers = [
      await askJson(port, 'POST', `/api/v1/nodes/lb1${reload}`, {}),
      await askJson(port, 'POST', reload, {}),
    ]
    expect(answers.map(({ status }) => status)).toEqual([200, 200])
    expect([...asked.calls, ...other.calls]).toEqual([['openStream', 'lb1']])
  })

  it('is told to that node, without their secret, and found in the log of this one', async () => {
    let head = ''
    const port = await startBefore((far) => {
      far.on('data', (data: Buffer) => {
        head += data.toString()
        far.end('HTTP/1.1 204 No Content\r\n\r\n')
      })
    })
    const spoofed = ['X-Sluice-Author: root', 'X-Sluice-Level: root', 'Cookie: a=b']
    const headers = [...HOST, `Authorization: Bearer ${TOKEN}`, ...spoofed]
    const path = '/api/v1/nodes/lb1/api/v1/servers/app/app1'
    expect((await ask(port, change(headers, '{}', path))).status).toBe(204)
    expect(head).toMatch(/^PATCH \/api\/v1\/servers\/app\/app1 HTTP\/1\.1\r$/m)
    expect(head).toMatch(/^x-sluice-author: lb2%2C%20admin%20API\r$/im)
    expect(head).toMatch(/^x-sluice-level: admin\r$/im)
    expect(head).not.toMatch(new RegExp(`${TOKEN}|root|cookie`, 'i'))
  })
})

describe('a change that is asked of another node by its name', () => {
  const PATH = '/api/v1/nodes/lb1/api/v1/servers/app/app1'

  it('is made there where it leads', async () => {
    const { port, other, events } = await startPair()
    expect((await askJson(port, 'PATCH', PATH, { weight: 5 })).status).toBe(200)
    expect(other.calls).toEqual([['setServer', 'app', 'app1', { weight: 5 }]])
    expect(events).toEqual(['admin-change'])
  })

  it('goes from there to the leader, as if it had been asked there', async () => {
    const { port, other } = await startPair()
    const leader = new FakeCluster()
    const leaderServer = adminServer({ cluster: leader, node: 'lb3' })
    onTestFinished(() => leaderServer.close())
    other.leader = 'lb3'
    other.onChange = (sent) => leaderServer.answerForwarded(sent)
    expect((await askJson(port, 'PATCH', PATH, { weight: 5 })).status).toBe(200)
    expect(leader.calls).toEqual([['setServer', 'app', 'app1', { weight: 5 }]])
  })
})

describe('what cannot be shown', () => {
  it('of a node that cannot be reached says so', async () => {
    const { port } = await startPair()
    for (const node of ['lb9', '..', '%zz', 'lb1%2F..']) {
      const { status, json } = await askJson(port, 'GET', `/api/v1/nodes/${node}/metrics`)
      expect([status, json]).toMatchObject([503, { code: 'peer-unreachable' }])
    }
  })

  it('goes no second step', async () => {
    const { port, asked, otherServer } = await startPair()
    const nested = '/api/v1/nodes/lb1/api/v1/nodes/lb3/metrics'
    expect((await askJson(port, 'GET', nested)).status).toBe(404)
    expect(asked.calls).toEqual([])
    const [near, far] = duplexPair()
    otherServer.serveForwarded(far)
    near.write('GET /api/v1/nodes/lb3/metrics HTTP/1.1\r\nHost: peer\r\n\r\n')
    const [data] = (await once(near, 'data')) as [Buffer]
    expect(data.toString()).toMatch(/^HTTP\/1\.1 404 /)
  })

  it.each<[string, (far: Duplex) => void]>([
    ['hangs up', (far) => void far.destroy()],
    ['says what is no HTTP', (far) => void far.once('data', () => far.write('hello\r\n\r\n'))],
  ])('of a node that %s says so', async (_, onStream) => {
    const port = await startBefore(onStream)
    const { status, json } = await askJson(port, 'GET', '/api/v1/nodes/lb1/metrics')
    expect([status, json]).toMatchObject([503, { code: 'peer-unreachable' }])
  })

  it('whole is cut, and not ended', async () => {
    const port = await startBefore((far) => {
      far.once('data', () => {
        far.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n', () => {
          far.destroy()
        })
      })
    })
    const { text } = await ask(port, { path: '/api/v1/nodes/lb1/metrics', headers: HOST })
    expect(text).not.toContain('0\r\n\r\n')
  })
})
