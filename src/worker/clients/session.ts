import type { Door } from './client-services.ts'

/** Who is in charge of a client's connection: a stage of its acceptance, then its session. */
export interface Session {
  /** Finish what is being worked on, then close. */
  drain(): void
  /** Close now. */
  cut(): void
}

/**
 * What a client's connection is counted by, from the moment that it is accepted until it has ended:
 * it is handed from stage to stage with the connection, and the last one leaves it.
 */
export interface Place {
  /** Where the client has come in. */
  readonly door: Door
  /** Who is in charge. */
  readonly occupant: Session
  /** From now on this one is in charge: it is told to drain and to cut, and no other one is. */
  pass(occupant: Session): void
  /** The connection has ended. Called once, by who is in charge. */
  leave(): void
}
