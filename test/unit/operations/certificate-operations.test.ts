import { describe, expect, it } from 'vitest'
import type { PlannedCertificate } from '../../../src/model/plan.ts'
import {
  listCertificates,
  reloadCertificates,
} from '../../../src/operations/certificate-operations.ts'
import { parseCertificateReload } from '../../../src/operations/inputs/certificate-inputs.ts'
import type { NodeSource } from '../../../src/operations/operated-node.ts'
import { FakeCluster } from './fake-cluster.ts'
import { SHOWN, sourceOf } from './fake-source.ts'

function nodeOf(changes: Partial<NodeSource> = {}) {
  return { cluster: new FakeCluster(), source: sourceOf(changes) }
}

const DAY_MS = 86_400_000

/** One that ends so many days from now. */
function endingIn(days: number): PlannedCertificate {
  return { ...SHOWN.certificate, notAfterMs: Date.now() + days * DAY_MS }
}

describe('the certificates of a node', () => {
  it('are told with all that they say, and without their keys', async () => {
    const report = await listCertificates(nodeOf())
    expect(report).toEqual({
      node: 'lb1',
      certificates: [
        {
          file: '/certs/a.pem',
          names: ['a.example', '*.b.example'],
          subject: 'CN=a.example',
          issuer: 'CN=Test authority',
          serial: expect.stringMatching(/^[0-9a-f]+$/),
          sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
          keyType: 'ec',
          notBefore: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
          notAfter: new Date(SHOWN.certificate.notAfterMs).toISOString(),
          daysLeft: 9,
          chain: ['CN=Test authority'],
          usedBy: ['frontend web 0.0.0.0:443'],
        },
      ],
    })
    expect(JSON.stringify(report)).not.toContain('PRIVATE')
    expect(JSON.stringify(report)).not.toContain(SHOWN.certificate.key.split('\n')[1])
  })

  it.each([
    [1.5, 1],
    [0.5, 0],
    [-0.5, -1],
  ])('that end in %s days have %s whole days left', async (days, left) => {
    const certificates = () => [{ ...SHOWN, certificate: endingIn(days) }]
    const report = await listCertificates(nodeOf({ certificates }))
    expect(report.certificates[0]?.daysLeft).toBe(left)
  })

  it('are told in turns, so that a great many keep nobody waiting', async () => {
    const many = Array.from({ length: 250 }, () => ({ ...SHOWN }))
    let turns = 0
    const report = listCertificates(nodeOf({ certificates: () => many }))
    setImmediate(() => turns++)
    await report.then(({ certificates }) => expect(certificates).toHaveLength(250))
    expect(turns).toBeGreaterThan(0)
  })

  it.each([
    [{}, false],
    [{ trial: false }, false],
    [{ trial: true }, true],
  ])('are read again, asked with %j', async (input, isTrial) => {
    const asked: boolean[] = []
    const node = nodeOf({
      reloadCertificates: async (trial) => {
        asked.push(trial)
        return ['/certs/a.pem']
      },
    })
    expect(await reloadCertificates(node, parseCertificateReload(input))).toEqual({
      node: 'lb1',
      changed: ['/certs/a.pem'],
    })
    expect(asked).toEqual([isTrial])
  })

  it.each([[null], [[]], [{ trial: 'yes' }], [{ trial: 1 }], [{ force: true }]])(
    'are not, asked with %j',
    (input) => {
      expect(() => parseCertificateReload(input)).toThrowError(
        expect.objectContaining({ code: 'change-invalid' }),
      )
    },
  )
})
