import type { TlsCertificate } from '../../net/conn.ts'
import type { CertificateFields, NameEntry } from '../../net/tls/certificate-fields.ts'
import type { SessionFacts } from '../facts.ts'
import type { Parameter } from '../language/calls.ts'
import { type Fetch, type FetchRow, type SampleType, singleSample, type Value } from './samples.ts'

type CertificateOf = (facts: SessionFacts) => TlsCertificate | null

const ENTRY: Parameter = { name: 'entry', kind: 'text', required: false }
const OCCURRENCE: Parameter = { name: 'occ', kind: 'integer', required: false }

/**
 * What a client has shown, and what it was shown. HAProxy configuration manual, section 7.3.4,
 * `ssl_c_...` and `ssl_f_...`.
 */
export const CERTIFICATE_ROWS: readonly FetchRow<SessionFacts>[] = [
  ...rowsOf('ssl_c', ({ tls }) => tls?.peerCertificate ?? null),
  ...rowsOf('ssl_f', ({ tls }) => tls?.ownCertificate ?? null),
  ['ssl_c_used', plain('bool', ({ tls }) => Number((tls?.peerCertificate ?? null) !== null))],
  ['ssl_c_verify', plain('int', ({ tls }) => tls?.verification ?? null)],
  [
    'ssl_fc_has_crt',
    plain('bool', ({ tls }) =>
      Number(tls !== null && tls.peerCertificate !== null && !tls.isResumed),
    ),
  ],
]

function rowsOf(prefix: string, certificateOf: CertificateOf): FetchRow<SessionFacts>[] {
  const field = (
    type: SampleType,
    read: (fields: CertificateFields) => Value | null,
  ): Fetch<SessionFacts> => {
    return plain(type, (facts) => {
      const fields = certificateOf(facts)?.fields ?? null
      return fields === null ? null : read(fields)
    })
  }
  const name = (read: (fields: CertificateFields) => readonly NameEntry[]): Fetch<SessionFacts> => {
    const make: Fetch<SessionFacts>['make'] = (entry = '', occurrence = '') =>
      field('str', (fields) => partOf(read(fields), entry, occurrence)).make()
    return { parameters: [ENTRY, OCCURRENCE], derives: false, make }
  }
  const rows: FetchRow<SessionFacts>[] = [
    ['der', plain('bin', (facts) => latin1Of(certificateOf(facts)?.der))],
    ['i_dn', name(({ issuer }) => issuer)],
    ['key_alg', field('str', ({ keyAlgorithm }) => keyAlgorithm)],
    ['notafter', field('str', ({ notAfter }) => notAfter)],
    ['notbefore', field('str', ({ notBefore }) => notBefore)],
    ['s_dn', name(({ subject }) => subject)],
    ['serial', field('bin', ({ serial }) => serial)],
    ['sha1', plain('bin', (facts) => bytesOf(certificateOf(facts)?.sha1))],
    ['sig_alg', field('str', ({ signatureAlgorithm }) => signatureAlgorithm)],
    ['version', field('int', ({ version }) => version)],
  ]
  return rows.map(([suffix, fetch]) => [`${prefix}_${suffix}`, fetch])
}

/**
 * A name in one line, `/C=FR/CN=www`, or one of its parts.
 *
 * @param entry its kind, in whatever case; '': all
 * @param occurrence which of several, from 1, or from -1 at the end; '': the first
 */
function partOf(name: readonly NameEntry[], entry: string, occurrence: string): string | null {
  if (entry === '') {
    return name.length === 0 ? null : name.map(({ type, value }) => `/${type}=${value}`).join('')
  }
  const wanted = entry.toLowerCase()
  const parts = name.filter(({ type }) => type.toLowerCase() === wanted)
  const place = occurrence === '' ? 1 : Number(occurrence)
  return parts.at(place > 0 ? place - 1 : place)?.value ?? null
}

function plain(
  type: SampleType,
  value: (facts: SessionFacts) => Value | null,
): Fetch<SessionFacts> {
  return { parameters: [], derives: false, make: () => singleSample(type, value) }
}

function latin1Of(bytes: Uint8Array | undefined): string | null {
  return bytes === undefined ? null : Buffer.from(bytes).toString('latin1')
}

function bytesOf(hex: string | undefined): string | null {
  return hex === undefined ? null : Buffer.from(hex, 'hex').toString('latin1')
}
