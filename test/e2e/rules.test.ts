import { beforeEach, expect, it } from 'vitest'
import { startDaemon } from './support/daemon.ts'
import { httpClient } from './support/http-client.ts'
import { type HttpServer, startHttpServer } from './support/http-server.ts'
import { freePort } from './support/ports.ts'
import { rawExchange } from './support/raw-client.ts'

let app: HttpServer
let api: HttpServer
let port: number

beforeEach(async () => {
  app = await startHttpServer({ name: 'app', headers: { 'x-powered-by': 'secrets' } })
  api = await startHttpServer({ name: 'api' })
  port = await freePort()
  await startDaemon({
    config: {
      defaults: { mode: 'http' },
      frontends: {
        web: {
          bind: `127.0.0.1:${port}`,
          acl: { is_api: 'path_beg /api/', blocked: ['hdr(user-agent) -i badbot', 'path /secret'] },
          'http-request': [
            'deny deny_status 429 if blocked',
            'redirect location https://example.org/ code 301 if { path /old }',
            'return status 200 content-type text/plain string pong if { path /ping }',
            'set-header X-Path %[path,lower]',
            'del-header X-Internal',
          ],
          'http-response': ['del-header X-Powered-By', 'add-header X-Served-By sluice'],
          use_backend: ['api if is_api'],
          default_backend: 'app',
        },
      },
      backends: {
        app: { servers: { s1: app.address } },
        api: {
          'http-request': ['set-path /v1%[path]', 'set-header Host api.internal'],
          servers: { s1: api.address },
        },
      },
    },
  })
})

it('routes by ACL, and runs the rules of the frontend and of the backend on the way', async () => {
  const request = httpClient(port)
  const headers = { 'x-internal': '1', 'x-path': 'forged' }
  expect((await request('/Home', { headers })).body.toString()).toBe('app')
  expect((await request('/api/users?id=1', { headers })).body.toString()).toBe('api')
  expect(app.requests[0]?.headers).toMatchObject({ 'x-path': '/home' })
  expect(app.requests[0]?.headers['x-internal']).toBeUndefined()
  expect(api.requests[0]?.url).toBe('/v1/api/users?id=1')
  expect(api.requests[0]?.headers).toMatchObject({ host: 'api.internal', 'x-path': '/api/users' })
  expect(api.requests[0]?.rawHeaders.filter((name) => /^host$/i.test(name))).toHaveLength(1)
})

it('changes the headers of responses', async () => {
  const { headers } = await httpClient(port)('/')
  expect(headers['x-powered-by']).toBeUndefined()
  expect(headers['x-served-by']).toBe('sluice')
})

it('answers by itself what a rule denies, redirects or returns', async () => {
  const request = httpClient(port)
  expect((await request('/secret')).status).toBe(429)
  expect((await request('/', { headers: { 'user-agent': 'BadBot' } })).status).toBe(429)
  const redirected = await request('/old')
  expect([redirected.status, redirected.headers['location']]).toEqual([301, 'https://example.org/'])
  const pong = await request('/ping')
  expect([pong.status, pong.body.toString()]).toEqual([200, 'pong'])
  expect(app.requests).toHaveLength(0)
})

it('keeps the connection after an answer of its own, where the request was read whole', async () => {
  const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`
  const { text } = await rawExchange(port, get('/ping') + get('/old') + get('/'), {
    until: (seen) => seen.endsWith('app'),
  })
  expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 301', 'HTTP/1.1 200'])
})

it('answers requests that would keep a backtracking pattern busy for ever', async () => {
  const webPort = await freePort()
  await startDaemon({
    config: {
      global: { nbthread: 1 },
      defaults: { mode: 'http' },
      frontends: {
        web: {
          bind: `127.0.0.1:${webPort}`,
          'http-request': [
            "deny deny_status 403 if { path_reg '^/([a-z]+/?)+\\.php$' }",
            "deny deny_status 403 if { path_reg '^/.*/.*/.*\\.php$' }",
            "deny deny_status 403 if { url_reg '^/admin' }",
          ],
          default_backend: 'app',
        },
      },
      backends: { app: { servers: { s1: app.address } } },
    },
  })
  const paths = [
    `/${'a'.repeat(60)}`,
    '/'.repeat(1500),
    `/a/b.php/${'/'.repeat(1500)}`,
    // The bound on what is looked at is that of the request line: no long query hides what it asks.
    `/admin?${'x'.repeat(8000)}`,
    `/admin?${'x'.repeat(9000)}`,
    '/a/b/c.php',
  ]
  const statuses: number[] = []
  for (const path of paths) {
    const { text } = await rawExchange(webPort, `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`, {
      until: (seen) => seen.includes('\r\n\r\n'),
    })
    statuses.push(Number(text.slice('HTTP/1.1 '.length).slice(0, 3)))
  }
  expect(statuses).toEqual([200, 200, 200, 403, 414, 403])
})
