import { expect, it } from 'vitest'
import { ADMIN_HEADERS, startDaemon } from './support/daemon.ts'
import { httpClient } from './support/http-client.ts'
import { startHttpServer } from './support/http-server.ts'
import { scrape } from './support/metrics.ts'
import { freePort } from './support/ports.ts'
import { runSluice } from './support/processes.ts'
import { describeServer, patchServer } from './support/server-admin.ts'

/** Requests of one look at how they are shared. */
const BATCH = 170

/** Percent that a server gives of itself. */
type Percent = number

async function start(slowstart: string) {
  const [one, two] = await Promise.all(['one', 'two'].map((name) => startHttpServer({ name })))
  const port = await freePort()
  const daemon = await startDaemon({
    config: {
      // Turns are exact in one thread.
      global: { nbthread: 1, log: { access: 'off' } },
      defaults: { mode: 'http', balance: 'roundrobin' },
      frontends: { web: { bind: `127.0.0.1:${port}`, default_backend: 'app' } },
      backends: {
        app: { servers: { one: one?.address, two: { address: two?.address, slowstart } } },
      },
    },
  })
  const get = httpClient(port)
  /** The share of server two in some requests. */
  const share = async (): Promise<number> => {
    let hits = 0
    for (let n = 0; n < BATCH; n++) {
      const { status, body } = await get('/')
      expect(status).toBe(200)
      if (String(body) === 'two') hits++
    }
    return hits / BATCH
  }
  const given = async (): Promise<Percent> =>
    (await describeServer(daemon, 'app/two')).throttlePercent ?? 100
  return { daemon, share, given }
}

/** The share of a server that gives so much, beside one that gives all. */
const fairShare = (percent: Percent): number => percent / (100 + percent)

it('gives a server that comes back a share that grows to the whole', async () => {
  const { daemon, share, given } = await start('10s')
  expect(await given()).toBe(100)
  expect(await share()).toBe(0.5)
  await patchServer(daemon, 'app/two', { state: 'maint' })
  expect(await share()).toBe(0)
  await patchServer(daemon, 'app/two', { state: 'ready' })
  const { stdout } = await runSluice('server', 'list', '--admin', daemon.admin)
  const shares: number[] = []
  for (let before = await given(); before < 100; ) {
    const measured = await share()
    const after = await given()
    shares.push(measured)
    // A round of turns that a step has cut short is all that may be missing.
    expect(measured).toBeGreaterThan(fairShare(before) - 0.03)
    expect(measured).toBeLessThan(fairShare(after) + 0.03)
    expect(after).toBeGreaterThanOrEqual(before)
    before = after
  }
  expect(shares.length).toBeGreaterThan(2)
  expect(shares[0]).toBeLessThan(0.4)
  expect(await share()).toBeCloseTo(0.5, 1)
  expect(stdout).toMatch(/^app\/two .* UP \d+% +ready /m)
  expect((await scrape(daemon))('sluice_server_current_throttle')).toBeNaN()
})

it('tells of a slow start in the metrics and in the statistics', async () => {
  const { daemon } = await start('10m')
  await patchServer(daemon, 'app/two', { weight: 32, state: 'maint' })
  await patchServer(daemon, 'app/two', { state: 'ready' })
  const samples = await scrape(daemon)
  expect(samples('sluice_server_current_throttle', { server: 'two' })).toBe(7)
  expect(samples('sluice_server_weight', { server: 'two' })).toBe(2)
  expect(samples('sluice_server_state_changes_total', { server: 'two' })).toBe(2)
  expect(samples('sluice_server_state_changes_total', { server: 'one' })).toBe(0)
  const csv = await (await fetch(`${daemon.adminUrl}/stats;csv`, { headers: ADMIN_HEADERS })).text()
  const [names, ...lines] = csv
    .trimEnd()
    .split('\n')
    .map((line) => line.split(','))
  const line = lines.find((cells) => cells[1] === 'two')
  const cell = (name: string): string | undefined => line?.[names?.indexOf(name) ?? -1]
  expect([cell('throttle'), cell('weight'), cell('uweight')]).toEqual(['7', '2', '32'])
})
