// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references as a config has them.
import { writeFileSync } from 'node:fs'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { CertificatesReport } from '../../src/operations/contract/certificates.ts'
import { type Certificate, createAuthority, selfSigned } from '../fixtures/certificates.ts'
import { sluiceOn, startCluster, type TestNode } from './support/cluster.ts'
import { type Daemon, startDaemon } from './support/daemon.ts'
import { startHttpServer } from './support/http-server.ts'
import { freePort } from './support/ports.ts'
import { runSluice } from './support/processes.ts'
import { temporaryFolder } from './support/temporary-folder.ts'
import { writePem } from './support/tls-server.ts'

const authority = createAuthority()
const pemOf = ({ cert, key }: Certificate): string => cert + key
const issued = (name = 'a.example'): string => pemOf(authority.issue({ names: [name] }))
const HEAD = 'Host: a.example\r\n\r\n'

interface CertList {
  readonly nodes: readonly CertificatesReport[]
}

/** A connection whose handshake is complete. */
async function openSession(port: number): Promise<TLSSocket> {
  const socket = connectTls({ port, servername: 'a.example', ca: authority.cert })
  onTestFinished(() => void socket.destroy())
  await new Promise<void>((resolve, reject) => {
    socket.once('secureConnect', resolve).once('error', reject)
  })
  return socket
}

/** The serial number of the certificate that new connections are shown. */
async function shownAt(port: number): Promise<string> {
  const socket = await openSession(port)
  const { serialNumber } = socket.getPeerCertificate()
  socket.destroy()
  return serialNumber.toLowerCase()
}

function answered(socket: TLSSocket): Promise<string> {
  return new Promise((resolve) => {
    socket.once('data', (data) => resolve(data.toString().split('\r\n')[0] ?? ''))
  })
}

describe('sluice cert of a node', () => {
  interface Secured {
    readonly daemon: Daemon
    readonly port: number
    readonly crt: string
    readonly clientCrt: string
  }

  async function startSecured(): Promise<Secured> {
    const server = await startHttpServer({ name: 's1' })
    const port = await freePort()
    const [crt, clientCrt] = [writePem(issued()), writePem(issued('client.example'))]
    const ssl = { 'verify': 'none', 'crt': clientCrt }
    const daemon = await startDaemon({
      config: {
        global: { nbthread: 2 },
        defaults: { mode: 'http' },
        frontends: {
          web: { bind: { address: `127.0.0.1:${port}`, ssl: { crt } }, default_backend: 'app' },
        },
        backends: {
          app: { servers: { s1: server.address } },
          far: {
            servers: { s1: { address: '127.0.0.1:1', ssl }, s2: { address: '127.0.0.1:1', ssl } },
          },
        },
      },
    })
    return { daemon, port, crt, clientCrt }
  }

  const cert = (daemon: Daemon, ...args: readonly string[]) =>
    runSluice('cert', ...args, '--admin', daemon.admin)

  it('lists and shows what it shows, and takes up a file that has changed', async () => {
    const { daemon, port, crt, clientCrt } = await startSecured()
    const list = await cert(daemon, 'list')
    expect(list).toMatchObject({ code: 0, stderr: '' })
    const [, first, second] = list.stdout.split('\n')
    expect(first).toContain(` a.example `)
    expect(first).toContain(`CN=Test authority     9  `)
    expect(first).toContain(` ${crt}  frontend web 127.0.0.1:${port}`)
    expect(second).toContain(` ${clientCrt}  backend far`)

    const before = await shownAt(port)
    const show = await cert(daemon, 'show', 'a.example')
    expect(show.stdout).toMatch(new RegExp(`^serial {3}${before}$`, 'm'))

    const session = await openSession(port)
    const open = await openSession(port)
    open.write('GET / HTTP/1.1\r\n')
    writeFileSync(crt, issued())
    const reload = await cert(daemon, 'reload')
    expect(reload).toMatchObject({ code: 0, stdout: expect.stringMatching(`: ${crt}\n$`) })
    expect(await daemon.event('certificates-reloaded')).toMatchObject({ changed: [crt] })
    expect(await shownAt(port)).not.toBe(before)
    // Those that were there go on, also within a request.
    for (const [socket, rest] of [
      [session, `GET / HTTP/1.1\r\n${HEAD}`],
      [open, HEAD],
    ] as const) {
      const answer = answered(socket)
      socket.write(rest)
      expect(await answer).toBe('HTTP/1.1 200 OK')
    }

    const again = await cert(daemon, 'reload')
    expect(again.stdout).toMatch(/nothing has changed\n$/)
    for (const { stdout } of [list, show, reload, await cert(daemon, 'list', '--json')])
      expect(stdout).not.toContain('PRIVATE')
    expect(JSON.stringify(daemon.log)).not.toContain('PRIVATE')
  })

  it('keeps all that it has for one file that cannot be used', async () => {
    const { daemon, port, crt, clientCrt } = await startSecured()
    const before = await shownAt(port)
    writeFileSync(crt, issued())
    writeFileSync(clientCrt, pemOf(selfSigned({ names: ['old'], validUntilDays: -0.5 })))
    const { code, stderr } = await cert(daemon, 'reload')
    expect(code).toBe(1)
    expect(stderr).toContain(`${clientCrt}:1: the certificate of CN=old has expired`)
    expect(stderr).toContain('(certificate-invalid)')
    expect(stderr).toContain('nothing was changed')
    expect(await shownAt(port)).toBe(before)
  })
})

