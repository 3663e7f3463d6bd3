import { describe, expect, it, onTestFinished } from 'vitest'
import { type ServerSetOptions, serverSet } from '../../../src/admin/cli-server-set.ts'
import { AdminServer } from '../../../src/admin/server.ts'
import { SluiceError } from '../../../src/errors.ts'
import { recordingLog, SERVERS, sourceOf } from './admin-fixture.ts'

/** Starts an admin server that keeps what it is told to set. */
async function startDaemon(changes: unknown[] = []): Promise<string> {
  const server = new AdminServer({
    bind: { kind: 'inet', host: '127.0.0.1', port: 0 },
    token: null,
    source: sourceOf({
      setServer: (backend, name, change) => {
        changes.push([backend, name, change])
        return sourceOf().setServer(backend, name, change)
      },
    }),
    log: recordingLog(),
  })
  const bound = await server.listen()
  onTestFinished(() => server.close())
  return `http://127.0.0.1:${bound.kind === 'inet' ? bound.port : 0}`
}

async function run(key: string, options: ServerSetOptions): Promise<string> {
  let output = ''
  const write = (text: string): void => {
    output += text
  }
  await serverSet(key, options, { env: {}, write })
  return output
}

describe('server set', () => {
  it.each<[ServerSetOptions, unknown]>([
    [{ state: 'drain' }, { state: 'drain' }],
    [{ weight: '0' }, { weight: 0 }],
    [
      { weight: '256', state: 'ready' },
      { weight: 256, state: 'ready' },
    ],
  ])('%j asks for %j and prints the server', async (options, change) => {
    const changes: unknown[] = []
    const admin = await startDaemon(changes)
    const output = await run('app/app1', { admin, ...options })
    expect(changes).toEqual([['app', 'app1', change]])
    expect(output).toMatch(/^SERVER .*\napp\/app1 .*\n$/)
  })

  it('prints what the API answers with --json', async () => {
    const output = await run('app/app1', { admin: await startDaemon(), weight: '5', json: true })
    expect(JSON.parse(output)).toEqual(SERVERS.servers[0])
  })

  it.each<[string, ServerSetOptions]>([
    ['app/app1', {}],
    ['app/app1', { state: 'down' }],
    ['app/app1', { state: '' }],
    ['app/app1', { weight: '257' }],
    ['app/app1', { weight: '-1' }],
    ['app/app1', { weight: '1.5' }],
    ['app/app1', { weight: '1e1' }],
    ['app/app1', { weight: '' }],
    ['app/app1', { weight: 'much' }],
    ['app1', { weight: '1' }],
    ['app/', { weight: '1' }],
    ['/app1', { weight: '1' }],
    ['a/b/c', { weight: '1' }],
  ])('%s %j is a wrong use, and nothing is asked', async (key, options) => {
    const changes: unknown[] = []
    const admin = await startDaemon(changes)
    const failed = expect(run(key, { admin, ...options })).rejects
    await failed.toMatchObject({ code: 'usage' })
    expect(changes).toEqual([])
  })

  it('fails with the code of the daemon', async () => {
    const admin = await startDaemon()
    const unknown = run('app/app9', { admin, state: 'drain' })
    await expect(unknown).rejects.toBeInstanceOf(SluiceError)
    await expect(run('app/app9', { admin, state: 'drain' })).rejects.toMatchObject({
      code: 'server-unknown',
    })
  })
})
