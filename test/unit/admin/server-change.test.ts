import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, expect, it } from 'vitest'
import { BODY_BYTES_MAX } from '../../../src/admin/request-body.ts'
import { FakeCluster } from '../operations/fake-cluster.ts'
import { SERVERS, sourceOf } from '../operations/fake-source.ts'
import { recordingLog } from './admin-fixture.ts'
import { ask, askJson, change, fetchAdmin, startAdmin, TOKEN } from './raw-admin.ts'

const HOST = ['Host: localhost']

describe('PATCH of a server', () => {
  it('sets what it says, and answers with the server', async () => {
    const cluster = new FakeCluster()
    const port = await startAdmin({ cluster })
    const { status, text } = await ask(port, change(HOST, '{"weight":5,"state":"drain"}'))
    expect(status).toBe(200)
    expect(JSON.parse(text.slice(text.indexOf('\r\n\r\n')))).toEqual(SERVERS.servers[0])
    expect(cluster.calls).toEqual([['setServer', 'app', 'app1', { weight: 5, state: 'drain' }]])
  })

  it('answers when this node runs what was agreed on', async () => {
    const cluster = new FakeCluster()
    const steps: unknown[] = []
    const source = sourceOf({
      caughtUp: () => {
        steps.push(...cluster.calls, 'caught up')
        return Promise.resolve()
      },
      server: (backend, name) => {
        steps.push('described')
        return sourceOf().server(backend, name)
      },
    })
    const port = await startAdmin({ cluster, source })
    expect((await ask(port, change(HOST))).status).toBe(200)
    expect(steps).toEqual([['setServer', 'app', 'app1', { weight: 5 }], 'caught up', 'described'])
  })

  it('takes names that are percent-encoded', async () => {
    const port = await startAdmin()
    const path = '/api/v1/servers/%61pp/app%31'
    expect((await ask(port, change(HOST, '{"weight":5}', path))).status).toBe(200)
    const broken = '/api/v1/servers/app/%ff'
    expect((await ask(port, change(HOST, '{"weight":5}', broken))).status).toBe(400)
  })

  it.each([
    ['an unknown server', '/api/v1/servers/app/app9', 404, 'server-unknown'],
    ['an unknown backend', '/api/v1/servers/none/app1', 404, 'server-unknown'],
    ['no server', '/api/v1/servers/app', 405, 'method-not-allowed'],
    ['all servers', '/api/v1/servers', 405, 'method-not-allowed'],
  ])('of %s is refused', async (_, path, status, code) => {
    const port = await startAdmin()
    const answer = await ask(port, change(HOST, '{"weight":5}', path))
    expect(answer.status).toBe(status)
    expect(answer.text).toContain(`"code":"${code}"`)
    expect(answer.text).toContain('"hint":')
  })

  it('says which methods a server takes', async () => {
    const port = await startAdmin()
    const path = '/api/v1/servers/app/app1'
    const { status, text } = await ask(port, { method: 'PUT', path, headers: HOST })
    expect(status).toBe(405)
    expect(text).toMatch(/^allow: GET, HEAD, PATCH, DELETE\r$/im)
  })

  it('is refused while the node drains', async () => {
    const cluster = new FakeCluster()
    const port = await startAdmin({ source: sourceOf({ draining: true }), cluster })
    const { status, json } = await askJson(port, 'PATCH', '/api/v1/servers/app/app1', { weight: 5 })
    expect([status, json]).toEqual([409, expect.objectContaining({ code: 'node-draining' })])
    expect(cluster.calls).toEqual([])
    expect((await ask(port, { headers: HOST })).status).toBe(200)
  })

  it.each([
    ['text/plain'],
    ['application/x-www-form-urlencoded'],
    ['multipart/form-data; boundary=a'],
    ['text/json'],
    ['application/jsonx'],
    [''],
  ])('with a body of type "%s" is refused', async (type) => {
    const port = await startAdmin()
    const headers = [...HOST, 'Content-Length: 12', `Content-Type: ${type}`]
    const request = { method: 'PATCH', path: '/api/v1/servers/app/app1', body: '{"weight":5}' }
    expect((await ask(port, { ...request, headers })).status).toBe(415)
    const untyped = [...HOST, 'Content-Length: 12']
    expect((await ask(port, { ...request, headers: untyped })).status).toBe(415)
  })

  it('takes the character set of a type', async () => {
    const port = await startAdmin()
    const headers = [...HOST, 'Content-Length: 12', 'Content-Type: Application/JSON; charset=utf-8']
    const request = { method: 'PATCH', path: '/api/v1/servers/app/app1', body: '{"weight":5}' }
    expect((await ask(port, { ...request, headers })).status).toBe(200)
  })

  it.each([
    ['no JSON', 'weight=5', 400],
    ['half a JSON', '{"weight":', 400],
    ['nothing', '', 400],
    ['JSON that is no change', '[1]', 422],
    ['a weight that is none', '{"weight":1000}', 422],
  ])('with %s is refused', async (_, body, status) => {
    const port = await startAdmin()
    expect((await ask(port, change(HOST, body))).status).toBe(status)
  })

  it('with bytes that are no UTF-8 is refused', async () => {
    const port = await startAdmin()
    const path = '/api/v1/servers/app/app1'
    const response = await fetchAdmin(port, path, {
      method: 'PATCH',
      headers: { 'authorization': `Bearer ${TOKEN}`, 'content-type': 'application/json' },
      body: Buffer.from([0x22, 0xff, 0x22]),
    })
    expect(response.status).toBe(400)
  })

  it('with too long a body is refused, however it is framed', async () => {
    const port = await startAdmin()
    const body = `{"weight":5${' '.repeat(BODY_BYTES_MAX)}}`
    expect((await ask(port, change(HOST, body))).status).toBe(413)
    const chunks = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
    const headers = [...HOST, 'Transfer-Encoding: chunked', 'Content-Type: application/json']
    const request = { method: 'PATCH', path: '/api/v1/servers/app/app1', headers, body: chunks }
    expect((await ask(port, request)).status).toBe(413)
    const exact = `{"weight":5}${' '.repeat(BODY_BYTES_MAX - 12)}`
    expect((await ask(port, change(HOST, exact))).status).toBe(200)
  })
})

it('a body that breaks off changes nothing, and is no failure of the daemon', async () => {
  const events: string[] = []
  const cluster = new FakeCluster()
  const port = await startAdmin({ cluster, log: recordingLog(events) })
  const socket = connect(port, '127.0.0.1')
  const { method, path, headers = [] } = change(HOST)
  socket.write(`${method} ${path} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n{"weight"`)
  await once(socket, 'connect')
  socket.end()
  await once(socket.resume(), 'close')
  expect((await ask(port, { headers: HOST })).status).toBe(200)
  expect([events, cluster.calls]).toEqual([[], [['read']]])
})

it('GET of a server tells of that one', async () => {
  const port = await startAdmin()
  const { text } = await ask(port, { path: '/api/v1/servers/db/db1', headers: HOST })
  expect(JSON.parse(text.slice(text.indexOf('\r\n\r\n')))).toEqual(SERVERS.servers[2])
  const missing = await ask(port, { path: '/api/v1/servers/db/db2', headers: HOST })
  expect(missing.status).toBe(404)
})
