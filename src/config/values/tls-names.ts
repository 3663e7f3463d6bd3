import { isIP } from 'node:net'
import type { SecureContextOptions } from 'node:tls'
import { nodeTls } from '../../base/host/late-modules.ts'
import { type Parsed, refused } from '../diagnostics/diagnostics.ts'

/** What the name of a server looks like, in TLS. */
export const SERVER_NAME_PATTERN = '^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?$'

/** The name of a protocol of ALPN (RFC 7301), as it is written in a config. */
export const ALPN_PATTERN = '^[!-+\\--~]{1,64}$'

/** Reads the name that a server is asked for in TLS (RFC 6066 section 3): no IP address. */
export function parseServerName(text: string): Parsed<string> {
  const isName = new RegExp(SERVER_NAME_PATTERN).test(text) && isIP(text) === 0
  return isName
    ? { value: text }
    : refused('this is not the name of a host', 'Such as app.example.')
}

/** Names with colons between them, in OpenSSL's words. */
export const TLS_LIST_PATTERN = '^[!-~]+$'

/** Reads `ciphers`: what of TLS 1.2 may be agreed on (OpenSSL, ciphers(1), "CIPHER LIST FORMAT"). */
export function parseCiphers(text: string): Parsed<string> {
  const hint = 'Such as ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256.'
  if (/(^|:)TLS_/.test(text)) {
    return refused('suites of TLS 1.3 are no ciphers', 'Write them in ciphersuites.')
  }
  return tried(
    text,
    { ciphers: text, maxVersion: 'TLSv1.2' },
    'TLS has none of these ciphers',
    hint,
  )
}

/** Reads `ciphersuites`: what of TLS 1.3 may be agreed on. */
export function parseCiphersuites(text: string): Parsed<string> {
  const message = 'these are no suites of TLS 1.3'
  const hint = 'Such as TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256.'
  if (!/^TLS_[A-Z0-9_]+(:TLS_[A-Z0-9_]+)*$/.test(text)) return refused(message, hint)
  return tried(text, { ciphers: text, minVersion: nodeTls().DEFAULT_MAX_VERSION }, message, hint)
}

/** Reads `curves`: groups of the key exchange. */
export function parseCurves(text: string): Parsed<string> {
  return tried(text, { ecdhCurve: text }, 'these are no groups', 'Such as X25519:P-256.')
}

/** OpenSSL alone knows all of its names. */
function tried(
  text: string,
  options: SecureContextOptions,
  message: string,
  hint: string,
): Parsed<string> {
  try {
    nodeTls().createSecureContext(options)
    return { value: text }
  } catch {
    return refused(message, hint)
  }
}
