import type { ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it, onTestFinished } from 'vitest'
import { startDaemon } from './support/daemon.ts'
import { httpClient } from './support/http-client.ts'
import { type HttpServer, startHttpServer } from './support/http-server.ts'
import { freePort } from './support/ports.ts'

const REQUESTS = 10_000
const CLIENTS = 50

interface Weighted {
  readonly server: HttpServer
  readonly weight: number
}

/** Sends 10,000 requests over 50 connections through 2 threads, and returns each server's share. */
async function sharesOf(balance: string, servers: readonly Weighted[]): Promise<number[]> {
  const port = await freePort()
  const entries = servers.map(({ server, weight }) => {
    return [server.name, { address: server.address, weight }] as const
  })
  await startDaemon({
    config: {
      global: { nbthread: 2, log: { access: 'off' } },
      defaults: { mode: 'http', balance },
      frontends: { web: { bind: `127.0.0.1:${port}`, default_backend: 'app' } },
      backends: { app: { servers: Object.fromEntries(entries) } },
    },
  })
  const get = httpClient(port, CLIENTS)
  let left = REQUESTS
  const client = async (): Promise<void> => {
    while (left-- > 0) expect((await get('/')).status).toBe(200)
  }
  await Promise.all(Array.from({ length: CLIENTS }, client))
  const counts = servers.map(({ server }) => server.requests.length)
  expect(counts.reduce((sum, count) => sum + count)).toBe(REQUESTS)
  return counts.map((count) => count / REQUESTS)
}

/** Servers s1, s2, ... with these weights. */
function startWeighted(weights: readonly number[]): Promise<Weighted[]> {
  return Promise.all(
    weights.map(async (weight, i) => {
      return { server: await startHttpServer({ name: `s${i + 1}` }), weight }
    }),
  )
}

it.each([
  { balance: 'roundrobin', weights: [1, 1, 1], tolerance: 0.01 },
  { balance: 'roundrobin', weights: [1, 2, 5], tolerance: 0.01 },
  // With two servers the spread of chance itself is 1.2 %, four times less than what is allowed.
  { balance: 'random', weights: [2, 3], tolerance: 0.05 },
])('$balance shares by the weights $weights within $tolerance', async (row) => {
  const { balance, weights, tolerance } = row
  const shares = await sharesOf(balance, await startWeighted(weights))
  const total = weights.reduce((sum, weight) => sum + weight)
  for (const [i, weight] of weights.entries()) {
    const ratio = (shares[i] ?? 0) / (weight / total)
    expect(Math.abs(ratio - 1), `share of server ${i + 1}`).toBeLessThanOrEqual(tolerance)
  }
})

it('a server of weight 0 gets nothing', async () => {
  const [one, none] = await sharesOf('roundrobin', await startWeighted([1, 0]))
  expect([one, none]).toEqual([1, 0])
})

it('leastconn gives a slow server a smaller share, but not nothing', async () => {
  // Slow by what the others do meanwhile, not by a clock: each of its answers waits for two hundred
  // of theirs, or until they are asked nothing more.
  let others = 0
  const held: { readonly due: number; readonly letGo: () => void }[] = []
  const waitForOthers = async (_: unknown, response: ServerResponse): Promise<void> => {
    await new Promise<void>((letGo) => held.push({ due: others + 200, letGo }))
    response.end('ok')
  }
  const answerSoon = async (_: unknown, response: ServerResponse): Promise<void> => {
    await sleep(5)
    response.end('ok')
    others++
    for (let first = held[0]; first !== undefined && first.due <= others; first = held[0]) {
      held.shift()?.letGo()
    }
  }
  let seen = 0
  const looking = setInterval(() => {
    if (others === seen) for (const { letGo } of held.splice(0)) letGo()
    seen = others
  }, 1000)
  onTestFinished(() => clearInterval(looking))
  const servers = [
    { server: await startHttpServer({ name: 'slow', answer: waitForOthers }), weight: 1 },
    { server: await startHttpServer({ name: 'quick', answer: answerSoon }), weight: 1 },
    { server: await startHttpServer({ name: 'brisk', answer: answerSoon }), weight: 1 },
  ]
  const [slow = 0, quick = 0, brisk = 0] = await sharesOf('leastconn', servers)
  expect(slow).toBeGreaterThan(0.01)
  expect(slow).toBeLessThan(quick / 2)
  expect(slow).toBeLessThan(brisk / 2)
})
