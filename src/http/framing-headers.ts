/**
 * Headers that say how this one connection and this one message are framed (RFC 9110 sections 6.4
 * and 7.6.1, RFC 9112 section 6). The proxy alone writes them: who could set one in a rule, or have
 * it follow in a trailer, could make two readers see different messages. In lower case.
 */
export const FRAMING_HEADERS: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])
