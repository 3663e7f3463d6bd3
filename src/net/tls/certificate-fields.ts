/*
 * X.509 certificates as far as rules ask for their fields (RFC 5280 section 4.1), out of DER (X.690).
 * What TLS itself thinks of a certificate is OpenSSL's affair: nothing here decides whom to trust.
 */

/** One part of a name, such as `CN=www.example.com`. */
export interface NameEntry {
  /** OpenSSL's short name of its kind, such as `CN`; a number with dots where it has none. */
  readonly type: string
  /** As it is written in the certificate, one character a byte. */
  readonly value: string
}

/** What a certificate says of itself. */
export interface CertificateFields {
  /** From 1. */
  readonly version: number
  /** Without leading zeros, one character a byte. */
  readonly serial: string
  /** OpenSSL's short name: `ecdsa-with-SHA256`. */
  readonly signatureAlgorithm: string
  readonly issuer: readonly NameEntry[]
  /** `YYMMDDhhmmssZ`, as HAProxy writes it. */
  readonly notBefore: string
  readonly notAfter: string
  /** Milliseconds since 1970; NaN where it is no moment. */
  readonly notBeforeMs: number
  readonly notAfterMs: number
  readonly subject: readonly NameEntry[]
  /** OpenSSL's short name: `id-ecPublicKey`. */
  readonly keyAlgorithm: string
}

const INTEGER = 0x02
const IDENTIFIER = 0x06
const GENERALIZED_TIME = 0x18
const SEQUENCE = 0x30
const SET = 0x31
/** `[0]` of TBSCertificate: its version. */
const VERSION = 0xa0

/** Parts of a name; more are not read. */
const NAME_ENTRIES_MAX = 256

/** Bytes of an identifier; the longest in use have some 20. */
const IDENTIFIER_BYTES_MAX = 64

/** Short names of OpenSSL (`OBJ_nid2sn`), as HAProxy writes them. */
const SHORT_NAMES: Readonly<Record<string, string>> = {
  '2.5.4.3': 'CN',
  '2.5.4.4': 'SN',
  '2.5.4.5': 'serialNumber',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.9': 'street',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
  '2.5.4.12': 'title',
  '2.5.4.13': 'description',
  '2.5.4.15': 'businessCategory',
  '2.5.4.17': 'postalCode',
  '2.5.4.20': 'telephoneNumber',
  '2.5.4.41': 'name',
  '2.5.4.42': 'GN',
  '2.5.4.43': 'initials',
  '2.5.4.44': 'generationQualifier',
  '2.5.4.45': 'x500UniqueIdentifier',
  '2.5.4.46': 'dnQualifier',
  '2.5.4.65': 'pseudonym',
  '2.5.4.97': 'organizationIdentifier',
  '0.9.2342.19200300.100.1.1': 'UID',
  '0.9.2342.19200300.100.1.25': 'DC',
  '1.2.840.113549.1.9.1': 'emailAddress',
  '1.2.840.113549.1.9.2': 'unstructuredName',
  '1.3.6.1.4.1.311.60.2.1.1': 'jurisdictionL',
  '1.3.6.1.4.1.311.60.2.1.2': 'jurisdictionST',
  '1.3.6.1.4.1.311.60.2.1.3': 'jurisdictionC',
  '1.2.840.113549.1.1.1': 'rsaEncryption',
  '1.2.840.113549.1.1.5': 'RSA-SHA1',
  '1.2.840.113549.1.1.10': 'RSASSA-PSS',
  '1.2.840.113549.1.1.11': 'RSA-SHA256',
  '1.2.840.113549.1.1.12': 'RSA-SHA384',
  '1.2.840.113549.1.1.13': 'RSA-SHA512',
  '1.2.840.113549.1.1.14': 'RSA-SHA224',
  '1.2.840.10040.4.1': 'dsaEncryption',
  '1.2.840.10045.2.1': 'id-ecPublicKey',
  '1.2.840.10045.4.1': 'ecdsa-with-SHA1',
  '1.2.840.10045.4.3.1': 'ecdsa-with-SHA224',
  '1.2.840.10045.4.3.2': 'ecdsa-with-SHA256',
  '1.2.840.10045.4.3.3': 'ecdsa-with-SHA384',
  '1.2.840.10045.4.3.4': 'ecdsa-with-SHA512',
  '1.3.101.112': 'ED25519',
  '1.3.101.113': 'ED448',
}

/**
 * Reads the fields of a certificate.
 *
 * @param der not kept
 * @returns null where it is none
 */
