/**
 * A response that is given here, in the place of a server's, whatever version of HTTP carries it to
 * the client. Prepared on the main thread or made of a rule; all text is latin1.
 */
export interface OwnAnswer {
  readonly status: number
  /** Of HTTP/1 alone (RFC 9112 section 4). */
  readonly reason: string
  /** Of the status line in HTTP/1: 1, but where a file says 0. */
  readonly minorVersion: number
  /** `Name: value` CRLF each, without those that frame the message and those of its connection. */
  readonly fields: string
  /** One character a byte. */
  readonly body: string
  /** The client is told nothing, and its connection closed: that tells it. */
  readonly isSilent: boolean
}
