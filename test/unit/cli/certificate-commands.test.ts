import { duplexPair } from 'node:stream'
import { describe, expect, it, onTestFinished } from 'vitest'
import { SluiceError } from '../../../src/base/errors.ts'
import { certList, certReload, certShow } from '../../../src/cli/certificate-commands.ts'
import type { NodeSource } from '../../../src/operations/operated-node.ts'
import { adminServer, startForCommands } from '../admin/raw-admin.ts'
import { FakeCluster, STATUS } from '../operations/fake-cluster.ts'
import { SHOWN, sourceOf } from '../operations/fake-source.ts'
import { output } from './command-run.ts'

/** What `lb2` is. */
type Other = 'gone' | Partial<NodeSource>

/** Two nodes, of which `lb1` is asked: its `--admin`. */
async function startPair(lb2: Other, lb1: Partial<NodeSource> = {}): Promise<readonly string[]> {
  const cluster = new FakeCluster()
  const isReachable = lb2 !== 'gone'
  const [own, other] = STATUS.nodes as [(typeof STATUS.nodes)[0], (typeof STATUS.nodes)[0]]
  cluster.status = () => Promise.resolve({ ...STATUS, nodes: [own, { ...other, isReachable }] })
  if (lb2 !== 'gone') {
    const source = sourceOf({ name: 'lb2', ...lb2 })
    const server = adminServer({ node: 'lb2', bind: null, source, cluster: new FakeCluster() })
    onTestFinished(() => server.close())
    cluster.onStream = () => {
      const [near, far] = duplexPair()
      server.serveForwarded(far)
      return near
    }
  }
  return startForCommands({ cluster, source: sourceOf(lb1) })
}

const UNTIL = new Date(SHOWN.certificate.notAfterMs).toISOString().slice(0, 10)

function refusing(message: string): NodeSource['reloadCertificates'] {
  return () => Promise.reject(new SluiceError('certificate-invalid', message))
}

describe('cert list', () => {
  it('prints those of all nodes as an aligned table', async () => {
    const names = ['a.example', 'b.example', 'c.example', 'd.example', 'e.example']
    const certificate = { ...SHOWN.certificate, names }
    const admin = await startPair({
      certificates: () => [{ certificate, usedBy: ['backend app'] }],
    })
    const { out, warnings } = await output((io) => certList({ admin }, io))
    expect(out).toBe(
      [
        'NODE  NAMES                               ISSUER             DAYS  UNTIL       FILE          USED BY',
        `lb1   a.example, *.b.example              CN=Test authority     9  ${UNTIL}  /certs/a.pem  frontend web 0.0.0.0:443`,
        `lb2   a.example, b.example, c.example +2  CN=Test authority     9  ${UNTIL}  /certs/a.pem  backend app`,
        '',
      ].join('\n'),
    )
    expect(warnings).toBe('')
  })

  it('names a node that is not reached, and prints the others', async () => {
    const admin = await startPair('gone')
    const { out, warnings } = await output((io) => certList({ admin }, io))
    expect(out).toMatch(/^lb1 /m)
    expect(warnings).toBe('lb2: not reached\n')
  })

  it('prints those of one node', async () => {
    const admin = await startPair({})
    const { out } = await output((io) => certList({ admin, node: 'lb2' }, io))
    expect(out.match(/^lb\d/gm)).toEqual(['lb2'])
    await expect(
      output((io) => certList({ admin: [...admin], node: 'lb1' }, io)),
    ).resolves.toMatchObject({ out: expect.stringMatching(/^lb1 /m) })
  })

  it('prints JSON, in which no key is', async () => {
    const admin = await startPair('gone')
    const { out } = await output((io) => certList({ admin, json: true }, io))
    expect(JSON.parse(out)).toMatchObject({
      nodes: [{ node: 'lb1', certificates: [{ file: '/certs/a.pem', daysLeft: 9 }] }],
      untold: [{ node: 'lb2', message: 'not reached' }],
    })
    expect(out).not.toMatch(/PRIVATE|BEGIN/)
  })
})

describe('cert show', () => {
  it.each(['a.example', 'A.example', 'x.b.example', '*.b.example', '/certs/a.pem'])(
    'prints all that is known of %s',
    async (wanted) => {
      const admin = await startPair('gone')
      const { out, warnings } = await output((io) => certShow(wanted, { admin }, io))
      expect(out).toMatch(/^node {5}lb1\nfile {5}\/certs\/a\.pem\nnames {4}a\.example, \*\.b\.exa/)
      expect(out).toMatch(/^issuer {3}CN=Test authority$/m)
      expect(out).toMatch(/^used by {2}frontend web 0\.0\.0\.0:443$/m)
      expect(out).toMatch(/^valid {4}.* 9 days left$/m)
      expect(warnings).toBe('lb2: not reached\n')
    },
  )

  it.each(['b.example', 'x.y.b.example', 'other.example', '/certs'])(
    'knows no %s',
    async (wanted) => {
      const admin = await startPair({})
      await expect(output((io) => certShow(wanted, { admin }, io))).rejects.toMatchObject({
        code: 'certificate-unknown',
      })
    },
  )
})

describe('cert reload', () => {
  it('has every node take up what has changed', async () => {
    const admin = await startPair({ reloadCertificates: () => Promise.resolve([]) })
    const { out } = await output((io) => certReload({ admin }, io))
    expect(out).toBe('lb1: /certs/a.pem\nlb2: nothing has changed\n')
  })

  it('changes nothing where one node cannot use its files', async () => {
    const trials: boolean[] = []
    const admin = await startPair(
      { reloadCertificates: refusing('a.pem:1: it has expired') },
      {
        reloadCertificates: async (isTrial) => {
          trials.push(isTrial)
          return []
        },
      },
    )
    await expect(output((io) => certReload({ admin }, io))).rejects.toMatchObject({
      code: 'certificate-invalid',
      message: 'lb2: a.pem:1: it has expired\nnothing was changed',
    })
    expect(trials).toEqual([true])
  })

  it('says who was not reached, and has the others do it', async () => {
    const admin = await startPair('gone')
    const failures: unknown[] = []
    const { out } = await output((io) =>
      certReload({ admin }, io).catch((error: unknown) => void failures.push(error)),
    )
    expect(out).toBe('lb1: /certs/a.pem\n')
    const message = expect.stringContaining('lb2: not reached')
    expect(failures).toMatchObject([{ code: 'peer-unreachable', message }])
  })

  it('is of one node where one is named', async () => {
    const admin = await startPair({}, { reloadCertificates: refusing('not asked') })
    const { out } = await output((io) => certReload({ admin, node: 'lb2', json: true }, io))
    expect(JSON.parse(out)).toEqual({
      nodes: [{ node: 'lb2', changed: ['/certs/a.pem'] }],
      unreached: [],
    })
  })
})
