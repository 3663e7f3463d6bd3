import { afterEach, describe, expect, it } from 'vitest'
import type { Address } from '../../../src/base/address.ts'
import { AgentProber, type AgentTarget } from '../../../src/health/agent-prober.ts'
import type { AgentVerdict } from '../../../src/health/probes/agent-reply.ts'
import { createNodeEngine } from '../../../src/net/engines/node/node-engine.ts'
import { RunningTimers } from '../../../src/net/running-timers.ts'
import { answering, type CheckedServer, signal, startServer } from './check-servers.ts'

const servers: CheckedServer[] = []
let agents: AgentProber | null = null

afterEach(async () => {
  agents?.stop()
  await Promise.all(servers.splice(0).map((server) => server.close()))
})

async function serverThat(...behaviour: Parameters<typeof startServer>): Promise<CheckedServer> {
  const server = await startServer(...behaviour)
  servers.push(server)
  return server
}

function targetAt(key: string, address: Address): AgentTarget {
  const agent = { address, interMs: 10, send: `${key}\n`, timeoutMs: 1000 }
  return { key, agent, connectTimeoutMs: 1000 }
}

function ask(onAgent: (key: string, verdict: AgentVerdict) => void): AgentProber {
  const engine = createNodeEngine({ onAcceptFailure: () => {} })
  const clock = (): number => performance.now()
  agents = new AgentProber({ engine, clock, timers: new RunningTimers(clock), onAgent })
  return agents
}

describe('agents', () => {
  it('are sent what is to be sent, again and again, and their replies are told', async () => {
    const told: [string, AgentVerdict][] = []
    const third = signal()
    const requests: string[] = []
    const server = await serverThat(answering('drain 50%\n', requests))
    ask((key, verdict) => {
      told.push([key, verdict])
      if (told.length === 3) third.resolve()
    }).replace([targetAt('app/s1', server.address)])
    await third.promise
    expect(requests.slice(0, 3)).toEqual(['app/s1\n', 'app/s1\n', 'app/s1\n'])
    expect(told[0]).toEqual([
      'app/s1',
      { weightPercent: 50, state: null, adminState: 'drain', maxconn: null, reason: '' },
    ])
  })

  it('that say nothing of use, or are not there, are not told', async () => {
    const gone = await startServer(() => {})
    await gone.close()
    let questions = 0
    const answered = signal()
    const confused = await serverThat((socket) => {
      if (++questions === 3) answered.resolve()
      socket.end('no idea\n')
    })
    const clear = await serverThat(answering('up\n'))
    const told: string[] = []
    const first = signal()
    ask((key) => {
      told.push(key)
      first.resolve()
    }).replace([
      targetAt('gone', gone.address),
      targetAt('confused', confused.address),
      targetAt('clear', clear.address),
    ])
    await Promise.all([answered.promise, first.promise])
    expect(new Set(told)).toEqual(new Set(['clear']))
  })

  it('are left alone once their server is gone', async () => {
    const open = signal()
    const closed = signal()
    const server = await serverThat((socket) => {
      // A reset behind bytes is shown as an end by libuv.
      socket
        .resume()
        .on('end', () => socket.destroy())
        .on('close', () => closed.resolve())
      open.resolve()
    })
    const told: string[] = []
    const prober = ask((key) => told.push(key))
    prober.replace([targetAt('app/s1', server.address)])
    await open.promise
    prober.replace([])
    await closed.promise
    expect(told).toEqual([])
    expect(server.open()).toBe(0)
  })
})
