import { linkSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createNetServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { CliIo, ReadOptions } from '../../../src/cli/daemon-connection.ts'
import { serverList } from '../../../src/cli/server-list-command.ts'
import { adminServer, startForCommands, TOKEN } from '../admin/raw-admin.ts'
import { FakeCluster } from '../operations/fake-cluster.ts'
import { SERVERS } from '../operations/fake-source.ts'
import { output } from './command-run.ts'

/** Where nobody listens. */
const NOBODY = 'http://127.0.0.1:1'

let folder: string
let closing: (() => Promise<void>)[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-cli-'))
})

afterEach(async () => {
  await Promise.all(closing.map((close) => close()))
  closing = []
  rmSync(folder, { recursive: true })
})

async function startDaemon(): Promise<string[]> {
  const server = adminServer()
  const bound = await server.listen()
  closing.push(() => server.close())
  return [`http://127.0.0.1:${bound.port}`]
}

/** Starts one on a Unix socket, and gives back its path. */
async function startOnSocket(path: string): Promise<string> {
  const server = adminServer({ bind: null })
  closing.push(() => server.close())
  await server.listenOnSocket(path, { mode: 0o600, gid: null })
  return path
}

async function startOther(listener: RequestListener): Promise<string[]> {
  const server: Server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closing.push(() => new Promise((resolve) => server.close(() => resolve())))
  const address = server.address()
  return [`http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`]
}

async function run(options: ReadOptions, env: CliIo['env'] = {}): Promise<string> {
  return (await output((io) => serverList(options, io), env)).out
}

describe('server list', () => {
  it('prints an aligned table', async () => {
    expect(await run({ admin: await startForCommands() })).toBe(
      [
        'SERVER    ADDRESS              STATE  ADMIN  WEIGHT  SESSIONS  CHECK            SET',
        'app/app1  10.0.0.11:8080       UP     ready      10         3  L7OK/200 in 2ms  -',
        'app/app2  [2001:db8::12]:8080  DOWN   ready     100         0  L4CON in 0ms     weight',
        'db/db1    unix@/run/db.sock    MAINT  maint       1        12  -                added,state',
        '',
      ].join('\n'),
    )
  })

  it('prints what the API answers with --json', async () => {
    const output = await run({ admin: await startForCommands(), json: true })
    expect(JSON.parse(output)).toEqual(SERVERS)
  })

  it('tells what all nodes know, or with --stale what the asked one does', async () => {
    const cluster = FakeCluster.failing('read', 'no-quorum')
    const admin = await startForCommands({ cluster })
    await expect(run({ admin })).rejects.toMatchObject({
      code: 'no-quorum',
      hint: expect.stringContaining('--stale'),
    })
    expect(cluster.calls).toEqual([['read']])
    expect(await run({ admin, stale: true })).toContain('app/app1')
    expect(cluster.calls).toEqual([['read']])
  })

  it('finds the daemon by SLUICE_ADMIN, which --admin overrides', async () => {
    const admin = await startForCommands()
    const named = { SLUICE_ADMIN: admin.join(' ') }
    expect(await run({}, named)).toContain('app/app1')
    expect(await run({ admin }, { SLUICE_ADMIN: NOBODY })).toContain('app/app1')
    await expect(run({ admin: [NOBODY] }, named)).rejects.toThrow()
  })

  it.each(['unix:', 'unix@'])('reaches a daemon on a Unix socket: %s', async (kind) => {
    const path = await startOnSocket(join(folder, 'admin.sock'))
    expect(await run({ admin: [kind + path] })).toContain('app/app1')
  })

  it('finds the socket of the node on this host by itself', async () => {
    await startOnSocket(join(folder, 'admin.sock'))
    expect(await run({}, { RUNTIME_DIRECTORY: folder })).toContain('app/app1')
  })

  it('asks the first of several addresses that answers', async () => {
    const path = await startOnSocket(join(folder, 'admin.sock'))
    const admin = [NOBODY, `unix:${join(folder, 'none.sock')}`, `unix:${path}`, NOBODY]
    expect(await run({ admin })).toContain('app/app1')
    expect(await run({}, { SLUICE_ADMIN: admin.join(' ') })).toContain('app/app1')
  })

  it('brings the token of --token-file', async () => {
    const admin = await startDaemon()
    const tokenFile = join(folder, 'token')
    writeFileSync(tokenFile, `${TOKEN}\n`)
    expect(await run({ admin, tokenFile })).toContain('app/app1')
    await expect(run({ admin })).rejects.toMatchObject({ code: 'unauthorized' })
    writeFileSync(tokenFile, 'other')
    await expect(run({ admin, tokenFile })).rejects.toMatchObject({ code: 'unauthorized' })
    for (const none of ['', ' \n', 'two words', 'pass\u{e9}']) {
      writeFileSync(tokenFile, none)
      await expect(run({ admin, tokenFile })).rejects.toMatchObject({ code: 'token-invalid' })
    }
  })
})

