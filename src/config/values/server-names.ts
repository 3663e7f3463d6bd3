import { isIP } from 'node:net'
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
