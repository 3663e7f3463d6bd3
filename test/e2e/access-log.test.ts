import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type Daemon, startDaemon } from './support/daemon.ts'
import { httpClient } from './support/http-client.ts'
import { expectSamples } from './support/metrics.ts'
import { freePort } from './support/ports.ts'
import { runSluice } from './support/processes.ts'
import { openSocket } from './support/raw-client.ts'
import { temporaryFolder } from './support/temporary-folder.ts'
import { until } from './support/waiting.ts'

/** A config that answers by itself and logs to this path. */
function configOf(port: number, access: string): Record<string, unknown> {
  return {
    global: { nbthread: 2, log: { access } },
    defaults: { mode: 'http' },
    frontends: { web: { bind: `127.0.0.1:${port}`, 'http-request': ['return status 200'] } },
  }
}

async function startLogging(access: string): Promise<{ daemon: Daemon; port: number }> {
  const port = await freePort()
  return { daemon: await startDaemon({ config: configOf(port, access) }), port }
}

/** So many requests, all answered. */
async function ask(port: number, count: number): Promise<void> {
  const client = httpClient(port, 4)
  for (let n = 0; n < count; n++) expect((await client(`/${n}`)).status).toBe(200)
}

describe('an access log that cannot be opened', () => {
  it('is one error at the start, before an address is bound', async () => {
    const port = await freePort()
    const folder = temporaryFolder()
    const file = join(folder, 'sluice.yaml')
    const path = join(folder, 'missing', 'access.log')
    writeFileSync(file, JSON.stringify({ ...configOf(port, path), admin: { bind: 'off' } }))
    const { code, stderr } = await runSluice('run', '-f', file)
    expect(code).toBe(1)
    expect(stderr).toMatch(/log-unwritable/)
    expect(stderr).toContain(path)
    expect(stderr).not.toMatch(/worker-lost|listening|^ {4}at /m)
    await expect(openSocket(port)).rejects.toThrow(/ECONNREFUSED/)
  })
})

describe('an access log whose folder is gone', () => {
  it('goes on where it was, and in the new file once there is a folder again', async () => {
    const folder = temporaryFolder()
    mkdirSync(join(folder, 'log'))
    const { daemon, port } = await startLogging(join(folder, 'log', 'access.log'))
    renameSync(join(folder, 'log'), join(folder, 'moved'))
    daemon.signal('SIGUSR1')
    await daemon.event('log-unwritable')
    await ask(port, 10)
    const linesIn = (path: string): Promise<true> =>
      until(path, () => readFileSync(path, 'latin1').split('\n').length === 11 || undefined)
    await linesIn(join(folder, 'moved', 'access.log'))
    mkdirSync(join(folder, 'log'))
    daemon.signal('SIGUSR1')
    await until('the new file', () => {
      try {
        return readFileSync(join(folder, 'log', 'access.log'), 'latin1') === '' || undefined
      } catch {
        return undefined
      }
    })
    await ask(port, 10)
    await linesIn(join(folder, 'log', 'access.log'))
    expect(daemon.log.filter(({ event }) => event === 'worker-lost')).toEqual([])
    expect(await daemon.stop()).toBe(0)
  })
})

describe('an access log on a full disk', () => {
  it('costs its lines, counted and told of, and no request', async () => {
    const { daemon, port } = await startLogging('/dev/full')
    await ask(port, 20)
    await expectSamples(daemon, { sluice_process_dropped_logs_total: 20 })
    const { message } = await daemon.event('log-lines-lost')
    expect(message).toMatch(/ENOSPC/)
    expect(daemon.log.filter(({ event }) => event === 'worker-lost')).toEqual([])
    expect(await daemon.stop()).toBe(0)
  })

  it('is told of to the last line when the daemon ends', async () => {
    const { daemon, port } = await startLogging('/dev/full')
    await ask(port, 20)
    expect(await daemon.stop()).toBe(0)
    const losses = daemon.log.filter(({ event }) => event === 'log-lines-lost')
    expect(losses.at(-1)).toMatchObject({ lostTotal: 20 })
    expect(losses.reduce((sum, { lines }) => sum + Number(lines), 0)).toBe(20)
  })
})
