import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { CliIo, ReadOptions } from '../../../src/admin/cli-connection.ts'
import { serverList } from '../../../src/admin/cli-server-list.ts'
import type { Address } from '../../../src/model/address.ts'
import { SERVERS } from './admin-fixture.ts'
import { output } from './command-run.ts'
import { FakeCluster } from './fake-cluster.ts'
import { adminServer, startForCommands } from './raw-admin.ts'

const LOOPBACK: Address = { kind: 'inet', host: '127.0.0.1', port: 0 }

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

async function startDaemon(bind = LOOPBACK, token: string | null = null): Promise<string> {
  const server = adminServer({ bind, token })
  const bound = await server.listen()
  closing.push(() => server.close())
  return bound.kind === 'unix' ? `unix@${bound.path}` : `http://127.0.0.1:${bound.port}`
}

async function startOther(listener: RequestListener): Promise<string> {
  const server: Server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closing.push(() => new Promise((resolve) => server.close(() => resolve())))
  const address = server.address()
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
}

async function run(options: ReadOptions, env: CliIo['env'] = {}): Promise<string> {
  return (await output((io) => serverList(options, io), env)).out
}

describe('server list', () => {
  it('prints an aligned table', async () => {
    expect(await run({ admin: await startDaemon() })).toBe(
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
    const output = await run({ admin: await startDaemon(), json: true })
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
    const admin = await startDaemon()
    expect(await run({}, { SLUICE_ADMIN: admin })).toContain('app/app1')
    expect(await run({ admin }, { SLUICE_ADMIN: 'http://127.0.0.1:1' })).toContain('app/app1')
    await expect(run({ admin: 'http://127.0.0.1:1' }, { SLUICE_ADMIN: admin })).rejects.toThrow()
  })

  it('reaches a daemon on a Unix socket', async () => {
    const admin = await startDaemon({ kind: 'unix', path: join(folder, 'admin.sock') })
    expect(await run({ admin })).toContain('app/app1')
  })

  it('brings the token of --token-file', async () => {
    const admin = await startDaemon({ kind: 'inet', host: '0.0.0.0', port: 0 }, 't0ken')
    const tokenFile = join(folder, 'token')
    writeFileSync(tokenFile, 't0ken\n')
    expect(await run({ admin, tokenFile })).toContain('app/app1')
    await expect(run({ admin })).rejects.toMatchObject({ code: 'unauthorized' })
    writeFileSync(tokenFile, 'other')
    await expect(run({ admin, tokenFile })).rejects.toMatchObject({ code: 'unauthorized' })
  })
})

describe('a command fails with a code when', () => {
  it('nobody answers', async () => {
    await expect(run({ admin: 'http://127.0.0.1:1' })).rejects.toMatchObject({
      code: 'admin-unreachable',
      message: expect.stringContaining('http://127.0.0.1:1'),
    })
  })

  it.each(['8404', 'https://127.0.0.1:8404', 'ftp://a', 'http://'])(
    '--admin is %s',
    async (admin) => {
      await expect(run({ admin })).rejects.toMatchObject({ code: 'usage' })
    },
  )

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
