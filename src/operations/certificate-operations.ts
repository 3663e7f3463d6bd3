import { setImmediate as turn } from 'node:timers/promises'
import { factsOf } from '../certificates/certificate-facts.ts'
import type {
  CertificateReload,
  CertificateReloadReport,
  CertificateReport,
  CertificatesReport,
} from './contract/certificates.ts'
import type { OperatedNode, ShownCertificate } from './operated-node.ts'

const DAY_MS = 86_400_000

/** Certificates that are read before others have a turn: some 10 ms. */
const READ_AT_ONCE = 100

/** The certificates that this node shows. */
export async function listCertificates({ source }: OperatedNode): Promise<CertificatesReport> {
  const certificates: CertificateReport[] = []
  const nowMs = Date.now()
  for (const shown of source.certificates()) {
    certificates.push(describe(shown, nowMs))
    if (certificates.length % READ_AT_ONCE === 0) await turn()
  }
  return { node: source.name, certificates }
}

/**
 * Has this node show what the files of its certificates say now, and trust what those of authorities
 * say. Sessions go on; one file that cannot be used, and nothing changes.
 *
 * @throws SluiceError what cannot be used: `certificate-invalid`, `config-unusable` ...
 */
export async function reloadCertificates(
  { source }: OperatedNode,
  { trial = false }: CertificateReload,
): Promise<CertificateReloadReport> {
  return { node: source.name, changed: await source.reloadCertificates(trial) }
}

function describe({ certificate, usedBy }: ShownCertificate, nowMs: number): CertificateReport {
  const { path, names, keyType, notAfterMs } = certificate
  const { subject, issuer, serial, sha256, notBeforeMs, chain } = factsOf(certificate)
  return {
    file: path,
    names,
    subject,
    issuer,
    serial,
    sha256,
    keyType,
    notBefore: new Date(notBeforeMs).toISOString(),
    notAfter: new Date(notAfterMs).toISOString(),
    daysLeft: Math.floor((notAfterMs - nowMs) / DAY_MS),
    chain,
    usedBy,
  }
}
