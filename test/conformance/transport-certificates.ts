import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import type { PeerTls } from '../../src/consensus/peers/transport-options.ts'

const ECDSA_WITH_SHA256 = Buffer.from('06082a8648ce3d040302', 'hex')
const COMMON_NAME = Buffer.from('0603550403', 'hex')
const BASIC_CONSTRAINTS = Buffer.from('0603551d13', 'hex')
const SUBJECT_ALT_NAME = Buffer.from('0603551d11', 'hex')
const TRUE = Buffer.from('0101ff', 'hex')
const TAG = { integer: 2, bits: 3, octets: 4, utf8: 12, time: 23, sequence: 0x30, set: 0x31 }
const DNS_NAME = 0x82

/** What a certificate says. */
export interface Naming {
  readonly commonName: string
  readonly dnsNames?: readonly string[]
  /** As `YYMMDDhhmmssZ`. */
  readonly until?: string
}

/** An authority that certifies whatever it is asked to (RFC 5280), made for one test run. */
export class TestAuthority {
  readonly pem: string
  readonly #name: string
  readonly #key: KeyObject

  constructor(name: string) {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    this.#name = name
    this.#key = privateKey
    const extension = tagged(TAG.octets, sequence(TRUE))
    this.pem = this.#certificate({ commonName: name }, publicKey, [
      sequence(BASIC_CONSTRAINTS, TRUE, extension),
    ])
  }

  /** Key and certificate of a node. */
  issue(naming: Naming): PeerTls {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const names = naming.dnsNames?.map((name) => tagged(DNS_NAME, Buffer.from(name)))
    const extensions =
      names === undefined
        ? []
        : [sequence(SUBJECT_ALT_NAME, tagged(TAG.octets, sequence(...names)))]
    const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
    return { ca: this.pem, crt: this.#certificate(naming, publicKey, extensions), key }
  }

  #certificate(naming: Naming, key: KeyObject, extensions: readonly Buffer[]): string {
    const body = sequence(
      tagged(0xa0, tagged(TAG.integer, Buffer.of(2))),
      tagged(TAG.integer, Buffer.from([1, ...Buffer.from(naming.commonName)])),
      sequence(ECDSA_WITH_SHA256),
      nameOf(this.#name),
      sequence(time('200101000000Z'), time(naming.until ?? '491231235959Z')),
      nameOf(naming.commonName),
      key.export({ type: 'spki', format: 'der' }),
      ...(extensions.length === 0 ? [] : [tagged(0xa3, sequence(...extensions))]),
    )
    const signature = Buffer.concat([Buffer.of(0), sign('sha256', body, this.#key)])
    const der = sequence(body, sequence(ECDSA_WITH_SHA256), tagged(TAG.bits, signature))
    const lines = der
      .toString('base64')
      .match(/.{1,64}/g)
      ?.join('\n')
    return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`
  }
}

function nameOf(commonName: string): Buffer {
  const value = tagged(TAG.utf8, Buffer.from(commonName))
  return sequence(tagged(TAG.set, sequence(COMMON_NAME, value)))
}

function time(text: string): Buffer {
  return tagged(TAG.time, Buffer.from(text))
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return tagged(TAG.sequence, Buffer.concat(parts))
}

function tagged(tag: number, content: Buffer): Buffer {
  const { length } = content
  if (length < 0x80) return Buffer.concat([Buffer.of(tag, length), content])
  const bytes = length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.of(tag, ...bytes), content])
}
