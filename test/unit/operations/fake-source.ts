import { SluiceError } from '../../../src/base/errors.ts'
import { readCertificate } from '../../../src/certificates/certificate-reading.ts'
import type { ServerReport, ServersReport } from '../../../src/operations/contract/servers.ts'
import type { NodeSource, ShownCertificate } from '../../../src/operations/operated-node.ts'
import { createAuthority } from '../../fixtures/certificates.ts'

export const SERVERS: ServersReport = {
  servers: [
    {
      backend: 'app',
      server: 'app1',
      added: false,
      address: '10.0.0.11:8080',
      state: 'UP',
      cause: null,
      reason: '',
      lastChangeSeconds: 60,
      changesTotal: 2,
      adminState: 'ready',
      weight: 10,
      throttlePercent: null,
      setAtRunTime: [],
      sessions: 3,
      check: {
        status: 'L7OK',
        code: 200,
        info: 'OK',
        durationMs: 1.6,
        lastChangeSeconds: 60,
        failuresTotal: 0,
      },
    },
    {
      backend: 'app',
      server: 'app2',
      added: false,
      address: '[2001:db8::12]:8080',
      state: 'DOWN',
      cause: 'check',
      reason: 'Layer4 connection problem',
      lastChangeSeconds: 60,
      changesTotal: 2,
      adminState: 'ready',
      weight: 100,
      throttlePercent: null,
      setAtRunTime: ['weight'],
      sessions: 0,
      check: {
        status: 'L4CON',
        code: 0,
        info: 'Connection refused',
        durationMs: 0,
        lastChangeSeconds: 2,
        failuresTotal: 3,
      },
    },
    {
      backend: 'db',
      server: 'db1',
      added: true,
      address: 'unix@/run/db.sock',
      state: 'MAINT',
      cause: 'admin',
      reason: 'set to maint at run time',
      lastChangeSeconds: 60,
      changesTotal: 2,
      adminState: 'maint',
      weight: 1,
      throttlePercent: null,
      setAtRunTime: ['state'],
      sessions: 12,
      check: null,
    },
  ],
}

const authority = createAuthority()
const { cert, key } = authority.issue({ names: ['a.example', '*.b.example'] })

/** A certificate that the daemon shows. */
export const SHOWN: ShownCertificate = {
  certificate: readCertificate({ path: '/certs/a.pem', text: cert + authority.cert + key }, null, {
    nowMs: Date.now(),
    isKnownAuthority: () => true,
  }),
  usedBy: ['frontend web 0.0.0.0:443'],
}

/** A daemon that is well. */
export function sourceOf(changes: Partial<NodeSource> = {}): NodeSource {
  return {
    name: 'lb1',
    certificates: () => [SHOWN],
    reloadCertificates: () => Promise.resolve([SHOWN.certificate.path]),
    ready: () => ({ ready: true, reasons: [] }),
    info: () => ({
      name: 'sluice',
      version: '0.1.0',
      nodeVersion: 'v20.19.0',
      pid: 4711,
      uptimeSeconds: 12.5,
      configVersion: 3,
    }),
    running: () => Promise.resolve({ version: 3, note: '' }),
    servers: () => Promise.resolve(SERVERS),
    server: findServer,
    caughtUp: () => Promise.resolve(),
    draining: false,
    statistics: () => Promise.resolve(['# pxname,\n']),
    metrics: (prefix) => Promise.resolve([`# HELP ${prefix}_up Up.\n`]),
    ...changes,
  }
}

function findServer(backend: string, name: string): ServerReport {
  const found = SERVERS.servers.find((one) => one.backend === backend && one.server === name)
  if (found !== undefined) return found
  throw new SluiceError('server-unknown', `there is no server ${backend}/${name}`)
}
