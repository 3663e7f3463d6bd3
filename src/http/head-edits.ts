/** What is changed in a request on its way. One object serves a thread: set each field or leave it. */
export interface RequestEdits {
  /** Header lines to add, each ended by CRLF; '' for none. The caller vouches for their grammar. */
  added: string
  /** A request target to send in place of the received one; '' keeps it. */
  target: string
  /**
   * No Host is sent, neither a received one nor one among the added lines: the client speaks
   * HTTP/1.0 and has named none. None is made up, so that the server gets the host that rules saw.
   */
  hostless: boolean
  /** Ask the server to close after its response. */
  close: boolean
  /** Pass the client's wish for another protocol on, where it has one. */
  upgrade: boolean
}

/** What a client is told of its connection (RFC 9112 section 9.3). */
export type ConnectionOption = '' | 'close' | 'keep-alive'

/**
 * What to tell a client whose connection is kept or not: HTTP/1.1 keeps by default, HTTP/1.0 closes.
 *
 * @param minorVersion of the client's HTTP/1
 */
export function connectionOption(keep: boolean, minorVersion: number): ConnectionOption {
  if (!keep) return 'close'
  return minorVersion === 0 ? 'keep-alive' : ''
}
