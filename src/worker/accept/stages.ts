import type { Conn } from '../../net/conn.ts'
import type { Place } from '../clients/session.ts'

/**
 * Takes charge of a connection and of its place: sets the connection's handler and passes the place
 * to itself before it returns, and leaves the place once the connection has ended.
 */
export type Begin = (conn: Conn, place: Place) => void

/**
 * A stage between accept and session, made for what follows it: it begins with a connection, and
 * once that may go on, begins the next stage with it, or with a connection over it. What arrived
 * ahead is handed to the handler that the next stage has set.
 */
export type Stage = (next: Begin) => Begin

/** Puts stages in a row in front of the session. Done once a listener and plan, not a connection. */
export function inRow(stages: readonly Stage[], session: Begin): Begin {
  return stages.reduceRight((next, stage) => stage(next), session)
}