describe('a command fails with a code when', () => {
  it('nobody answers', async () => {
    await expect(run({ admin: [NOBODY] })).rejects.toMatchObject({
      code: 'admin-unreachable',
      message: expect.stringContaining(NOBODY),
    })
  })

  it('nobody answers of several, and names them all', async () => {
    const missing = `${folder}/none.sock`
    await expect(run({ admin: [NOBODY, `unix:${missing}`] })).rejects.toMatchObject({
      code: 'admin-unreachable',
      message: expect.stringMatching(
        new RegExp(`${NOBODY}.*; there is no admin socket ${missing}`),
      ),
    })
  })

  it('nothing is said of where the daemon is, and there is none', async () => {
    await expect(run({}, { RUNTIME_DIRECTORY: folder })).rejects.toMatchObject({
      code: 'admin-unreachable',
      message: expect.stringContaining(`there is no admin socket ${folder}/admin.sock`),
      hint: expect.stringContaining('sluice run -f FILE'),
    })
  })

  it('the daemon that made the socket has died', async () => {
    const path = join(folder, 'dead.sock')
    const other = createNetServer()
    await new Promise<void>((resolve) => other.listen(path, resolve))
    linkSync(path, join(folder, 'left.sock'))
    await new Promise((resolve) => other.close(resolve))
    await expect(run({ admin: [`unix:${folder}/left.sock`] })).rejects.toMatchObject({
      code: 'admin-unreachable',
      message: `the daemon that made ${folder}/left.sock does not run any more`,
    })
  })

  it.each(['8404', 'https://', 'ftp://a', 'http://', 'unix:'])('--admin is %s', async (address) => {
    await expect(run({ admin: [address] })).rejects.toMatchObject({ code: 'usage' })
  })

  it('the token file cannot be read', async () => {
    const tokenFile = join(folder, 'missing')
    await expect(run({ tokenFile })).rejects.toMatchObject({ code: 'config-unreadable' })
  })

  it.each([
    ['no JSON', 200, 'hello'],
    ['other JSON', 200, '{"servers":{}}'],
    ['null', 200, 'null'],
    ['an error that is no Sluice error', 418, '{"code":"teapot"}'],
    ['an error that says null', 500, 'null'],
  ])('what answers is no Sluice: %s', async (_, status, body) => {
    const admin = await startOther((_request, response) => {
      response.writeHead(status).end(body)
    })
    await expect(run({ admin })).rejects.toMatchObject({ code: 'admin-refused' })
  })

  it('the answer breaks off', async () => {
    const admin = await startOther((_request, response) => {
      response.writeHead(200, { 'Content-Length': 100 })
      response.write('{', () => response.destroy())
    })
    await expect(run({ admin })).rejects.toMatchObject({ code: 'admin-unreachable' })
  })
})
