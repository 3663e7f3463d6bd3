import { expect, it } from 'vitest'
import { startDaemon } from './support/daemon.ts'
import { startHaproxy } from './support/haproxy.ts'
import { startHttpServer } from './support/http-server.ts'
import { freePort } from './support/ports.ts'
import { rawExchange } from './support/raw-client.ts'
import { requires } from './support/requirements.ts'

const REQUEST_RULES = [
  'set-var(sess.first) path unless { var(sess.first) -m found }',
  'set-var(txn.tenant) req.hdr(host),lower,field(1,.)',
  'set-var(req.path) path',
  'set-var-fmt(txn.place) "%[var(txn.tenant)]%[var(req.path)]"',
  'unset-var(txn.tenant) if { path /unset }',
  'deny deny_status 429 if { var(txn.tenant) -m str banned }',
]
const BACKEND_RULES = [
  'set-header X-Tenant "%[var(txn.tenant)] %[var(txn.place)] %[var(sess.first)]"',
]
const RESPONSE_RULES = [
  'set-var(res.status) status',
  'set-header X-Seen "%[var(txn.place)] %[var(req.path)] %[var(res.status)] %[var(sess.first)]"',
]

/** Requests on one connection: what is of the session stays, all else is each request's own. */
const REQUESTS = [
  { path: '/one', host: 'Shop.example.com' },
  { path: '/two', host: 'blog.example.com' },
  { path: '/unset', host: 'shop.example.com' },
  { path: '/three', host: 'banned.example.com' },
]

it('keeps variables from rule to rule as HAProxy does', async (context) => {
  requires('haproxy')(context)
  const server = await startHttpServer({ name: 'app' })
  const [ours, theirs] = [await freePort(), await freePort()]
  const lines = (keyword: string, rules: readonly string[]): string =>
    rules.map((rule) => `  ${keyword} ${rule}\n`).join('')
  await startHaproxy(
    `defaults
  mode http
  timeout connect 5s
  timeout client 5s
  timeout server 5s
frontend web
  bind 127.0.0.1:${theirs}
${lines('http-request', REQUEST_RULES)}  default_backend app
backend app
${lines('http-request', BACKEND_RULES)}${lines('http-response', RESPONSE_RULES)}  server s1 ${server.address}`,
    theirs,
  )
  await startDaemon({
    config: {
      defaults: { mode: 'http' },
      frontends: {
        web: { bind: `127.0.0.1:${ours}`, 'http-request': REQUEST_RULES, default_backend: 'app' },
      },
      backends: {
        app: {
          'http-request': BACKEND_RULES,
          'http-response': RESPONSE_RULES,
          servers: { s1: server.address },
        },
      },
    },
  })
  const requests = REQUESTS.map(({ path, host }) => `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
  const seen = async (port: number) => {
    const before = server.requests.length
    const { text } = await rawExchange(port, requests.join(''), {
      until: (answers) => answers.includes(' 429 '),
    })
    return {
      answers: [...text.matchAll(/^x-seen: (.*)\r$/gim)].map(([, value]) => value),
      requests: server.requests.slice(before).map(({ headers }) => headers['x-tenant']),
    }
  }
  const own = await seen(ours)
  expect(own).toEqual(await seen(theirs))
  expect(own).toEqual({
    answers: ['shop/one  200 /one', 'blog/two  200 /one', 'shop/unset  200 /one'],
    requests: ['shop shop/one /one', 'blog blog/two /one', 'shop/unset /one'],
  })
})
