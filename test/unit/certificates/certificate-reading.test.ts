import { generateKeyPairSync } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import { describe, expect, it } from 'vitest'
import { SluiceError } from '../../../src/base/errors.ts'
import {
  hasPrivateKey,
  type PemFile,
  readCertificate,
} from '../../../src/certificates/certificate-reading.ts'
import type { PlannedCertificate } from '../../../src/model/plan.ts'
import { type Certificate, createAuthority, selfSigned } from '../../fixtures/certificates.ts'

const root = createAuthority('Root')
const between = root.certify('Between')
const AIA = 'http://ca.example/between.crt'
const site = between.issue({ names: ['a.example', '*.B.example'], issuerUrl: AIA })

function file(...texts: string[]): PemFile {
  return { path: '/c/site.pem', text: texts.join('\n') }
}

function read(pem: PemFile, beside: PemFile | null = null, known = ''): PlannedCertificate {
  const isKnownAuthority = (subject: string): boolean => subject === known
  return readCertificate(pem, beside, { nowMs: Date.now(), isKnownAuthority })
}

function refusal(pem: PemFile, beside: PemFile | null = null): string {
  try {
    read(pem, beside)
    return ''
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error
    return `${error.code} ${error.message}`
  }
}

function countOf(chain: string): number {
  return chain.split('BEGIN CERTIFICATE').length - 1
}

describe('a certificate', () => {
  it('is read with its names, in lower case, its chain and its key', () => {
    const found = read(file('# a comment', site.cert, between.cert, site.key))
    expect(found).toMatchObject({ path: '/c/site.pem', keyType: 'ec' })
    expect(found.names).toEqual(['a.example', '*.b.example'])
    expect(countOf(found.chain)).toBe(2)
    expect(Math.round((found.notAfterMs - Date.now()) / 86_400_000)).toBe(10)
    createSecureContext({ cert: found.chain, key: found.key })
  })

  it('may have an RSA key, in any form of PEM, before it or behind it', () => {
    const { publicKey: _, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    expect(privateKey.asymmetricKeyType).toBe('rsa')
    const rsa = root.issue({ names: ['r.example'], keyType: 'rsa' })
    expect(read(file(rsa.key, rsa.cert)).keyType).toBe('rsa')
  })

  it('comes with its issuers in the order in which each certifies the one before, and no others', () => {
    const stranger = createAuthority('Stranger')
    const found = read(file(site.cert, stranger.cert, root.cert, between.cert, site.key))
    expect(found.chain.split(/(?<=END CERTIFICATE-----)\n/).map((pem) => pem.trim())).toEqual(
      [site, between, root].map(({ cert }) => cert.trim()),
    )
  })

  it('has its key beside it where there is none in the file', () => {
    expect([file(site.cert), file(site.cert, site.key)].map(hasPrivateKey)).toEqual([false, true])
    const beside = { path: '/c/site.key', text: site.key }
    expect(read(file(site.cert, between.cert), beside).key).toContain('PRIVATE KEY')
  })

  it('may be signed by itself, or by an authority that is not public', () => {
    const own = selfSigned({ names: ['own.example'] })
    const intern = root.issue({ names: ['in.example'] })
    for (const { cert, key } of [own, intern]) expect(refusal(file(cert, key))).toBe('')
  })

  it('needs no issuer that every client knows', () => {
    expect(read(file(site.cert, site.key), null, 'CN=Between').names).toContain('a.example')
  })
})

describe('a certificate is refused', () => {
  const expired = root.issue({ names: ['old.example'], validFromDays: -20, validUntilDays: -1 })
  const early = root.issue({ names: ['new.example'], validFromDays: 1, validUntilDays: 9 })
  const other = root.issue({ names: ['other.example'] })
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const cipher = 'aes-256-cbc'
  const sealed = privateKey.export({ type: 'pkcs8', format: 'pem', cipher, passphrase: 'x' })
  const together = ({ cert, key }: Certificate): PemFile => file(cert, key)
  const broken = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----'
  const line = site.cert.split('\n').length

  it.each([
    ['no certificate', file(site.key), /^\/c\/site.pem: there is no certificate in it$/],
    ['no text at all', file(''), /there is no certificate/],
    ['what cannot be read', file(broken, site.key), /^\/c\/site.pem:1: .* cannot be read$/],
    [
      'an issuer that cannot be read',
      file(site.cert.trim(), broken, site.key),
      new RegExp(`^/c/site.pem:${line}: .* cannot be read$`),
    ],
    ['no key', file(site.cert), /no private key for CN=a.example in it$/],
    [
      "another's key",
      file(site.cert, other.key),
      /private key is not that of CN=a.example \(line 1\)$/,
    ],
    ['two keys', file(site.cert, site.key, other.key), /this is a second private key$/],
    ['a sealed key', file(site.cert, String(sealed)), /sealed by a passphrase/],
    [
      'a key that cannot be read',
      file(site.cert, '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----'),
      /this private key cannot be read$/,
    ],
    [
      'expired',
      together(expired),
      /^\/c\/site.pem:1: the certificate of CN=old.example has expired/,
    ],
    ['not valid yet', together(early), /certificate of CN=new.example is not valid before/],
    [
      'its chain',
      together(site),
      /certificate of CN=a.example misses its chain: that of its issuer, CN=Between, is not/,
    ],
    ['too many', file(...Array<string>(11).fill(site.cert), site.key), /more than 10 certificates/],
  ])('for %s', (_, pem, message) => {
    const [code, ...rest] = refusal(pem).split(' ')
    expect(code).toBe('certificate-invalid')
    expect(rest.join(' ')).toMatch(message)
  })

  it('without showing any of its key', () => {
    const secret = site.key.split('\n')[1] ?? ''
    const pems = [file(site.cert, other.key, site.key), file(site.key), file(broken, site.key)]
    for (const pem of pems) expect(refusal(pem)).not.toContain(secret.slice(0, 20))
  })
})
