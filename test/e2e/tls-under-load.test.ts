import { writeFileSync } from 'node:fs'
import { beforeEach, expect, it } from 'vitest'
import { type Certificate, createAuthority } from '../fixtures/certificates.ts'
import { startDaemon, type TestConfig } from './support/daemon.ts'
import { startHttpsServer } from './support/https-server.ts'
import { underLoad } from './support/load.ts'
import { freePort } from './support/ports.ts'
import { runSluice } from './support/processes.ts'
import { requires } from './support/requirements.ts'
import { patchServer } from './support/server-admin.ts'
import { writePem } from './support/tls-server.ts'

const authority = createAuthority()
const issue = (name: string): Certificate => authority.issue({ names: [name] })
const pemOf = ({ cert, key }: Certificate): string => cert + key

beforeEach(requires('wrk'))

it('a reload, new certificates and drained servers fail no request, with TLS on both sides', async () => {
  const own = issue('server.example')
  const asked = { ...own, requestCert: true, ca: authority.cert }
  const servers = { s1: await startHttpsServer(asked), s2: await startHttpsServer(asked) }
  const port = await freePort()
  const [crt, clientCrt] = [writePem(pemOf(issue('a.example'))), writePem(pemOf(issue('one')))]
  const ssl = { 'ca-file': writePem(authority.cert), 'sni': 'server.example', 'crt': clientCrt }
  const configOf = (maxconn: number): TestConfig => ({
    global: { nbthread: 2, log: { access: 'off' } },
    defaults: { mode: 'http' },
    frontends: {
      web: {
        bind: { address: `127.0.0.1:${port}`, ssl: { crt } },
        maxconn,
        default_backend: 'app',
      },
    },
    backends: {
      app: {
        'default-server': { ssl },
        'servers': { s1: servers.s1.address, s2: servers.s2.address },
      },
    },
  })
  const daemon = await startDaemon({ config: configOf(500) })
  const run = { url: `https://127.0.0.1:${port}/`, connections: 8 }
  const load = await underLoad(daemon, run, async () => {
    for (const [round, server] of (['s1', 's2'] as const).entries()) {
      expect((await patchServer(daemon, `app/${server}`, { state: 'drain' })).ok).toBe(true)
      writeFileSync(crt, pemOf(issue('a.example')))
      writeFileSync(clientCrt, pemOf(issue(`client-${round}`)))
      const exchanged = await runSluice('cert', 'reload', '--admin', daemon.admin)
      expect(exchanged.stdout).toContain(crt)
      expect(exchanged.stdout).toContain(clientCrt)
      expect(await daemon.reload(configOf(501 + round))).toMatchObject({ event: 'config-reloaded' })
      expect((await patchServer(daemon, `app/${server}`, { state: 'ready' })).ok).toBe(true)
    }
  })
  expect(load.errors).toEqual({ connect: 0, read: 0, write: 0, status: 0, timeout: 0 })
  const names = Object.values(servers).flatMap(({ requests }) =>
    requests.map(({ clientName }) => clientName),
  )
  expect([...new Set(names)].sort()).toEqual(['client-0', 'client-1', 'one'])
})
