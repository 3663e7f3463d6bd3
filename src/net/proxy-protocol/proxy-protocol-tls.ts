import type { ProxyVersion } from '../../model/config.ts'
import type { TlsFacts } from '../conn.ts'

/** Types of values (proxy-protocol.txt section 2.2). */
const TYPE_ALPN = 0x01
const TYPE_SSL = 0x20
const SUBTYPE_VERSION = 0x21
const SUBTYPE_COMMON_NAME = 0x22

/** Bits of the first byte of the value on TLS (section 2.2.6). */
const CLIENT_SSL = 0x01
const CLIENT_CERT_CONN = 0x02
const CLIENT_CERT_SESS = 0x04

/** Those bits, and four bytes for what is wrong with the client's certificate. */
const SSL_HEAD_BYTES = 5

/** Bytes of a protocol's name (RFC 7301) and of a common name (RFC 5280 appendix A.1: 64) that are told. */
const TEXT_BYTES_MAX = 255

/**
 * What a header of version 2 tells of a client's TLS, byte by byte as HAProxy 2.6 writes it: the
 * protocol of ALPN always; with `send-proxy-v2-ssl` the version and whether there was a certificate,
 * also where nothing is encrypted; with `send-proxy-v2-ssl-cn` the name in that.
 *
 * @returns a new buffer
 */
export function encodeTlsValues(version: ProxyVersion, tls: TlsFacts | null): Uint8Array {
  const alpn = tls?.alpn ?? null
  const parts = alpn === null ? [] : [valueWith(TYPE_ALPN, textOf(alpn))]
  if (version === '2-ssl' || version === '2-ssl-cn') {
    parts.push(valueWith(TYPE_SSL, sslValue(tls, version === '2-ssl-cn')))
  }
  return Buffer.concat(parts)
}

function sslValue(tls: TlsFacts | null, withName: boolean): Buffer {
  const head = Buffer.alloc(SSL_HEAD_BYTES)
  if (tls === null) return head
  const { peerCertificate, protocol } = tls
  const ofCertificate = tls.isResumed ? CLIENT_CERT_SESS : CLIENT_CERT_SESS | CLIENT_CERT_CONN
  head[0] = peerCertificate === null ? CLIENT_SSL : CLIENT_SSL | ofCertificate
  head.writeUInt32BE(tls.verification, 1)
  const parts = [head, valueWith(SUBTYPE_VERSION, textOf(protocol))]
  const name = peerCertificate?.fields?.subject.find(({ type }) => type === 'CN')
  if (withName && name !== undefined) parts.push(valueWith(SUBTYPE_COMMON_NAME, textOf(name.value)))
  return Buffer.concat(parts)
}

function textOf(text: string): Buffer {
  return Buffer.from(text.slice(0, TEXT_BYTES_MAX), 'latin1')
}

function valueWith(type: number, content: Buffer): Buffer {
  const value = Buffer.alloc(3 + content.length)
  value[0] = type
  value.writeUInt16BE(content.length, 1)
  content.copy(value, 3)
  return value
}
