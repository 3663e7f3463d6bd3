import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ADMIN_HEADERS, type Daemon, startDaemon } from './support/daemon.ts'
import { httpClient } from './support/http-client.ts'
import { startHttpServer } from './support/http-server.ts'
import { freePort } from './support/ports.ts'
import { temporaryFolder } from './support/temporary-folder.ts'
import { type ThreadFaults, threadFaults } from './support/thread-faults.ts'
import { until } from './support/waiting.ts'

const GRACE_MS = 3_000
/** Far more than the grace and what a busy machine needs to end a process. The fault has no end. */
const ENDED_MS = 25_000

interface Subject {
  readonly daemon: Daemon
  readonly faults: ThreadFaults
  readonly port: number
}

async function startSubject(nbthread: number): Promise<Subject> {
  const port = await freePort()
  const server = await startHttpServer()
  const faults = threadFaults()
  const daemon = await startDaemon({
    env: faults.env,
    config: {
      global: { nbthread, grace: `${GRACE_MS}ms`, log: { access: 'off' } },
      defaults: { mode: 'http' },
      frontends: { web: { bind: `127.0.0.1:${port}`, default_backend: 'app' } },
      backends: { app: { servers: { s1: server.address } } },
    },
  })
  return { daemon, faults, port }
}

async function readiness({ daemon }: Subject): Promise<{ ready: boolean; reasons: string[] }> {
  const response = await fetch(`${daemon.adminUrl}/readyz`)
  return (await response.json()) as { ready: boolean; reasons: string[] }
}

async function untilServed({ port }: Subject): Promise<void> {
  await until('an answer', async () => {
    const answer = await httpClient(port)('/').catch(() => undefined)
    return answer?.status === 200 ? true : undefined
  })
}

describe('workers that die again and again', () => {
  it('do not end the daemon, which says why once and counts', async () => {
    const subject = await startSubject(1)
    const { daemon, faults } = subject
    const deaths = () => daemon.log.filter(({ event }) => event === 'worker-lost')
    for (let n = 1; n <= 12; n++) {
      faults.set(n, 'throw')
      await until(`death ${n}`, () => (deaths().length === n ? true : undefined))
      await until('readiness', async () => ((await readiness(subject)).ready ? true : undefined))
    }
    await untilServed(subject)
    expect(deaths().filter(({ error }) => error !== undefined)).toHaveLength(1)
    const metrics = await (await fetch(`${daemon.adminUrl}/metrics`)).text()
    const told = /^sluice_process_worker_deaths_total (\d+)$/m.exec(metrics)?.[1]
    expect(told).toBe('12')
    expect(await daemon.stop()).toBe(0)
  })
})

describe('a worker that does not answer', () => {
  it('is found and replaced', async () => {
    const subject = await startSubject(1)
    const { daemon, faults } = subject
    faults.set(1, 'loop')
    expect(await daemon.event('worker-stuck')).toMatchObject({ worker: 0 })
    await daemon.event('worker-started')
    await untilServed(subject)
    expect((await readiness(subject)).ready).toBe(true)
    expect(await daemon.stop()).toBe(0)
  })

  it('is not found where the whole process stood', async () => {
    const subject = await startSubject(1)
    const { daemon } = subject
    daemon.signal('SIGSTOP')
    await new Promise((resolve) => setTimeout(resolve, 7_000))
    daemon.signal('SIGCONT')
    await untilServed(subject)
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    expect(daemon.log.map(({ event }) => event)).not.toContain('worker-stuck')
  })

  it('in a system call makes the node not ready, and SIGTERM ends it all the same', async () => {
    const subject = await startSubject(2)
    const { daemon, faults } = subject
    faults.set(1, 'hang')
    await daemon.event('worker-stuck')
    expect(await readiness(subject)).toEqual({
      ready: false,
      reasons: ['worker 0 does not answer'],
    })
    await untilServed(subject)
    expect(await daemon.stop()).toBe(1)
    expect(daemon.log.at(-1)).toMatchObject({ event: 'stopped', threads: 1 })
  })

  it.each(['loop', 'hang'] as const)('does not hold up the end of the grace: %s', async (fault) => {
    const { daemon, faults } = await startSubject(1)
    faults.set(1, fault)
    await faults.struck(1)
    const askedMs = performance.now()
    expect(await daemon.stop()).toBe(fault === 'loop' ? 0 : 1)
    expect(performance.now() - askedMs).toBeLessThan(ENDED_MS)
  })
})

it('a fault of the main thread ends the daemon with a line of its log', async () => {
  const { daemon, faults } = await startSubject(1)
  faults.set('main', 'throw')
  expect(await daemon.exit).toBe(1)
  expect(daemon.log.at(-1)).toMatchObject({
    event: 'daemon-failing',
    error: { message: 'a fault of thread 0' },
  })
})

describe('a fault of the thread that agreement runs on', () => {
  /** That of the only worker is 1. */
  const AGREEMENT = 2

  async function startNode(faults: ThreadFaults, dataDir: string): Promise<Daemon> {
    const peers = { lb1: `127.0.0.1:${await freePort()}` }
    return startDaemon({
      env: faults.env,
      config: {
        global: { nbthread: 1, log: { access: 'off' } },
        cluster: { 'node': 'lb1', peers, 'data-dir': dataDir },
        defaults: { mode: 'http' },
        frontends: { web: { bind: `127.0.0.1:${await freePort()}`, default_backend: 'app' } },
        backends: { app: { servers: { s1: '127.0.0.1:9' } } },
      },
    })
  }

  function server(daemon: Daemon, change?: object): Promise<Response> {
    return fetch(`${daemon.adminUrl}/api/v1/servers/app/s1`, {
      method: change === undefined ? 'GET' : 'PATCH',
      headers: { ...ADMIN_HEADERS, 'content-type': 'application/json' },
      ...(change !== undefined && { body: JSON.stringify(change) }),
    })
  }

  it.each([
    ['throw', 'agreement-died', { error: { message: 'a fault of thread 2' } }],
    ['loop', 'agreement-stuck', {}],
    ['hang', 'agreement-stuck', {}],
  ] as const)(
    'ends the node, which comes back with what it has acknowledged: %s',
    async (fault, event, fields) => {
      const faults = threadFaults()
      const dataDir = join(temporaryFolder(), 'data')
      const daemon = await startNode(faults, dataDir)
      await until('a leader', async () => ((await server(daemon)).ok ? true : undefined))
      expect((await server(daemon, { weight: 77 })).status).toBe(200)
      faults.set(AGREEMENT, fault)
      expect(await daemon.exit).toBe(1)
      expect(daemon.log.at(-1)).toMatchObject({ event, ...fields })
      const again = await startNode(threadFaults(), dataDir)
      const weight = await until('a leader again', async () => {
        const answer = await server(again)
        return answer.ok ? ((await answer.json()) as { weight: number }).weight : undefined
      })
      expect(weight).toBe(77)
      expect(await again.stop()).toBe(0)
    },
  )

  it('is none where the whole process stood', async () => {
    const daemon = await startNode(threadFaults(), join(temporaryFolder(), 'data'))
    daemon.signal('SIGSTOP')
    await new Promise((resolve) => setTimeout(resolve, 12_000))
    daemon.signal('SIGCONT')
    await new Promise((resolve) => setTimeout(resolve, 3_000))
    expect((await server(daemon)).status).toBe(200)
    expect(daemon.log.map(({ event }) => event)).not.toContain('agreement-stuck')
    expect(await daemon.stop()).toBe(0)
  })
})
