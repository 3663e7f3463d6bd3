import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { ConnectionTrials, type TrialEnd } from '../../../src/net/connection-trials.ts'
import { openFilesLimit, setOpenFilesLimit } from '../../../src/net/descriptor.ts'
import { TURN_MS_MAX } from '../../../src/net/running-time.ts'
import { socketName } from '../../../src/net/socket-name.ts'
import { startStuckServer } from '../../e2e/support/stuck-server.ts'

const trials = ConnectionTrials.create(() => performance.now())
const servers: Server[] = []

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.close()
    await once(server, 'close')
  }
})

/** A server that accepts, or nobody, on a free port. */
async function portOf(host: string, isOpen: boolean): Promise<number> {
  const server = createServer((socket) => socket.on('error', () => {}).resume())
  server.listen(0, host)
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  if (isOpen) servers.push(server)
  else {
    server.close()
    await once(server, 'close')
  }
  return address.port
}

function attempt(host: string, port: number, timeoutMs = 1000): Promise<TrialEnd> {
  const name = socketName({ kind: 'inet', host, port }) as Uint8Array
  return new Promise((resolve) => {
    trials?.start(name, timeoutMs, resolve)
  })
}

describe.skipIf(trials === null)('a trial', () => {
  it.each(['127.0.0.1', '::1'])('says that somebody listens on %s', async (host) => {
    expect(await attempt(host, await portOf(host, true))).toBeNull()
  })

  it.each(['127.0.0.1', '::1'])('says that nobody listens on %s', async (host) => {
    expect(await attempt(host, await portOf(host, false))).toBe('refused')
  })

  it('says that there is no way to an address', async () => {
    // A connection to the broadcast address is never allowed.
    expect(await attempt('255.255.255.255', 1)).toBe('unreachable')
  })

  it('ends many at once, and leaves no descriptor behind', async () => {
    const open = await portOf('127.0.0.1', true)
    const shut = await portOf('127.0.0.1', false)
    const before = readdirSync('/proc/self/fd').length
    const ends = await Promise.all(
      Array.from({ length: 300 }, (_, i) => attempt('127.0.0.1', i % 2 === 0 ? open : shut)),
    )
    expect(ends).toEqual(Array.from({ length: 300 }, (_, i) => (i % 2 === 0 ? null : 'refused')))
    expect(readdirSync('/proc/self/fd').length).toBeLessThanOrEqual(before + 1)
  })

  it('is given up after its time when nobody answers', async () => {
    const [, port] = (await startStuckServer()).split(':')
    expect(await attempt('127.0.0.1', Number(port), 20)).toBe('timeout')
  })

  it('counts no time in which the process stood still', async () => {
    let stoodStillMs = 0
    const own = ConnectionTrials.create(() => performance.now() + stoodStillMs)
    const [, port] = (await startStuckServer()).split(':')
    const name = socketName({ kind: 'inet', host: '127.0.0.1', port: Number(port) }) as Uint8Array
    const startMs = performance.now()
    const end = new Promise((resolve) => own?.start(name, 300, resolve))
    stoodStillMs = 1_000_000
    expect(await end).toBe('timeout')
    expect(performance.now() - startMs).toBeGreaterThan(300 - TURN_MS_MAX - 1)
  })

  it('says that this process has no descriptor left', async () => {
    const before = openFilesLimit()
    const port = await portOf('127.0.0.1', true)
    setOpenFilesLimit({ soft: 1, hard: before.hard })
    const end = attempt('127.0.0.1', port)
    setOpenFilesLimit(before)
    expect(await end).toBe('exhausted')
  })

  it('tells nothing once it is cancelled', async () => {
    const port = await portOf('127.0.0.1', true)
    const told: TrialEnd[] = []
    const name = socketName({ kind: 'inet', host: '127.0.0.1', port }) as Uint8Array
    trials?.start(name, 1000, (end) => told.push(end)).cancel()
    await attempt('127.0.0.1', port)
    expect(told).toEqual([])
  })
})
