import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { createAuthority } from '../fixtures/certificates.ts'
import { startCluster } from './support/cluster.ts'
import { startDaemon } from './support/daemon.ts'
import { freePort } from './support/ports.ts'
import { runProgram } from './support/processes.ts'
import { requires } from './support/requirements.ts'
import { temporaryFolder } from './support/temporary-folder.ts'
import { writePem } from './support/tls-server.ts'
import { until } from './support/waiting.ts'

const VERSIONS = ['-tls1_2', '-tls1_3'] as const
const REQUEST = 'GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n'

const { cert, key } = createAuthority().issue({ names: ['a.example'] })

/** Says in its answer whether the client's session was resumed. */
function sectionsFor(bind: string): Readonly<Record<string, unknown>> {
  const answer = 'return status 200 hdr X-Resumed "%[ssl_fc_is_resumed]"'
  const ssl = { crt: writePem(cert + key) }
  return {
    frontends: {
      web: { 'mode': 'http', 'bind': { address: bind, ssl }, 'http-request': [answer] },
    },
  }
}

/** What one visit of `openssl s_client` is told. */
async function visit(port: number, options: readonly string[]): Promise<boolean> {
  const to = ['-connect', `127.0.0.1:${port}`, '-servername', 'a.example']
  const { stdout, stderr } = await runProgram(
    'openssl',
    ['s_client', ...to, '-quiet', '-ign_eof', ...options],
    { stdin: REQUEST },
  )
  const said = /^x-resumed: ([01])\r$/im.exec(stdout)?.[1]
  if (said === undefined) throw new Error(`no answer: ${stdout}${stderr}`)
  return said === '1'
}

/** Begins a session and keeps it in a file. */
async function begin(port: number, version: string): Promise<string> {
  const file = join(temporaryFolder(), 'session')
  expect(await visit(port, [version, '-sess_out', file])).toBe(false)
  return file
}

describe('sessions of clients', () => {
  beforeEach(requires('openssl'))

  it.each(VERSIONS)('go on at every node and thread, whoever leads: %s', async (version) => {
    const cluster = await startCluster({
      // biome-ignore lint/suspicious/noTemplateCurlyInString: it is what a config says.
      config: sectionsFor('127.0.0.1:${WEB_PORT}'),
      global: { nbthread: 2 },
    })
    const { nodes } = cluster
    const leader = await cluster.leader()
    const [first, second] = (await cluster.followers()) as [(typeof nodes)[0], (typeof nodes)[0]]
    // A node has the leader's keys a moment after it knows who leads.
    const session = await until('a session that goes on at all nodes', async () => {
      const begun = await begin(first.webPort, version)
      const resumed = await Promise.all(
        nodes.map(({ webPort }) => visit(webPort, [version, '-sess_in', begun])),
      )
      return resumed.every(Boolean) ? begun : undefined
    })
    for (let n = 0; n < 4; n++) {
      for (const { webPort } of nodes) {
        expect(await visit(webPort, [version, '-sess_in', session])).toBe(true)
      }
    }
    await leader.daemon.stop()
    await cluster.leader([first, second])
    expect(await visit(second.webPort, [version, '-sess_in', session])).toBe(true)
    await leader.start()
    await until('the keys of the others at a node that is started again', async () =>
      (await visit(leader.webPort, [version, '-sess_in', session])) ? true : undefined,
    )
  })

  it.each(VERSIONS)('end with the key of their tickets: %s', async (version) => {
    const port = await freePort()
    const tune = { 'ssl.ticket-key-rotation': '1s', 'ssl.lifetime': '1h' }
    await startDaemon({
      config: { global: { nbthread: 2, tune }, ...sectionsFor(`127.0.0.1:${port}`) },
    })
    const session = await begin(port, version)
    await until('a handshake in full', async () =>
      (await visit(port, [version, '-sess_in', session])) ? undefined : true,
    )
    await until('a session of a newer key that goes on', async () => {
      const again = await begin(port, version)
      return (await visit(port, [version, '-sess_in', again])) ? true : undefined
    })
  })

  it('last as long as they are told to', async () => {
    const port = await freePort()
    await startDaemon({
      config: {
        global: { tune: { 'ssl.lifetime': '1s' } },
        ...sectionsFor(`127.0.0.1:${port}`),
      },
    })
    const session = await begin(port, '-tls1_3')
    await until('a handshake in full', async () =>
      (await visit(port, ['-tls1_3', '-sess_in', session])) ? undefined : true,
    )
  })
})
