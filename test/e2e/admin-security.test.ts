import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { openPage, type Page } from './support/chromium.ts'
import { type Daemon, startDaemon } from './support/daemon.ts'
import { startHttpServer } from './support/http-server.ts'
import { freePort } from './support/ports.ts'
import { runSluice } from './support/processes.ts'
import { rawExchange } from './support/raw-client.ts'
import { requires } from './support/requirements.ts'
import { describeServer, patchServer } from './support/server-admin.ts'
import { temporaryFolder } from './support/temporary-folder.ts'
import { until } from './support/waiting.ts'

const PATH = '/api/v1/servers/app/s1'
const BODY = '{"state":"maint"}'

async function start(admin: Readonly<Record<string, unknown>> = {}): Promise<Daemon> {
  return startDaemon({
    config: {
      admin: { bind: `127.0.0.1:${await freePort()}`, ...admin },
      frontends: { web: { bind: `127.0.0.1:${await freePort()}`, default_backend: 'app' } },
      backends: { app: { servers: { s1: `127.0.0.1:${await freePort()}` } } },
    },
  })
}

/** Sends a request with these headers and no others; gives back the status of the answer. */
async function statusOf(daemon: Daemon, head: readonly string[], body = ''): Promise<number> {
  const port = Number(new URL(daemon.adminUrl).port)
  const bytes = `${[...head, 'Connection: close'].join('\r\n')}\r\n\r\n${body}`
  const { text } = await rawExchange(port, bytes)
  return Number(/^HTTP\/1\.1 (\d{3}) /.exec(text)?.[1])
}

function change(...headers: readonly string[]): readonly string[] {
  return [`PATCH ${PATH} HTTP/1.1`, `Content-Length: ${BODY.length}`, ...headers]
}

const JSON_TYPE = 'Content-Type: application/json'

it('a web page of another site can change nothing, and read nothing', async () => {
  const daemon = await start()
  const host = new URL(daemon.adminUrl).host
  const own = `Host: ${host}`
  const refused: [readonly string[], number][] = [
    // A page of another site, as browsers send it: its origin is named.
    [change(own, JSON_TYPE, 'Origin: http://evil.example'), 403],
    [change(own, JSON_TYPE, 'Origin: null'), 403],
    // One on another port of this host is another site too.
    [change(own, JSON_TYPE, 'Origin: http://127.0.0.1:1'), 403],
    // A page whose name now points at this host: to the browser it is the same site.
    [change('Host: evil.example', JSON_TYPE, 'Origin: http://evil.example'), 421],
    [change('Host: evil.example', JSON_TYPE), 421],
    [['GET /api/v1/servers HTTP/1.1', 'Host: evil.example'], 421],
    [['GET /stats;csv HTTP/1.1', `Host: evil.example:${host.split(':')[1]}`], 421],
    // What a form can send without being asked.
    [change(own, 'Content-Type: text/plain'), 415],
    [change(own, 'Content-Type: application/x-www-form-urlencoded'), 415],
    [change(own), 415],
    // What a browser asks before a change: it gets no permission.
    [[`OPTIONS ${PATH} HTTP/1.1`, own, 'Origin: http://evil.example'], 403],
    [[`OPTIONS ${PATH} HTTP/1.1`, own], 405],
  ]
  for (const [head, status] of refused) {
    const body = head[0]?.startsWith('PATCH') ? BODY : ''
    expect([head, await statusOf(daemon, head, body)]).toEqual([head, status])
  }
  expect(await describeServer(daemon, 'app/s1')).toMatchObject({ state: 'UP', setAtRunTime: [] })
  expect(daemon.log.filter(({ event }) => event === 'server-set')).toEqual([])

  for (const name of ['localhost', '127.0.0.1:99', '[::1]:8404']) {
    expect(await statusOf(daemon, change(`Host: ${name}`, JSON_TYPE), BODY)).toBe(200)
  }
  const same = change(own, JSON_TYPE, `Origin: http://${host}`)
  expect(await statusOf(daemon, same, BODY)).toBe(200)
  expect(await describeServer(daemon, 'app/s1')).toMatchObject({ state: 'MAINT' })
})

