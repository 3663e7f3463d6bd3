import type { Conn } from '../../net/conn.ts'
import type { Finding } from './dialogue.ts'

/** A check whose protocol a library of Node speaks: it has a connection to itself. */
export interface Conversation {
  /** Nothing is to be told any more. Its connection has been closed. */
  stop(): void
}

/**
 * Begins a conversation.
 *
 * @param conn is established, and taken over; closing it is left to the caller
 * @param onFinding called at most once, from the event loop
 */
export type BeginConversation = (conn: Conn, onFinding: (finding: Finding) => void) => Conversation
