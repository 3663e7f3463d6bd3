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
/** What they keep is there for whoever comes later, on whatever thread. */
const PROCESS_RULES = [
  'set-var(proc.mode) path,field(3,/) if { path_beg /set/ }',
  'set-var-fmt(proc.who) "%[var(proc.mode)] by %[req.hdr(host)]" if { path_beg /set/ }',
  'unset-var(proc.mode) if { path /unset }',
  'return status 200 hdr X-Mode "%[var(proc.mode,none)], %[var(proc.who,nobody)]"',
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

/** Each on a connection of its own, with a host that both proxies are asked for. */
const MODE_REQUESTS = ['/', '/set/blue', '/', '/set/green', '/', '/unset', '/']
const HOST = 'shop.example.com'

/** What the header says that tells of the variables of the process. */
async function modeAt(port: number, path: string): Promise<string | undefined> {
  const request = `GET ${path} HTTP/1.1\r\nHost: ${HOST}\r\nConnection: close\r\n\r\n`
  const { text } = await rawExchange(port, request)
  return /^x-mode: (.*)\r$/im.exec(text)?.[1]
}

async function modesAt(port: number): Promise<(string | undefined)[]> {
  const modes: (string | undefined)[] = []
  for (const path of MODE_REQUESTS) modes.push(await modeAt(port, path))
  return modes
}

it('shares variables of the process between threads and over reloads', async (context) => {
  requires('haproxy')(context)
  const server = await startHttpServer({ name: 'app' })
  const [ours, theirs, tcp] = [await freePort(), await freePort(), await freePort()]
  await startHaproxy(
    `defaults
  mode http
  timeout connect 5s
  timeout client 5s
  timeout server 5s
frontend web
  bind 127.0.0.1:${theirs}
${PROCESS_RULES.map((rule) => `  http-request ${rule}\n`).join('')}`,
    theirs,
  )
  const web = {
    'bind': `127.0.0.1:${ours}`,
    'http-request': PROCESS_RULES,
    'default_backend': 'app',
  }
  const config = {
    global: { nbthread: 3 },
    defaults: { mode: 'http' },
    frontends: { web },
    backends: { app: { servers: { s1: server.address } } },
  }
  const daemon = await startDaemon({ config })
  const own = await modesAt(ours)
  expect(own).toEqual(await modesAt(theirs))
  expect(own).toEqual([
    'none, nobody',
    ...Array(2).fill(`blue, blue by ${HOST}`),
    ...Array(2).fill(`green, green by ${HOST}`),
    ...Array(2).fill(`none, green by ${HOST}`),
  ])

  const gate = {
    'bind': `127.0.0.1:${tcp}`,
    'mode': 'tcp',
    'tcp-request': ['content reject unless { var(proc.who) -m beg green }'],
    'default_backend': 'raw',
  }
  await daemon.reload({
    ...config,
    frontends: { web, gate },
    backends: { ...config.backends, raw: { mode: 'tcp', servers: { s1: server.address } } },
  })
  expect(await modeAt(ours, '/')).toBe(`none, green by ${HOST}`)
  const { text } = await rawExchange(tcp, 'GET / HTTP/1.0\r\n\r\n')
  expect(text).toMatch(/^HTTP\/1\.1 200 /)
})
