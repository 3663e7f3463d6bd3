/** Names of one server whose sessions are kept: who is asked for more is asked at random. */
export const SESSION_NAMES_MAX = 64

/**
 * Sessions with one server that may be resumed, the last of each name that it was asked for. One
 * instance a server and thread. Each is used until the server gives another, as HAProxy does: that
 * two connections can be told to be of one client (RFC 8446 appendix C.4) is no news to a server.
 */
export class ClientSessions {
  readonly #byName = new Map<string, Buffer>()

  /** @param serverName null: the server is asked for none */
  get(serverName: string | null): Buffer | undefined {
    return this.#byName.get(serverName ?? '')
  }

  /** @param session as node:tls gives it */
  keep(serverName: string | null, session: Buffer): void {
    const name = serverName ?? ''
    const [oldest] = this.#byName.keys()
    // What is set anew becomes the newest.
    if (!this.#byName.delete(name) && this.#byName.size >= SESSION_NAMES_MAX) {
      this.#byName.delete(oldest as string)
    }
    this.#byName.set(name, session)
  }

  /** A handshake with it has failed: the next one is done in full. */
  forget(serverName: string | null): void {
    this.#byName.delete(serverName ?? '')
  }
}
