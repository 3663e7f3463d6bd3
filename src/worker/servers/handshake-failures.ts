/** What has failed for the same reason within this time is said once. */
const SILENCE_MS = 60_000

/** Servers and reasons that are known at once; of more nothing is said until one is forgotten. */
const KNOWN_MAX = 1024

/** Told why TLS with a server has failed. @param server `backend/server` */
export type OnHandshakeFailure = (server: string, reason: string) => void

/** Says why TLS with servers fails: once for each server and reason while it lasts. */
export class HandshakeFailures {
  readonly #tell: OnHandshakeFailure
  /** When it was met last, by server and reason. */
  readonly #metMs = new Map<string, number>()

  constructor(tell: OnHandshakeFailure) {
    this.#tell = tell
  }

  /** A handshake has failed. @param nowMs on the clock of the worker */
  note(server: string, reason: string, nowMs: number): void {
    const what = `${server} ${reason}`
    const isKnown = this.#metMs.has(what)
    if (!isKnown && this.#metMs.size >= KNOWN_MAX) return
    this.#metMs.set(what, nowMs)
    if (!isKnown) this.#tell(server, reason)
  }

  /** Forgets what was not met for a while. Housekeeping, about once a second. */
  sweep(nowMs: number): void {
    for (const [what, metMs] of this.#metMs) {
      if (nowMs - metMs >= SILENCE_MS) this.#metMs.delete(what)
    }
  }
}
