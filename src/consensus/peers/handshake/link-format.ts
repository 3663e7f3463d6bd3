/**
 * The formats of all that is said on a connection between peers, once TLS is there: the handshake,
 * the hellos, records, questions, streams and the messages of agreement. Whoever calls offers all
 * that it knows, as subprotocols of WebSocket (RFC 6455, section 1.9), and the other end chooses the
 * newest that it knows too. Who offers none knows the first.
 */
const KNOWN: readonly string[] = ['sluice.1']

/**
 * What a caller offers. The oldest is first, for versions of Sluice that know the first alone take
 * the first that is offered.
 */
export function offeredFormats(): string[] {
  return [...KNOWN]
}

/**
 * The format that both ends use.
 *
 * @param offered by the caller; none: it knows only the first
 * @returns undefined: there is none
 */
export function commonFormat(offered: readonly string[]): string | undefined {
  return offered.length === 0 ? KNOWN[0] : KNOWN.findLast((format) => offered.includes(format))
}

/** Reads `Sec-WebSocket-Protocol` of a request. */
export function formatsIn(header: string | undefined): readonly string[] {
  return header === undefined ? [] : header.split(',').map((format) => format.trim())
}

/** For words to operators. */
export function knownFormats(): string {
  return KNOWN.join(', ')
}