it('tells of all nodes of a cluster, and exchanges their certificates or none', async () => {
  const folder = temporaryFolder()
  for (const name of ['lb1', 'lb2', 'lb3']) writeFileSync(`${folder}/${name}.pem`, issued())
  const { nodes } = await startCluster({
    config: {
      defaults: { mode: 'http' },
      frontends: {
        web: {
          bind: {
            address: '127.0.0.1:${WEB_PORT}',
            ssl: { crt: `${folder}/\${NODE_NAME}.pem` },
          },
          default_backend: 'app',
        },
      },
      backends: { app: { servers: { s1: '127.0.0.1:1' } } },
    },
  })
  const [lb1, , lb3] = nodes as [TestNode, TestNode, TestNode]
  const serials = async (node: TestNode): Promise<(readonly [string, string])[]> => {
    const { stdout } = await sluiceOn(node, 'cert', 'list', '--json')
    return (JSON.parse(stdout) as CertList).nodes
      .map(({ node: name, certificates: [first] }) => [name, first?.serial ?? ''] as const)
      .sort(([a], [b]) => a.localeCompare(b))
  }
  const before = await serials(lb1)
  expect(before.map(([name]) => name)).toEqual(['lb1', 'lb2', 'lb3'])
  expect(await serials(lb3)).toEqual(before)
  const one = await sluiceOn(lb1, 'cert', 'list', '--node', 'lb3')
  expect(one.stdout).toContain(`${folder}/lb3.pem`)
  expect(one.stdout).not.toContain(`${folder}/lb1.pem`)

  writeFileSync(`${folder}/lb1.pem`, issued())
  writeFileSync(`${folder}/lb3.pem`, 'nothing')
  const refused = await sluiceOn(lb1, 'cert', 'reload')
  expect(refused.code).toBe(1)
  expect(refused.stderr).toContain(`lb3: `)
  expect(refused.stderr).toContain(`${folder}/lb3.pem`)
  expect(await serials(lb1)).toEqual(before)

  writeFileSync(`${folder}/lb3.pem`, issued())
  expect((await sluiceOn(lb1, 'cert', 'reload')).code).toBe(0)
  const after = await serials(lb1)
  expect(after.map(([, serial], n) => serial === before[n]?.[1])).toEqual([false, true, false])

  const gone = nodes.find(({ name }) => name === 'lb2') as TestNode
  await gone.daemon.kill()
  const partly = await sluiceOn(lb1, 'cert', 'list')
  expect(partly.stderr).toMatch(/^lb2: /)
  expect(partly.stdout.match(/^lb\d/gm)).toEqual(['lb1', 'lb3'])
})
