import { FRAMING_HEADERS } from './fields.ts'

/**
 * Whether a message with a trailer of this name is refused: what frames the message, or says which
 * host it is for or what is expected of its reader, no message has which is meant well (RFC 9110
 * sections 6.5.1 and 7.6.1). A server that merges trailers into the headers would read another
 * request.
 *
 * @param name in lower case
 */
export function isRefusedTrailer(name: string): boolean {
  return name === 'host' || name === 'expect' || FRAMING_HEADERS.has(name)
}

/**
 * Trailers that are never passed on, by what a reader that merges them into the headers would take
 * from them. RFC 9110 section 6.5.1: routing, authentication, request modifiers, response
 * controls, what describes the content; and what names the client, which proxies vouch for.
 */
const DROPPED_NAMES: ReadonlySet<string> = new Set([
  // Routing, and the method that is meant.
  'http2-settings',
  'max-forwards',
  'via',
  'x-http-method',
  'x-http-method-override',
  'x-method-override',
  'x-original-url',
  'x-rewrite-url',
  // Who the client is, and what it may.
  'authentication-info',
  'authorization',
  'cookie',
  'cookie2',
  'forwarded',
  'from',
  'origin',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'referer',
  'set-cookie',
  'set-cookie2',
  'www-authenticate',
  'x-client-ip',
  'x-real-ip',
  // What modifies a request.
  'accept',
  'cache-control',
  'pragma',
  'prefer',
  'range',
  'user-agent',
  // What controls a response.
  'age',
  'date',
  'expires',
  'location',
  'refresh',
  'retry-after',
  'vary',
  'warning',
  // What describes the content. A digest of it may follow it (RFC 9530 section 2).
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-location',
  'content-range',
  'content-type',
])

/** Beginnings of names that are as those of {@link DROPPED_NAMES}. */
const DROPPED_BEGINNINGS = [
  'accept-',
  'access-control-',
  'if-',
  'proxy-auth',
  'sec-',
  'x-forwarded-',
]

/**
 * Whether a trailer is dropped whatever the config says. Names that nobody knows are passed on, as
 * are `grpc-status` and `grpc-message`.
 *
 * @param name in lower case
 */
export function isDroppedTrailer(name: string): boolean {
  if (DROPPED_NAMES.has(name)) return true
  return DROPPED_BEGINNINGS.some((beginning) => name.startsWith(beginning))
}

/** Whether a trailer of this name, in lower case, is not to be passed on. */
export type TrailerTest = (name: string) => boolean