export function readCertificateFields(der: Uint8Array): CertificateFields | null {
  const bytes = Buffer.from(der.buffer, der.byteOffset, der.byteLength)
  const signed = new Values(bytes, 0, bytes.length).in(SEQUENCE)?.in(SEQUENCE)
  if (signed === undefined || signed === null) return null
  const version = signed.in(VERSION)?.take(INTEGER)?.[0] ?? 0
  const serial = signed.take(INTEGER)
  const signatureAlgorithm = identifierOf(signed.in(SEQUENCE)?.take(IDENTIFIER))
  const issuer = nameOf(signed.in(SEQUENCE))
  const validity = signed.in(SEQUENCE)
  const [notBefore, notAfter] = [validity?.time(), validity?.time()]
  const subject = nameOf(signed.in(SEQUENCE))
  const keyAlgorithm = identifierOf(signed.in(SEQUENCE)?.in(SEQUENCE)?.take(IDENTIFIER))
  if (serial == null || issuer === null || subject === null) return null
  if (notBefore == null || notAfter == null) return null
  if (signatureAlgorithm === null || keyAlgorithm === null) return null
  return {
    version: version + 1,
    serial: withoutZeros(serial).toString('latin1'),
    signatureAlgorithm,
    issuer,
    notBefore: shortTime(notBefore),
    notAfter: shortTime(notAfter),
    notBeforeMs: momentOf(notBefore),
    notAfterMs: momentOf(notAfter),
    subject,
    keyAlgorithm,
  }
}

/** Values of DER that follow each other in `bytes[at, end)`, taken one by one. */
class Values {
  readonly #bytes: Buffer
  #at: number
  readonly #end: number

  constructor(bytes: Buffer, at: number, end: number) {
    this.#bytes = bytes
    this.#at = at
    this.#end = end
  }

  /** The tag of the next value; -1 behind the last. */
  get tag(): number {
    return this.#at < this.#end ? (this.#bytes[this.#at] as number) : -1
  }

  /** The contents of the next value, which must have this tag; null, and nothing taken, where not. */
  take(tag: number): Buffer | null {
    if (this.tag !== tag) return null
    const start = this.#at + 2
    const first = this.#bytes[this.#at + 1] as number
    const lengthBytes = first < 0x80 ? 0 : first - 0x80
    // A length of unknown end is not DER; four bytes of it are more than any certificate has.
    if (start > this.#end || first === 0x80 || lengthBytes > 4) return null
    if (start + lengthBytes > this.#end) return null
    const length = lengthBytes === 0 ? first : this.#bytes.readUIntBE(start, lengthBytes)
    const from = start + lengthBytes
    if (length > this.#end - from) return null
    this.#at = from + length
    return this.#bytes.subarray(from, this.#at)
  }

  /** What the next value is made of. */
  in(tag: number): Values | null {
    const contents = this.take(tag)
    return contents === null ? null : new Values(contents, 0, contents.length)
  }

  /** The next value as a moment: `YYYYMMDDhhmmssZ`, or as long as it is written. */
  time(): string | null {
    const isLong = this.tag === GENERALIZED_TIME
    const text = this.take(this.tag)?.toString('latin1')
    if (text === undefined) return null
    // Two digits of a year are of 1950 to 2049 (RFC 5280 section 4.1.2.5.1).
    return isLong ? text : `${text >= '50' ? '19' : '20'}${text}`
  }
}

function nameOf(parts: Values | null | undefined): NameEntry[] | null {
  if (parts === null || parts === undefined) return null
  const entries: NameEntry[] = []
  for (let part = parts.in(SET); part !== null; part = parts.in(SET)) {
    for (let pair = part.in(SEQUENCE); pair !== null; pair = part.in(SEQUENCE)) {
      const type = identifierOf(pair.take(IDENTIFIER))
      const value = pair.take(pair.tag)
      if (type === null || value === null || entries.length >= NAME_ENTRIES_MAX) return null
      entries.push({ type, value: value.toString('latin1') })
    }
  }
  return entries
}

/** The short name of an identifier, or its numbers with dots between them (X.690 section 8.19). */
function identifierOf(bytes: Buffer | null | undefined): string | null {
  if (bytes == null || bytes.length === 0 || bytes.length > IDENTIFIER_BYTES_MAX) return null
  const numbers: bigint[] = []
  let number = 0n
  for (const byte of bytes) {
    number = (number << 7n) | BigInt(byte & 0x7f)
    if (byte & 0x80) continue
    numbers.push(number)
    number = 0n
  }
  const [first = 0n, ...others] = numbers
  const top = first < 80n ? first / 40n : 2n
  const text = [top, first - top * 40n, ...others].join('.')
  return SHORT_NAMES[text] ?? text
}

/** A positive number whose first bit is set has a zero before it, which HAProxy leaves out. */
function withoutZeros(number: Buffer): Buffer {
  let from = 0
  while (from < number.length - 1 && number[from] === 0) from++
  return number.subarray(from)
}

/** HAProxy leaves the century out. */
function shortTime(time: string): string {
  return time.slice(2)
}

function momentOf(time: string): number {
  const match = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(time)
  if (match === null) return Number.NaN
  const [year, month, day, hour, minute, second] = match.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  return Date.UTC(year, month - 1, day, hour, minute, second)
}
