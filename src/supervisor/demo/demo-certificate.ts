import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'

const DAY_MS = 86_400_000

/** It is made anew with each demo. */
const VALID_DAYS = 30

/** A certificate with its private key, both in PEM form. */
export interface DemoCertificate {
  readonly cert: string
  readonly key: string
}

/**
 * Makes a certificate for `localhost` and 127.0.0.1 that is signed by itself (RFC 5280): Node.js
 * reads certificates and makes none.
 *
 * @param nowMs milliseconds since 1970
 */
export function makeDemoCertificate(nowMs: number): DemoCertificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const name = sequence(set(sequence(identifier('550403'), text('Sluice demo'))))
  const names = sequence(
    value(0x82, Buffer.from('localhost')),
    value(0x87, Buffer.from([127, 0, 0, 1])),
  )
  const signed = sequence(
    value(0xa0, value(0x02, Buffer.from([2]))),
    // Of a positive number the first bit is 0.
    value(0x02, Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    ECDSA_WITH_SHA256,
    name,
    sequence(moment(nowMs - DAY_MS), moment(nowMs + VALID_DAYS * DAY_MS)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    value(0xa3, sequence(extension('551d11', names))),
  )
  const signature = sign('sha256', signed, privateKey)
  const der = sequence(signed, ECDSA_WITH_SHA256, value(0x03, Buffer.from([0]), signature))
  const lines = der.toString('base64').match(/.{1,64}/g) ?? []
  return {
    cert: ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n'),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

const ECDSA_WITH_SHA256 = sequence(identifier('2a8648ce3d040302'))

/** A value of DER with its tag and its length of at most 65535 bytes (X.690 section 8.1). */
function value(tag: number, ...parts: readonly Buffer[]): Buffer {
  const contents = Buffer.concat(parts)
  const { length } = contents
  return Buffer.concat([Buffer.from([tag, ...lengthBytes(length)]), contents])
}

/** As few as there can be: browsers read no others (X.690 section 10.1). */
function lengthBytes(length: number): number[] {
  if (length < 0x80) return [length]
  return length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return value(0x30, ...parts)
}

function set(...parts: readonly Buffer[]): Buffer {
  return value(0x31, ...parts)
}

function text(utf8: string): Buffer {
  return value(0x0c, Buffer.from(utf8))
}

/** @param hex the bytes of an object identifier */
function identifier(hex: string): Buffer {
  return value(0x06, Buffer.from(hex, 'hex'))
}

function extension(hex: string, contents: Buffer): Buffer {
  return sequence(identifier(hex), value(0x04, contents))
}

/** UTCTime, which serves until 2050. */
function moment(atMs: number): Buffer {
  const iso = new Date(atMs).toISOString()
  return value(0x17, Buffer.from(`${iso.replace(/[-:T]/g, '').slice(2, 14)}Z`))
}