it('probes and scrapers may use any name', async () => {
  const daemon = await start()
  for (const path of ['/healthz', '/readyz', '/metrics']) {
    expect(await statusOf(daemon, [`GET ${path} HTTP/1.1`, 'Host: lb.example'])).toBe(200)
  }
})

it('on loopback a token guards every change and no read', async () => {
  const tokenFile = join(temporaryFolder(), 'token')
  writeFileSync(tokenFile, 'a-long-secret\n')
  const daemon = await start({ 'token-file': tokenFile })
  expect((await patchServer(daemon, 'app/s1', { state: 'maint' })).status).toBe(401)
  const wrong = { authorization: 'Bearer another' }
  expect((await patchServer(daemon, 'app/s1', { state: 'maint' }, wrong)).status).toBe(401)
  expect(await describeServer(daemon, 'app/s1')).toMatchObject({ state: 'UP' })
  const set = ['server', 'set', 'app/s1', '--state', 'maint', '--admin', daemon.adminUrl]
  expect(await runSluice(...set)).toMatchObject({ code: 1 })
  expect(await runSluice(...set, '--token-file', tokenFile)).toMatchObject({ code: 0 })
  expect(await describeServer(daemon, 'app/s1')).toMatchObject({ state: 'MAINT' })
  expect(JSON.stringify(daemon.log)).not.toContain('a-long-secret')
})

describe('in a real browser', () => {
  beforeEach(requires('chromium'))

  /** Runs requests from a page, and gives back what became of each: a status, or `failed`. */
  async function attempt(page: Page, calls: Readonly<Record<string, string>>): Promise<unknown> {
    const running = Object.entries(calls).map(
      ([name, call]) =>
        `${call}.then(({ status, type }) => type === 'opaque' ? 'unseen' : status, () => 'failed')
          .then((end) => [${JSON.stringify(name)}, end])`,
    )
    await until('the page', async () =>
      (await page.evaluate("document.readyState === 'complete' && location.protocol")) === 'http:'
        ? true
        : undefined,
    )
    await page.evaluate(`void Promise.all([${running.join(',')}])
      .then((ends) => { window.ends = JSON.stringify(Object.fromEntries(ends)) })`)
    return JSON.parse(
      await until('the requests', async () => {
        const ends = await page.evaluate('window.ends')
        return typeof ends === 'string' ? ends : undefined
      }),
    )
  }

  const json = "headers: { 'Content-Type': 'application/json' }"

  it('a page of another site is refused', async () => {
    const daemon = await start()
    const site = await startHttpServer({ headers: { 'Content-Type': 'text/html' }, body: 'a page' })
    const page = await openPage(`http://127.0.0.1:${site.port}/`)
    const url = `${daemon.adminUrl}${PATH}`
    const body = `body: '${BODY}'`
    expect(
      await attempt(page, {
        change: `fetch('${url}', { method: 'PATCH', ${json}, ${body} })`,
        post: `fetch('${url}', { method: 'POST', mode: 'no-cors', ${body} })`,
        read: `fetch('${daemon.adminUrl}/api/v1/servers')`,
      }),
    ).toEqual({ change: 'failed', post: 'unseen', read: 'failed' })
    expect(await describeServer(daemon, 'app/s1')).toMatchObject({ state: 'UP', setAtRunTime: [] })
  })

  it('a page whose name points at this host is refused', async () => {
    const daemon = await start()
    // The browser takes every name below localhost for this host, without asking anybody.
    const { port } = new URL(daemon.adminUrl)
    const page = await openPage(`http://evil.localhost:${port}/healthz`)
    expect(
      await attempt(page, {
        change: `fetch('${PATH}', { method: 'PATCH', ${json}, body: '${BODY}' })`,
        read: "fetch('/api/v1/servers')",
        open: "fetch('/readyz')",
      }),
    ).toEqual({ change: 421, read: 421, open: 200 })
    expect(await describeServer(daemon, 'app/s1')).toMatchObject({ state: 'UP', setAtRunTime: [] })
  })
})
