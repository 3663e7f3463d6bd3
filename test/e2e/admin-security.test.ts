import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  linkSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { openPage, type Page } from './support/chromium.ts'
import { ADMIN_HEADERS, type Daemon, startDaemon } from './support/daemon.ts'
import { startHttpServer } from './support/http-server.ts'
import { freePort } from './support/ports.ts'
import { type Finished, NODE, runProgram, runSluice, SLUICE } from './support/processes.ts'
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

/** Sends a request with these headers and the token; gives back the status of the answer. */
async function statusOf(daemon: Daemon, head: readonly string[], body = ''): Promise<number> {
  const port = Number(new URL(daemon.adminUrl).port)
  const proof = `Authorization: ${ADMIN_HEADERS.authorization}`
  const bytes = `${[...head, proof, 'Connection: close'].join('\r\n')}\r\n\r\n${body}`
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

/** `sluice` as another account of this host, which may not see into the folders of this one. */
function sluiceAsNobody(...args: readonly string[]): Promise<Finished> {
  const env = { ...process.env, XDG_RUNTIME_DIR: '', SLUICE_ADMIN: '' }
  const { node, sluice } = openProgram()
  const command = ['--reuid=65534', '--regid=65534', '--clear-groups', node, sluice, ...args]
  return runProgram('setpriv', command, { env })
}

/** The program and its Node, in a folder that every account may read. */
function openProgram(): { readonly node: string; readonly sluice: string } {
  const folder = temporaryFolder()
  chmodSync(folder, 0o755)
  const home = dirname(dirname(SLUICE))
  for (const part of ['bin', 'dist', 'package.json']) {
    cpSync(join(home, part), join(folder, part), { recursive: true })
  }
  const node = join(folder, 'node')
  try {
    linkSync(NODE, node)
  } catch {
    // On another disk.
    copyFileSync(NODE, node)
  }
  return { node, sluice: join(folder, 'bin', 'sluice') }
}

it('another account of the host may probe, and neither read nor change anything', async () => {
  const daemon = await start({ 'token-file': undefined })
  for (const path of ['/healthz', '/readyz', '/metrics']) {
    expect([path, (await fetch(daemon.adminUrl + path)).status]).toEqual([path, 200])
  }
  for (const path of ['/', '/stats;csv', '/api/v1/', '/api/v1/info', '/api/v1/config/text']) {
    const response = await fetch(daemon.adminUrl + path)
    expect([path, response.status]).toEqual([path, 403])
    expect(await response.json()).toMatchObject({ code: 'token-unset' })
  }
  expect((await patchServer(daemon, 'app/s1', { state: 'maint' })).status).toBe(403)

  const set = ['server', 'set', 'app/s1', '--state', 'maint', '--admin']
  const overTcp = await runSluice(...set, daemon.adminUrl)
  expect(overTcp).toMatchObject({ code: 1 })
  expect(overTcp.stderr).toMatch(/token-unset.*\n.*admin socket/)
  // Its owner needs nothing but the socket.
  const asked = await runSluice('server', 'list', '--json', '--admin', daemon.admin)
  expect(JSON.parse(asked.stdout)).toMatchObject({ servers: [{ state: 'UP', setAtRunTime: [] }] })
})

it.runIf(process.getuid?.() === 0)('the socket is closed to other accounts', async () => {
  const daemon = await start()
  const path = daemon.admin.replace('unix:', '')
  expect(statSync(path).mode & 0o777).toBe(0o600)
  const set = ['server', 'set', 'app/s1', '--state', 'maint', '--admin', daemon.admin]
  const closed = await sluiceAsNobody(...set)
  expect(closed).toMatchObject({ code: 1 })
  expect(closed.stderr).toMatch(/admin-denied.*\n.*admin\.socket/)
  // Also where the folder lets them in.
  chmodSync(dirname(path), 0o755)
  const refused = await sluiceAsNobody(...set)
  expect(refused.stderr).toContain(`may not use the admin socket ${path}: it is for root (admin-`)
  expect(await describeServer(daemon, 'app/s1')).toMatchObject({ state: 'UP' })
  await daemon.stop()
  expect(existsSync(path)).toBe(false)
})

it.runIf(process.getuid?.() === 0)('a group that is given the socket may use it', async () => {
  const socket = join(temporaryFolder(), 'admin.sock')
  chmodSync(dirname(socket), 0o755)
  const daemon = await start({ socket: { path: socket, group: 65_534 } })
  expect(statSync(socket)).toMatchObject({ uid: 0, gid: 65_534 })
  const set = ['server', 'set', 'app/s1', '--weight', '7', '--admin', `unix:${socket}`]
  expect(await sluiceAsNobody(...set)).toMatchObject({ code: 0, stderr: '' })
  expect(await describeServer(daemon, 'app/s1')).toMatchObject({ weight: 7 })
  const change = await daemon.event('admin-change')
  expect(change['author']).toBe('local, admin socket')
})

it('tokens have levels, and the history says whose it was', async () => {
  const folder = temporaryFolder()
  const tokens = Object.fromEntries(
    ['read', 'operate', 'admin'].map((level) => {
      const file = join(folder, level)
      writeFileSync(file, `secret-of-${level}\n`, { mode: 0o600 })
      return [`our-${level}`, { file, level }]
    }),
  )
  const daemon = await start({ tokens })
  const as = (level: string, ...args: readonly string[]): Promise<Finished> =>
    runSluice(...args, '--admin', daemon.adminUrl, '--token-file', join(folder, level))
  const weigh = ['server', 'set', 'app/s1', '--weight', '3']
  expect(await as('read', 'server', 'list')).toMatchObject({ code: 0 })
  expect((await as('read', ...weigh)).stderr).toContain('level-too-low')
  expect(await as('operate', ...weigh)).toMatchObject({ code: 0 })
  const config = join(folder, 'config.yaml')
  writeFileSync(
    config,
    readFileSync(daemon.file, 'utf8').replace('frontends:', '# why\nfrontends:'),
  )
  expect((await as('operate', 'config', 'apply', '-f', config)).stderr).toContain('level-too-low')
  expect(await as('admin', 'config', 'apply', '-f', config)).toMatchObject({ code: 0 })
  expect((await as('read', 'config', 'history')).stdout).toContain('admin API as our-admin')
  expect(JSON.stringify(daemon.log)).not.toContain('secret-of')
})

it('a second daemon leaves the socket of the first alone, and says so', async () => {
  const first = await start()
  const env = { RUNTIME_DIRECTORY: dirname(first.admin.replace('unix:', '')) }
  const config = { frontends: { web: { bind: `127.0.0.1:${await freePort()}` } } }
  const second = await startDaemon({ config, env })
  expect(await second.event('admin-socket-skipped')).toMatchObject({ code: 'address-in-use' })
  const list = await runSluice('server', 'list', '--admin', first.admin)
  expect(list.stdout).toContain('app/s1')
  await second.stop()
  expect(await runSluice('server', 'list', '--admin', first.admin)).toMatchObject({ code: 0 })
  // Of one that was killed, the socket is replaced.
  await first.kill()
  const third = await startDaemon({ config, env })
  expect(third.log.some(({ event }) => event === 'admin-socket-skipped')).toBe(false)
  const info = await runSluice('cluster', 'status', '--admin', first.admin)
  expect(info).toMatchObject({ code: 0 })
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
