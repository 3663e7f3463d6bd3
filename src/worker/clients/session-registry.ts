/** A client connection that the worker serves. */
export interface Session {
  /** Finish what is being worked on, then close. */
  drain(): void
  /** Close now. */
  cut(): void
}

/** The open sessions of a worker. */
export class SessionRegistry {
  readonly #sessions = new Set<Session>()
  readonly #onChange: (delta: 1 | -1) => void

  /** @param onChange told of every session that begins (1) or ends (-1) */
  constructor(onChange: (delta: 1 | -1) => void) {
    this.#onChange = onChange
  }

  get size(): number {
    return this.#sessions.size
  }

  add(session: Session): void {
    this.#sessions.add(session)
    this.#onChange(1)
  }

  remove(session: Session): void {
    if (this.#sessions.delete(session)) this.#onChange(-1)
  }

  /** Asks every session to finish. */
  drain(): void {
    for (const session of this.#sessions) session.drain()
  }

  /** Ends every session now. */
  cut(): void {
    for (const session of this.#sessions) session.cut()
  }
}
