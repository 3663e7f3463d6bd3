import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { stringify } from 'yaml'
import { startNode } from './support/cluster.ts'
import { freePort } from './support/ports.ts'
import { type Finished, NODE, runProgram, SLUICE } from './support/processes.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

/** A place that a config has to bind, and another program does. */
type Place = 'frontend' | 'admin' | 'peers'

async function occupy(port: number): Promise<Server> {
  const server = createServer().listen(port, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return server
}

/** Runs a node of a cluster of its own to its end; one that does not end fails the test. */
async function startOn(
  taken: Place,
  env: Readonly<Record<string, string>> = {},
): Promise<Finished & { readonly address: string }> {
  const folder = temporaryFolder()
  const ports = { frontend: await freePort(), admin: await freePort(), peers: await freePort() }
  await occupy(ports[taken])
  const at = (place: Place): string => `127.0.0.1:${ports[place]}`
  const config = {
    global: { nbthread: 1, grace: '1s', log: { access: 'off' } },
    admin: { bind: at('admin'), socket: join(folder, 'admin.sock') },
    cluster: {
      'node': 'lb1',
      'peers': { lb1: at('peers'), lb2: `127.0.0.1:${await freePort()}` },
      'data-dir': join(folder, 'data'),
    },
    defaults: { mode: 'http' },
    frontends: { web: { bind: at('frontend'), default_backend: 'app' } },
    backends: { app: { servers: { s1: '127.0.0.1:1' } } },
  }
  const file = join(folder, 'sluice.yaml')
  writeFileSync(file, stringify(config))
  const finished = await runProgram(NODE, [SLUICE, 'run', '-f', file], {
    env: { ...process.env, ...env },
  })
  return { ...finished, address: at(taken) }
}

describe('a start that fails', () => {
  it.each<Place>(['frontend', 'admin', 'peers'])(
    'ends the process and says why, where the address of %s is taken',
    async (place) => {
      const { code, stderr, address } = await startOn(place)
      expect(code).toBe(1)
      expect(stderr).toContain('(address-in-use)')
      expect(stderr).toContain(address)
      expect(stderr).not.toContain('bug in Sluice')
    },
  )

  it('ends the process of a node that has belonged to a cluster before', async () => {
    const plan = { name: 'lb1', peerPort: await freePort() }
    const peers = { lb1: `127.0.0.1:${plan.peerPort}` }
    const config = {
      defaults: { mode: 'http' },
      // biome-ignore lint/suspicious/noTemplateCurlyInString: it is what a config says.
      frontends: { web: { bind: '127.0.0.1:${WEB_PORT}', default_backend: 'app' } },
      backends: { app: { servers: { s1: '127.0.0.1:1' } } },
    }
    const node = await startNode(plan, peers, { config })
    await node.daemon.event('cluster-joined')
    expect(await node.daemon.stop()).toBe(0)
    const holder = await occupy(plan.peerPort)
    const { code, stderr } = await runProgram(NODE, [SLUICE, 'run', '-f', node.daemon.file], {
      env: { ...process.env, ...node.env },
    })
    expect(code).toBe(1)
    expect(stderr).toContain('(address-in-use)')
    expect(stderr).not.toContain('bug in Sluice')
    // What it has in its data directory is as it was.
    holder.close()
    await once(holder, 'close')
    await node.start()
  })

  it('ends the process whatever else keeps it', async () => {
    const keeps = 'data:text/javascript,setInterval(() => {}, 1000)'
    const { code, stderr } = await startOn('peers', { NODE_OPTIONS: `--import="${keeps}"` })
    expect(code).toBe(1)
    expect(stderr).toContain('(address-in-use)')
  })
})
