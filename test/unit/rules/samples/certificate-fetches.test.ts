import { expect, it } from 'vitest'
import type { TlsCertificate } from '../../../../src/net/conn.ts'
import type { SessionFacts } from '../../../../src/rules/facts.ts'
import { SESSION_PHASE } from '../../../../src/rules/language/phases.ts'
import { compileSample, sampleProblem } from '../../../../src/rules/samples/sample-text.ts'
import { TLS_FACTS } from '../../../fixtures/tls-facts.ts'

const SHOWN: TlsCertificate = {
  der: Buffer.from('DER'),
  sha1: '00FF',
  fields: {
    version: 3,
    serial: '\x0a\xff',
    signatureAlgorithm: 'ecdsa-with-SHA256',
    issuer: [{ type: 'CN', value: 'CA' }],
    notBefore: '260101000000Z',
    notAfter: '270101000000Z',
    notBeforeMs: 0,
    notAfterMs: 0,
    subject: [
      { type: 'C', value: 'FR' },
      { type: 'OU', value: 'one' },
      { type: 'OU', value: 'two' },
      { type: 'CN', value: 'alice' },
      { type: '1.2.3', value: 'x' },
    ],
    keyAlgorithm: 'id-ecPublicKey',
  },
}

const EMPTY: TlsCertificate = {
  ...SHOWN,
  fields: { ...(SHOWN.fields as NonNullable<typeof SHOWN.fields>), subject: [] },
}

/** What an expression gives for a client with this certificate; no TLS where it is undefined. */
function sampleOf(text: string, peerCertificate?: TlsCertificate | null): unknown {
  const tls = peerCertificate === undefined ? null : { ...TLS_FACTS, peerCertificate }
  return compileSample(text, SESSION_PHASE).value({ tls } as SessionFacts)
}

it.each([
  ['ssl_c_used', 1],
  ['ssl_fc_has_crt', 1],
  ['ssl_c_verify', 0],
  ['ssl_c_version', 3],
  ['ssl_c_s_dn', '/C=FR/OU=one/OU=two/CN=alice/1.2.3=x'],
  ['ssl_c_s_dn(cn)', 'alice'],
  ['ssl_c_s_dn(OU)', 'one'],
  ['ssl_c_s_dn(ou,2)', 'two'],
  ['ssl_c_s_dn(ou,3)', null],
  ['ssl_c_s_dn(ou,-1)', 'two'],
  ['ssl_c_s_dn(ou,-2)', 'one'],
  ['ssl_c_s_dn(1.2.3)', 'x'],
  ['ssl_c_s_dn(o)', null],
  ['ssl_c_i_dn(cn),upper', 'CA'],
  ['ssl_c_serial', '0AFF'],
  ['ssl_c_serial,hex', '0AFF'],
  ['ssl_c_serial,lower', '0aff'],
  ['ssl_c_serial,base64', 'Cv8='],
  ['ssl_c_sha1', '00FF'],
  ['ssl_c_der,base64', 'REVS'],
  ['ssl_c_notbefore', '260101000000Z'],
  ['ssl_c_notafter', '270101000000Z'],
  ['ssl_c_key_alg', 'id-ecPublicKey'],
  ['ssl_c_sig_alg', 'ecdsa-with-SHA256'],
  ['str(a),hex', '61'],
])('%s', (text, expected) => {
  expect(sampleOf(text, SHOWN)).toBe(expected)
})

it('gives nothing where there is nothing', () => {
  expect(sampleOf('ssl_c_s_dn', EMPTY)).toBeNull()
  expect(sampleOf('ssl_c_serial', { ...SHOWN, fields: null })).toBeNull()
  for (const text of ['ssl_c_s_dn', 'ssl_c_der', 'ssl_c_sha1', 'ssl_f_serial,hex']) {
    expect(sampleOf(text, null)).toBeNull()
    expect(sampleOf(text)).toBeNull()
  }
  expect([sampleOf('ssl_c_used'), sampleOf('ssl_c_used', null)]).toEqual([0, 0])
  expect([sampleOf('ssl_c_verify'), sampleOf('ssl_c_verify', null)]).toEqual([null, 0])
  expect(sampleProblem('ssl_c_s_dn(cn,x)', SESSION_PHASE)?.message).toMatch(/integer|number/)
})
